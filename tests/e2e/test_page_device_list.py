"""The list of the devices in a real browser, over made-up ones: their order, what a person holds, and a thousand of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from common.device import UpdateState
from common.transfer import TransferState
from tests.fakes import fleet_page
from tests.fakes.fleet_page import FULL, NOW, FleetPage, device, many, transfer

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "<img src=x onerror=window.hit=1>"
MEASURE = """() => {
  window.long = [];
  const note = (list) => long.push(...list.getEntries().map((entry) => Math.round(entry.duration)));
  new PerformanceObserver(note).observe({ type: "longtask" });
}"""


@pytest.fixture
def look(serving: ExitStack, visiting: Callable[..., Page]) -> Callable[..., Page]:
    """Opens a page over an app."""

    def start(app: FleetPage, path: str = "devices") -> Page:
        address = serving.enter_context(fleet_page.serving(app))
        return visiting(f"{address}{path}", viewport={"width": 1280, "height": 900})

    return start


def addresses(page: Page) -> list[str]:
    found: list[str] = page.evaluate("[...document.querySelectorAll('#devices tbody tr')].map(r => r.dataset.device)")
    return found


def test_the_browser_keeps_the_order_that_the_server_gives(look: Any) -> None:
    from playwright.sync_api import expect

    app = many(60)
    app.transfers += [transfer(2, 40, TransferState.STALLED, age=30)]
    page = look(app)
    before = addresses(page)
    app.tell([replace(app.devices[58], name="seen")])
    expect(page.locator('tr[data-device="fd00::3b"] .title')).to_have_text("seen")
    assert addresses(page)[:20] == before[:20]
    assert sorted(addresses(page)) == sorted(before)


def test_forgotten_ones_go_and_the_last_one_leaves_what_to_do(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(n, name=f"lamp {n}") for n in range(1, 6)])
    page = look(app)
    app.tell(forgotten=["fd00::2", "fd00::99"])
    expect(page.locator("#live")).to_have_text("lamp 2 was forgotten")
    assert addresses(page) == ["fd00::1", "fd00::3", "fd00::4", "fd00::5"]
    app.tell([device(2)])
    expect(page.locator('tr[data-device="fd00::2"] .title')).to_have_text("fd00::2")
    app.tell(forgotten=[f"fd00::{n}" for n in range(1, 6)])
    expect(page.locator("#live")).to_have_text("5 devices were forgotten")
    expect(page.locator("#no-devices")).to_be_visible()
    expect(page.locator("#devices")).to_be_hidden()


def test_new_trouble_goes_to_the_top_and_around_whoever_holds_a_row(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(n) for n in range(1, 9)])
    page = look(app)
    expect(page.locator(".as-of")).to_be_hidden()
    page.locator('tr[data-device="fd00::5"] .title').focus()
    app.tell([device(n, UpdateState.FAILED, age=n) for n in (5, 8, 3)])
    expect(page.locator('tr[data-device="fd00::8"] .word')).to_have_text("Failed")
    assert addresses(page)[:3] == ["fd00::3", "fd00::5", "fd00::8"]
    expect(page.locator('tr[data-device="fd00::5"] .title')).to_be_focused()
    expect(page.locator("#live")).to_have_text("3 devices changed: 3 need a look")


def test_a_selection_and_the_row_itself_stay(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(1, UpdateState.FETCHING_SLOT0), device(2)], [transfer(1, 10)])
    page = look(app)
    page.evaluate("""() => { const row = document.querySelector('tr[data-device="fd00::1"]'); window.kept = row;
      getSelection().selectAllChildren(row.querySelector('.release')) }""")
    app.tell(transfers=[transfer(1, 55)])
    row = page.locator('tr[data-device="fd00::1"]')
    expect(row.locator(".rate")).to_have_text("55 % · 1.2 kB/s · 36 s left")
    app.tell([device(1)], [transfer(1, 100, TransferState.DONE)])
    expect(row.locator(".word")).to_have_text("Confirmed")
    expect(row.locator("progress")).to_be_hidden()
    assert page.evaluate("getSelection().toString()") == "fw/sample/1"
    assert page.evaluate("window.kept.isConnected")


def test_a_stalled_transfer_is_trouble_and_no_trouble_when_it_goes_on(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(1, UpdateState.FETCHING_SLOT0)], [transfer(1, 10, TransferState.STALLED)])
    page = look(app)
    expect(page.locator("tr.device .word")).to_have_text("Stalled")
    app.tell(transfers=[replace(transfer(1, 11), last_seen=NOW + dt.timedelta(seconds=1))])
    expect(page.locator("tr.device .word")).to_have_text("Fetching slot0")
    expect(page.locator('.groups a[data-group="moving"] .number')).to_have_text("1")


def test_hostile_names_stay_text_even_when_they_arrive_later(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([])
    page = look(app)
    expect(page.locator("#no-devices")).to_be_visible()
    app.tell([replace(device(1), name=HOSTILE, group=HOSTILE, board=HOSTILE), device(2, device="fe80::2%<b>")])
    expect(page.locator('tr[data-device="fd00::1"] .title')).to_have_text(HOSTILE)
    expect(page.locator('tr[data-device="fd00::1"] .board')).to_have_text(HOSTILE)
    expect(page.locator('tr[data-device="fe80::2%<b>"] .title')).to_have_attribute("href", "devices/fe80%3A%3A2%25%3Cb%3E")
    assert page.evaluate("window.hit") is None
    assert page.locator("main img").count() == 0


def test_a_full_disk_is_said(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(1)], trouble=FULL)
    for path in ("devices", "devices/fd00%3A%3A1"):
        expect(look(app, path).locator(".trouble")).to_have_text(FULL)


def test_a_refused_stream_is_no_reason_to_stand_still(look: Any) -> None:
    from playwright.sync_api import expect

    app = FleetPage([device(1, UpdateState.REBOOTED)])
    app.refused = True
    page = look(app)
    app.devices = [device(1)]
    expect(page.locator("tr.device .word")).to_have_text("Confirmed")
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_empty()


def test_a_thousand_devices_stay_usable(look: Any, record_property: Any) -> None:
    from playwright.sync_api import expect

    app = many(1000)
    page = look(app)
    expect(page.locator(".as-of")).to_be_hidden()
    page.evaluate(MEASURE)
    for step in (31, 62):
        moved = [replace(device(n, UpdateState.FETCHING_SLOT0), name=f"node {step}") for n in range(1, 1001)]
        app.tell(moved, [transfer(n, step) for n in range(1, 1001)])
        expect(page.locator("tr.device", has_text=f"node {step}")).to_have_count(1000)
        expect(page.locator("tr.device .rate", has_text=f"{step} %")).to_have_count(1000)
    record_property("long tasks, ms", page.evaluate("long"))
    page.fill("#filter", "fd00::3e8")
    expect(page.locator("tr.device:visible")).to_have_count(1)
    expect(page.locator('.groups a[data-group="moving"] .number')).to_have_text("1000")
