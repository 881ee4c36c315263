"""The page in a real browser, over made-up releases: looking, refreshing, copying, finding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from common.finding import Finding, Severity
from common.release import Problem, State
from tests.fakes.page_app import scene
from tests.fakes.page_releases import release
from tests.support.browsing import ID, card
from tests.support.legible import too_wide
from tests.waiting import wait_until


def test_refreshing_keeps_what_the_person_is_doing(opened: Any) -> None:
    app, page = opened()
    first = app.releases[0]
    page.fill(ID, "half-typ")
    shown = card(page, first.publish_id)
    shown.locator(".notify > summary").click()
    shown.locator("textarea").fill("[fd00::2]")
    shown.locator("textarea").evaluate("area => { area.setSelectionRange(2, 4); window.kept = area }")
    note = Finding(Severity.INFO, "note", "Seen anew.")
    newer = release("brand-new/1")
    app.releases = [newer, replace(first, findings=(note,)), *app.releases[2:]]
    app.problems = []
    expect(card(page, "brand-new/1")).to_be_visible()
    expect(shown).to_contain_text("Seen anew.")
    expect(card(page, "fw/sample/samr21-xpro/1700000100")).to_have_count(0)
    expect(page.locator(".problems")).to_have_count(0)
    expect(page.locator(".count")).to_have_text("5")
    expect(page.locator("#live")).to_contain_text("brand-new/1 is new, fw/sample/samr21-xpro/1700000100 was removed")
    assert [c.get_attribute("data-id") for c in page.locator(".card").all()] == [r.publish_id for r in app.releases]
    assert page.evaluate("document.activeElement === window.kept")
    assert page.evaluate("[window.kept.selectionStart, window.kept.selectionEnd]") == [2, 4]
    expect(shown.locator("textarea")).to_have_value("[fd00::2]")
    expect(shown.locator(".copy").first).to_be_visible()
    expect(page.locator(ID)).to_have_value("half-typ")


def test_a_release_that_becomes_ready_can_be_notified(opened: Any) -> None:
    app, page = opened()
    waiting = card(page, "heating-valve/2.4.0")
    expect(waiting.locator(".notify")).to_be_hidden()
    app.releases = [replace(r, state=State.READY, findings=()) if r.state is State.INCOMPLETE else r for r in app.releases]
    expect(waiting.locator(".notify")).to_be_visible()
    expect(waiting.locator(".badge")).to_have_text("Ready")
    expect(page.locator("#live")).to_have_text("heating-valve/2.4.0 is ready")


def test_nothing_is_sent_again_while_nothing_changes(opened: Any) -> None:
    app, page = opened()
    page.evaluate("window.kept = document.querySelector('.card')")
    wait_until(lambda: app.not_modified >= 2)
    assert page.evaluate("window.kept === document.querySelector('.card')")
    assert page.inner_text("#banner") == ""


def test_a_server_that_is_gone_is_said_and_comes_back(opened: Any) -> None:
    app, page = opened()
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text("The server does not answer.")
    app.releases = [release("meanwhile/1"), *app.releases]
    page.context.set_offline(False)
    expect(card(page, "meanwhile/1")).to_be_visible()
    expect(page.locator("#banner")).to_be_empty()


def test_copy_buttons_copy_the_whole_and_say_so(opened: Any) -> None:
    app, page = opened(permissions=["clipboard-read", "clipboard-write"])
    for place, text in (("td.sha", app.releases[0].files[0].sha256), ("td.url", app.releases[0].files[0].url)):
        button = page.locator(f".card {place} .copy").first
        button.click()
        expect(button).to_contain_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_copying_works_without_a_secure_origin(opened: Any) -> None:
    app, page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not here')) }")
    button = page.locator(".card td.url .copy").first
    button.click()
    expect(button).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == app.releases[0].files[0].url


def test_the_filter_leaves_what_was_typed(opened: Any) -> None:
    _, page = opened(scene("many"))
    page.fill("#filter", "version_3 ready")
    expect(page.locator(".card:visible")).to_have_count(11)
    expect(page.locator(".matches")).to_have_text("11 of 40")
    page.fill("#filter", "no such thing")
    expect(page.locator("#no-match")).to_be_visible()
    page.press("#filter", "Escape")
    expect(page.locator(".card:visible")).to_have_count(40)


def test_few_releases_need_no_filter(opened: Any) -> None:
    _, page = opened()
    expect(page.locator("#filter")).to_be_hidden()


@pytest.mark.parametrize("name", ["empty", "typical", "checked", "many", "long", "closed"])
def test_nothing_scrolls_sideways_on_a_small_screen(opened: Any, name: str) -> None:
    _, page = opened(scene(name), viewport={"width": 360, "height": 740})
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.evaluate("document.styleSheets[0].insertRule('.card { content-visibility: visible !important }')")
    assert too_wide(page) == 0


def test_everything_comes_from_the_server_itself(opened: Any) -> None:
    _, page = opened(scene("typical"))
    seen: list[str] = []

    def note(request: Request) -> None:
        seen.append(request.url)

    page.on("request", note)
    page.reload()
    expect(page.locator(".where .copy")).to_be_visible()
    page.locator(".notify > summary").first.click()
    page.locator(".notifying textarea").fill("[fd00::2]")
    page.locator(".notifying .primary").click()
    expect(page.locator(".results .accepted")).to_be_visible()
    origin = page.url
    assert len(seen) > 10
    assert [url for url in seen if not url.startswith(origin)] == []


def test_hostile_names_stay_text_even_when_they_arrive_later(opened: Any) -> None:
    hostile = "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
    app, page = opened(scene("empty"))
    bad = release(hostile, State.INCOMPLETE, [Finding(Severity.ERROR, "e", hostile)])
    app.problems = [Problem(hostile, hostile)]
    app.releases = [bad]
    expect(page.locator(".problems")).to_contain_text(hostile)
    expect(page.locator(".card h3")).to_have_text(hostile)
    page.locator(".card .remove").click()
    expect(page.locator("#remove-dialog")).to_contain_text(hostile)
    assert page.evaluate("window.hit") is None
    assert page.locator("main img").count() == 0


def test_the_keyboard_alone_is_enough(opened: Any) -> None:
    app, page = opened()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    summary = page.locator(".notify > summary").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if summary.evaluate("e => e === document.activeElement"):
            break
    assert summary.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".notifying textarea").first).to_be_focused()
    page.keyboard.type("[fd00::2]")
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".results .accepted")).to_be_visible()
    assert app.releases


def test_a_thousand_releases_are_no_burden(opened: Any) -> None:
    app, page = opened(scene("thousand"))
    expect(page.locator("#filter")).to_be_visible()
    assert page.evaluate("document.forms.length") < 10
    app.releases = app.releases[1:]
    expect(page.locator(".count")).to_have_text("999")
