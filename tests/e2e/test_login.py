"""Logging in, in a real browser over the real server: with scripts and without, at two sizes, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from server.access.token import Right
from tests.support.access import add_token, revoke_token
from tests.support.browsing import ID, card, choose_sample
from tests.support.legible import too_wide, violations
from tests.support.releases import riot_release
from tests.support.server import ROOT, Server, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

RELEASE = "sensor/1700000100"
VIEWS = [(1280, "light"), (360, "dark")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("login")
    with running(place / "firmware", place / "state", "--http-host", "0.0.0.0") as server:
        riot_release(server.folder / RELEASE)
        server.wait_ready(RELEASE)
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        yield server


@pytest.fixture
def token(server: Server) -> Iterator[str]:
    yield add_token(server.state, "laptop")
    revoke_token(server.state, "laptop")


@pytest.fixture
def visited(visiting: Callable[..., Page], server: Server) -> Callable[..., Page]:
    """Opens a page of the server."""
    return lambda path="", **options: visiting(f"{server.url}/{path}", **options)


def log_in(page: Page, token: str) -> None:
    page.fill("[name=token]", token)
    page.click("button.primary")


def pictured(page: Page, name: str, width: int, scheme: str) -> None:
    """For people to look at, and nothing sticks out sideways."""
    pictures = ROOT / "tests" / "output"
    pictures.mkdir(parents=True, exist_ok=True)
    assert too_wide(page) == 0, name
    (pictures / f"{name}-{width}-{scheme}.png").write_bytes(page.screenshot())


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_logs_in_changes_something_and_logs_out(
    visited: Any, server: Server, token: str, samples: Path, scripts: bool
) -> None:
    page = visited(java_script_enabled=scripts)
    expect(page.locator(".publish .note")).to_contain_text("Whoever changes something here needs a token.")
    expect(page.locator("#publish, .shelve, .remove, .notify:visible")).to_have_count(0)
    page.click(".account a")
    log_in(page, "ota_wrong")
    expect(page.locator("[role=alert]")).to_contain_text("This token is not known here")
    log_in(page, f" {token} ")
    expect(page).to_have_url(f"{server.url}/")
    expect(page.locator(".account strong")).to_have_text("laptop")
    if scripts:
        choose_sample(page, samples)
        page.fill(ID, "sensor/mine")
        page.click("#publish .primary")
        expect(card(page, "sensor/mine")).to_be_visible()
    card(page, RELEASE).locator(".shelve").click()
    expect(card(page, RELEASE).locator(".shelve")).to_contain_text("Restore")
    card(page, RELEASE).locator(".shelve").click()
    expect(card(page, RELEASE).locator(".shelve")).to_contain_text("Withdraw")
    assert token not in page.content()
    assert not page.context.cookies()[0]["name"].startswith("__Host-")
    page.click(".account button")
    expect(page.locator(".account a")).to_have_text("Log in to publish")
    expect(page.locator("#publish")).to_have_count(0)
    assert page.context.cookies() == []


def test_logging_in_leads_back_to_where_one_was(visited: Any, server: Server, token: str) -> None:
    page = visited("devices")
    page.click(".account a")
    log_in(page, token)
    expect(page).to_have_url(f"{server.url}/devices")
    page.goto(f"{server.url}/login?next=//evil.example/")
    expect(page.locator(".lead")).to_contain_text("You are logged in with the token laptop")
    page.click("text=Go on")
    expect(page).to_have_url(f"{server.url}/")


def test_a_form_without_scripts_gets_the_log_in_and_not_a_blank_refusal(visited: Any, server: Server, token: str) -> None:
    page = visited(java_script_enabled=False)
    page.click(".account a")
    log_in(page, token)
    page.context.clear_cookies()
    card(page, RELEASE).locator(".shelve").click()
    expect(page.locator("[role=alert]")).to_contain_text("Whoever changes something here needs a token.")
    log_in(page, token)
    expect(page).to_have_url(f"{server.url}/")
    assert server.state_of(RELEASE) == "ready"


def test_a_token_that_is_revoked_meanwhile_is_said_with_a_way_back_in(visited: Any, server: Server, samples: Path) -> None:
    token = add_token(server.state, "brief")
    add_token(server.state, "stays")
    page = visited("login")
    log_in(page, token)
    choose_sample(page, samples)
    revoke_token(server.state, "brief")
    expect(page.locator("#banner")).to_contain_text("Nobody is logged in here any more.")
    page.click("#publish .primary")
    outcome = page.locator("#publish .outcome")
    expect(outcome).to_contain_text("Whoever changes something here needs a token.")
    outcome.locator("a").click()
    expect(page.locator("[name=token]")).to_be_visible()
    revoke_token(server.state, "stays")


def test_what_the_token_may_not_is_not_offered(visited: Any, server: Server) -> None:
    for right, shown, hidden in (
        (Right.PUBLISH, "#publish, .shelve", ".remove, .notify:visible, #remove-dialog"),
        (Right.NOTIFY, ".notify:visible", "#publish, .shelve, .remove"),
        (Right.REMOVE, ".remove", "#publish, .shelve, .notify:visible"),
    ):
        text = add_token(server.state, right.value, right)
        page = visited("login")
        log_in(page, text)
        expect(page.locator(".account strong")).to_have_text(right.value)
        expect(card(page, RELEASE)).to_be_visible()
        expect(page.locator(shown).first).to_be_visible()
        expect(page.locator(hidden)).to_have_count(0)
        if right is Right.NOTIFY:
            expect(page.locator(".publish .note")).to_contain_text("The token 'notify' may notify, and nothing else.")
        if right is Right.REMOVE:
            page.locator(".where .copy").wait_for()  # the scripts are at work
            page.locator(".remove").first.click()
            expect(page.locator("#remove-dialog")).to_be_visible()
        page.goto(f"{server.url}/devices")
        expect(page.locator("details.rollout")).to_have_count(1 if right is Right.NOTIFY else 0)
        revoke_token(server.state, right.value)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_it_is_legible_everywhere(visited: Any, token: str, width: int, scheme: str) -> None:
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = visited(**look)
    pictured(page, "access-anonymous", width, scheme)
    page.click(".account a")
    log_in(page, "wrong")
    expect(page.locator("[role=alert]")).to_be_visible()
    pictured(page, "access-wrong", width, scheme)
    assert violations(page) == []
    log_in(page, token)
    expect(page.locator(".account strong")).to_be_visible()
    pictured(page, "access-in", width, scheme)
    assert violations(page) == []
