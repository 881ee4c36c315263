"""The devices in a real browser: the real server, simulated devices that move, and rows that follow them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from tests.support.legible import too_wide, violations
from tests.support.rehearsal import notify, rehearsing, release
from tests.support.server import Server, running
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page


WATCH = """address => {
  window.drawn = [];
  const note = () => {
    const bar = document.querySelector(`tr.device[data-device="${address}"] progress`);
    if (bar && !bar.hidden && bar.checkVisibility() && drawn.at(-1) !== bar.value) drawn.push(bar.value);
  };
  new MutationObserver(note).observe(document.querySelector("main"), { subtree: true, childList: true, attributes: true });
}"""
"""Keeps each value of a device's bar as it is drawn: whoever looks from outside may come too late."""


def known(server: Server) -> dict[str, Any]:
    answer = requests.get(f"{server.url}/api/v1/devices", timeout=60).json()
    return {device["device"]: device for device in answer["devices"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        yield server


def row(page: Page, address: str) -> Any:
    return page.locator(f'tr.device[data-device="{address}"]')


def test_rows_move_to_confirmed_without_a_reload(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    page = look()
    expect(page.locator("#no-devices")).to_contain_text("python -m server.rehearsal")
    page.evaluate("window.kept = true")
    page.evaluate(WATCH, "127.5.1.1")
    release(server, 30_000)
    with rehearsing("127.5.1.1", 2, "--delay", "0.003", "--block", "64", "--boot-time", "0.5") as urls:
        notify(server, urls)
        first = row(page, "127.5.1.1")
        bar = first.locator("progress")
        expect(first.locator(".word")).to_have_text("Confirmed", timeout=120_000)
        drawn = page.evaluate("drawn")
        assert len(set(drawn)) > 1, drawn
        expect(bar).to_be_hidden()
    expect(page.locator('.groups a[data-group="confirmed"] .number')).to_have_text("2")
    expect(first.locator(".board")).to_have_text("samr21-xpro")
    assert page.evaluate("window.kept")


def test_trouble_comes_first_is_found_and_told(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 3000)
    with rehearsing("127.5.2.1", 3, "--fault", "refuses", "--boot-time", "0.3", "--speed", "5") as urls:
        page = look()
        notify(server, urls)
        expect(page.locator("tr.device .word").first).to_have_text("Failed", timeout=60_000)
        expect(page.locator('.groups a[data-group="confirmed"] .number')).to_have_text("2", timeout=60_000)
    bad = page.locator("tr.device").first
    assert bad.get_attribute("data-device") == "127.5.2.1"
    expect(bad.locator(".reason")).not_to_be_empty()
    expect(bad.locator("use")).to_have_attribute("href", "#s-no")
    page.locator('.groups a[data-group="trouble"]').click()
    expect(page.locator("tr.device:visible")).to_have_count(1)
    expect(page).to_have_url(f"{server.url}/devices?show=trouble")
    page.reload()
    expect(page.locator("tr.device:visible")).to_have_count(1)
    page.fill("#filter", "confirmed")
    expect(page.locator("#no-match")).to_contain_text("No device matches “confirmed”")
    page.locator('.groups a[data-group=""]').click()
    expect(page.locator("tr.device:visible")).to_have_count(2)
    main = look("")
    expect(main.locator(".top nav")).to_contain_text("Devices 3 · 1 needs a look")
    page.fill("#filter", "")
    bad.locator(".title").click()
    expect(page.locator(".update .word")).to_have_text("Failed")
    expect(page.locator(".timeline li").first).to_be_visible()


def test_a_name_is_given_in_place_and_keeps_the_focus_of_whoever_looks(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 3000)
    with rehearsing("127.5.3.1", 2, "--boot-time", "0.3", "--speed", "5") as urls:
        notify(server, urls)
        wait_until(lambda: len(known(server)) == 2, what="both devices")
        overview, page = look(), look("devices/127.5.3.2")
        link = row(overview, "127.5.3.2").locator(".title")
        link.focus()
        page.get_by_label("Name").fill("<b>cellar</b>")
        page.get_by_label("Group").fill("a & b")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_have_text("<b>cellar</b>")
        expect(page.locator("#naming .outcome")).to_have_text("Saved.")
        expect(link).to_have_text("<b>cellar</b>")
        expect(link).to_be_focused()
        expect(row(overview, "127.5.3.2").locator(".under")).to_have_text("127.5.3.2")
        expect(row(overview, "127.5.3.2").locator(".group")).to_have_text("a & b")
        expect(page.locator(".timeline")).to_contain_text("is called '<b>cellar</b>'")


def test_a_batch_is_paused_resumed_and_cancelled(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 60_000)
    with rehearsing("127.5.4.1", 10, "--delay", "0.05") as urls:
        number = notify(server, urls)
        page = look()
        work = page.locator(".works li")
        for button, state in (("Pause", "paused"), ("Resume", "running"), ("Cancel", "cancelled")):
            work.get_by_role("button", name=button).click()
            address = f"{server.url}/api/v1/notifications/{number}"
            wait_until(lambda a=address, s=state: requests.get(a, timeout=60).json()["state"] == s, what=state)  # type: ignore[misc]
        expect(work).to_have_count(0)


def test_a_rollout_is_begun_and_stopped(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 60_000)
    with rehearsing("127.5.5.1", 2, "--delay", "0.05") as urls:
        page = look()
        page.locator(".rollout summary").click()
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#rollout .outcome")).to_contain_text("No device is named")
        page.get_by_label("Device URLs").fill("\n".join(urls))
        page.get_by_role("button", name="Start").click()
        work = page.locator(".works li", has_text="Rollout")
        for button, state in (("Pause", "Paused"), ("Resume", "Running"), ("Stop", "Stopped")):
            work.get_by_role("button", name=button).click()
            expect(work.locator(".badge")).to_have_text(state)


def test_it_works_without_scripts(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 3000)
    with rehearsing("127.5.6.1", 2, "--boot-time", "0.3", "--speed", "5") as urls:
        notify(server, urls)
        wait_until(lambda: len(known(server)) == 2, what="both devices")
        page = look(java_script_enabled=False)
        expect(page.locator(".as-of time")).to_contain_text("UTC")
        row(page, "127.5.6.1").locator(".title").click()
        page.get_by_label("Name").fill("Zähler")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1")).to_have_text("Zähler")
        page.goto(f"{server.url}/devices?q=z%C3%A4hl")
        expect(page.locator("tr.device:visible")).to_have_count(1)


def test_where_too_many_listen_the_page_asks_again_and_again(server: Server, look: Any) -> None:
    from playwright.sync_api import expect

    release(server, 3000)
    streams = [requests.get(f"{server.url}/api/v1/events", stream=True, timeout=60) for _ in range(3)]
    try:
        page = look()
        with rehearsing("127.5.7.1", 1, "--boot-time", "0.3", "--speed", "5") as urls:
            notify(server, urls)
            expect(row(page, "127.5.7.1").locator(".word")).to_have_text("Confirmed", timeout=60_000)
        expect(page.locator("#banner")).to_be_empty()
    finally:
        for stream in streams:
            stream.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_for_everybody_and_fits_a_small_screen(server: Server, look: Any, scheme: str) -> None:
    release(server, 60_000)
    with rehearsing("127.5.8.1", 4, "--fault", "refuses", "--delay", "0.02") as urls:
        notify(server, urls)
        wait_until(lambda: len(known(server)) >= 3, what="the devices")
        for address in known(server):
            name = {"name": "x" * 64, "group": "y" * 64}
            requests.put(f"{server.url}/api/v1/devices/{quote(address, safe='')}", json=name, timeout=60)
        for path in ("devices", "devices/127.5.8.1", ""):
            for width in (360, 1100):
                page = look(path, viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
                for summary in page.locator(".rollout > summary").all():
                    summary.click()
                assert too_wide(page) == 0, path
                assert violations(page) == [], path
