"""Forgetting a device in a real browser: what is asked, what is said, and the row that goes wherever the list is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests

from server.fleet.devices.known import Known
from server.fleet.devices.register import Register
from server.fleet.fleet import SCHEMA
from server.fleet.record.database import Database
from tests.e2e.test_page_devices import row
from tests.support.legible import too_wide, violations
from tests.support.releases import write_release
from tests.support.server import Server, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

ZONED = "fe80::2%wpan0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It knows devices from an earlier start; each test has its own."""
    folder = tmp_path_factory.mktemp("forgetting")
    database = Database(folder / "state" / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    register = Register(database)
    for number in range(1, 8):
        register.keep(Known(f"fd00::{number}", name=f"cellar {number}", group="house", completed="v1"))
    register.keep(Known(ZONED))
    database.stop()
    with running(folder / "fw", folder / "state") as server:
        write_release(server.folder / "v1")
        server.wait_ready("v1")
        yield server


def forget(server: Server, address: str) -> None:
    requests.delete(f"{server.url}/api/v1/devices/{address}", timeout=60).raise_for_status()


@pytest.mark.parametrize(("scripts", "address", "title"), [(True, "fd00::1", "cellar 1"), (False, ZONED, ZONED)])
def test_it_is_asked_done_and_said(look: Callable[..., Page], scripts: bool, address: str, title: str) -> None:
    from playwright.sync_api import expect

    page = look(java_script_enabled=scripts)
    row(page, address).locator(".title").click()
    page.get_by_role("button", name="Forget this device…").click()
    expect(page.locator("h1")).to_have_text("Forget this device?")
    expect(page.locator(".lead")).to_contain_text(title)
    page.get_by_role("link", name="Keep it").click()
    expect(page.locator("h1")).to_have_text(title)
    page.get_by_role("button", name="Forget this device…").click()
    page.get_by_role("button", name="Forget").click()
    expect(page.locator(".said")).to_have_text(f"{address} is forgotten. Heard again, it comes back as a new device.")
    expect(row(page, address)).to_have_count(0)
    expect(row(page, "fd00::7")).to_be_visible()


@pytest.mark.parametrize(("streams", "number"), [(True, 2), (False, 3)], ids=["streamed", "polled"])
def test_wherever_it_is_looked_at_it_goes(server: Server, look: Callable[..., Page], streams: bool, number: int) -> None:
    from playwright.sync_api import expect

    taken = [] if streams else [requests.get(f"{server.url}/api/v1/events", stream=True, timeout=60) for _ in range(3)]
    try:
        page, one = look(), look(f"devices/fd00::{number}")
        page.evaluate("window.kept = true")
        row(page, f"fd00::{number}").locator(".title").focus()
        forget(server, f"fd00::{number}")
        expect(row(page, f"fd00::{number}")).to_have_count(0)
        expect(page.locator("#devices-title")).to_be_focused()
        expect(page.locator("#live")).to_have_text(f"cellar {number} was forgotten")
        expect(row(page, "fd00::7")).to_be_visible()
        assert page.evaluate("window.kept")
        expect(one.locator("#banner")).to_contain_text("The server knows this device no more.")
    finally:
        for stream in taken:
            stream.close()


def test_a_row_that_went_while_nobody_looked_is_gone(server: Server, look: Callable[..., Page]) -> None:
    from playwright.sync_api import expect

    page = look()
    expect(row(page, "fd00::4")).to_be_visible()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide'))")
    forget(server, "fd00::4")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(row(page, "fd00::4")).to_have_count(0)


def test_why_not_is_said_instead_of_the_question(server: Server, look: Callable[..., Page]) -> None:
    from playwright.sync_api import expect

    plan = {"publish_id": "v1", "urls": ["127.8.2.9", "[fd00::7]"], "waves": "1, rest"}
    answer = requests.post(f"{server.url}/api/v1/rollouts", json=plan, timeout=60)
    assert answer.status_code == 201, answer.text
    page = look("devices/fd00::7")
    page.get_by_role("button", name="Forget this device…").click()
    expect(page.locator(".lead")).to_contain_text(f"The rollout {answer.json()['id']} of v1, which is ")
    expect(page.locator(".lead")).to_contain_text("still waits for fd00::7: stop it first, or let it end.")
    expect(page.get_by_role("button", name="Forget")).to_have_count(0)


def test_question_and_answer_are_for_everybody_and_fit_a_small_screen(server: Server, look: Callable[..., Page]) -> None:
    for address, scheme in (("fd00::5", "light"), ("fd00::6", "dark")):
        name = {"name": "x" * 64, "group": "y" * 64}
        requests.put(f"{server.url}/api/v1/devices/{address}", json=name, timeout=60).raise_for_status()
        page = look(f"devices/{address}", color_scheme=scheme, reduced_motion="reduce")
        for button, heading in (("Forget this device…", "Forget"), ("Forget", "Devices")):
            page.get_by_role("button", name=button).click()
            page.locator("h1", has_text=heading).wait_for()
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert too_wide(page) == 0, (button, scheme, width)
            assert violations(page) == [], (button, scheme)


def test_nothing_untrue_is_said(server: Server, look: Callable[..., Page]) -> None:
    from playwright.sync_api import expect

    page = look()
    for said in ("fd00::7", "not an address", "<b>fd00::9</b>"):
        page.goto(f"{server.url}/devices?forgotten={quote(said)}")
        expect(row(page, "fd00::7")).to_be_visible()
        expect(page.locator(".said")).to_have_count(0)
