"""The page in a real browser, over made-up releases."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from common.finding import Finding, Role, Severity
from common.release import Problem, State
from tests.fakes.page_app import PageApp, release, scene, serve
from tests.waiting import wait_until

CHROMIUM = "/usr/bin/chromium"
ID = "#publish [name=publish_id]"
TIMEOUT = 20_000
"""Milliseconds; a long one costs nothing when all is well."""
FILES = ["riot.suit.1700000100.bin", "slot0.1700000100.bin", "slot1.1700000100.bin"]
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no browser: apt-get install chromium")
expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., tuple[PageApp, Page]]]:
    """Opens the page over an app. A page error or a refused resource fails the test."""
    contexts, servers, errors = [], [], []

    def start(app: PageApp | None = None, **options: Any) -> tuple[PageApp, Page]:
        app = app or scene("typical")
        server = serve(app)
        address = server.__enter__()
        servers.append(server)
        context = browser.new_context(base_url=address, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        page.goto("./")
        if options.get("java_script_enabled", True):
            expect(page.locator(".where .copy")).to_be_visible()
        return app, page

    yield start
    for context in contexts:
        context.close()
    for server in reversed(servers):
        server.__exit__(None, None, None)
    assert errors == []


def drop(page: Page, selector: str, files: dict[str, bytes]) -> None:
    """Drop files on an element, as a file manager does."""
    contents = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files.items()]
    transfer = page.evaluate_handle(
        """files => { const transfer = new DataTransfer();
          for (const file of files)
            transfer.items.add(new File([Uint8Array.from(atob(file.data), c => c.charCodeAt(0))], file.name));
          return transfer }""",
        contents,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, event, {"dataTransfer": transfer})


def chosen(page: Page) -> dict[str, str]:
    """Which file each field holds."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#publish [type=file]')].map(i => [i.name, i.files[0]?.name ?? '']))"
    )
    return found


def card(page: Page, publish_id: str) -> Any:
    return page.locator(f'.card[data-id="{publish_id}"]')


@pytest.fixture
def sample(samples: Path) -> dict[str, bytes]:
    folder = samples / "fw" / "sample" / "samr21-xpro"
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("where", ["#drop", "h1", "#cards .card"])
def test_dropped_files_find_their_fields(opened: Any, sample: dict[str, bytes], where: str) -> None:
    _, page = opened()
    drop(page, where, sample)
    wait_until(lambda: page.input_value(ID) == "version_1700000100")
    assert chosen(page) == dict(zip(Role, FILES, strict=True))
    assert "30 kB" in page.inner_text('[data-role="slot0"]')
    expect(page.locator("#veil")).to_be_hidden()


def test_dropped_files_that_cannot_be_told_apart_are_left_out(opened: Any, sample: dict[str, bytes]) -> None:
    _, page = opened()
    drop(page, "body", {**sample, "riot.suit.latest.bin": b"m", "README.md": b"text", "slot01.bin": b"x"})
    note = page.locator("#publish .sorted")
    expect(note).to_contain_text("2 files could be the manifest")
    expect(note).to_contain_text("README.md, slot01.bin")
    assert chosen(page) == {"manifest": "", "slot0": FILES[1], "slot1": FILES[2]}


def test_one_file_dropped_on_a_field_goes_there(opened: Any) -> None:
    _, page = opened()
    drop(page, '[data-role="slot1"] input', {"firmware-b.elf.bin": b"bytes"})
    wait_until(lambda: chosen(page)["slot1"] == "firmware-b.elf.bin")


def test_publishing_shows_the_release(opened: Any, sample: dict[str, bytes]) -> None:
    app, page = opened(scene("empty"))
    expect(page.locator(".empty")).to_contain_text("Nothing is published yet")
    expect(page.locator("[data-curl]")).to_contain_text(f"{page.url}publish")
    drop(page, "body", sample)
    page.fill(ID, "fw/valve/1")
    page.click("#publish .primary")
    expect(page.locator("#publish .outcome")).to_have_text("fw/valve/1 is published.")
    expect(card(page, "fw/valve/1")).to_be_visible()
    expect(page.locator(".empty")).to_have_count(0)
    expect(page.locator(".count")).to_have_text("1")
    assert chosen(page) == {"manifest": "", "slot0": "", "slot1": ""}
    [upload] = app.uploads
    assert upload == {**{r.value: (n, len(sample[n])) for r, n in zip(Role, FILES, strict=True)}, "force": ("", 0)}


def test_an_upload_shows_progress_and_can_be_cancelled(opened: Any, sample: dict[str, bytes]) -> None:
    app, page = opened()
    app.hold.clear()
    drop(page, "body", sample)
    wait_until(lambda: page.input_value(ID))
    page.click("#publish .primary")
    expect(page.locator(".sending progress")).to_be_visible()
    expect(page.locator(".sent")).to_have_text("Sent. The server is checking it…")
    page.click(".sending .cancel")
    expect(page.locator("#publish .outcome")).to_contain_text("Cancelled.")
    expect(page.locator(".sending")).to_be_hidden()
    assert chosen(page)["slot0"] == FILES[1]


def test_a_refusal_is_shown_in_place_with_its_findings(opened: Any, sample: dict[str, bytes]) -> None:
    app, page = opened()
    finding = Finding(Severity.ERROR, "size-mismatch", "slot0 has 3 <b>bytes</b>, and the manifest says 4.", Role.SLOT0)
    message = "The files do not fit <i>together</i>."
    app.refusal = (400, {"error": "invalid-release", "message": message, "findings": [finding.to_json()]})
    drop(page, "body", sample)
    wait_until(lambda: page.input_value(ID))
    page.click("#publish .primary")
    outcome = page.locator("#publish .outcome")
    expect(outcome).to_contain_text("The files do not fit <i>together</i>.")
    expect(outcome).to_contain_text("Error slot0 has 3 <b>bytes</b>")
    app.refusal = None
    page.check("[name=force]")
    page.click("#publish .primary")
    expect(outcome).to_contain_text("is published")
    assert app.uploads[0]["force"] == ("1", 0)


def test_removing_asks_first_and_names_what_goes(opened: Any) -> None:
    app, page = opened()
    before = len(app.releases)
    victim = card(page, "fw/sample/samr21-xpro/1700000100")
    victim.locator(".remove").click()
    dialog = page.locator("#remove-dialog")
    for words in ("fw/sample/samr21-xpro/1700000100", "manifest (riot.suit.1700000100.bin), 489 bytes", "slot1", "30 kB"):
        expect(dialog).to_contain_text(words)
    expect(dialog.locator(".cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(victim.locator(".remove")).to_be_focused()
    assert len(app.releases) == before
    victim.locator(".remove").click()
    dialog.locator(".confirm").click()
    expect(victim).to_have_count(0)
    expect(page.locator(".count")).to_have_text(str(before - 1))
    expect(page.locator("#live")).to_contain_text("removed")
    expect(dialog).to_be_hidden()


def test_a_refused_removal_is_said_in_the_dialog(opened: Any) -> None:
    app, page = opened()
    app.refusal = (403, {"error": "not-allowed", "message": "Only on the gateway itself."})
    page.locator(".remove").first.click()
    page.click("#remove-dialog .confirm")
    expect(page.locator("#remove-dialog .outcome")).to_have_text("Only on the gateway itself.")
    expect(page.locator("#remove-dialog")).to_be_visible()


def test_devices_answer_row_by_row_and_are_remembered(opened: Any) -> None:
    app, page = opened()
    typed = "[fd00::2]/suit/trigger, refused.local\nsilent.local"
    first = card(page, app.releases[0].publish_id)
    first.locator(".notify > summary").click()
    expect(first.locator("textarea")).to_be_focused()
    first.locator("textarea").fill(typed)
    first.locator(".primary").click()
    rows = first.locator(".results li")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Accepted")
    expect(rows.nth(1)).to_contain_text("Refused")
    expect(rows.nth(1)).to_contain_text("is it built with SUIT?")
    expect(rows.nth(2)).to_contain_text("No answer")
    expect(first.locator(".results .hint")).to_contain_text("Accepted means")
    page.reload()
    second = card(page, app.releases[1].publish_id)
    second.locator(".notify > summary").click()
    expect(second.locator("textarea")).to_have_value(typed)


def test_a_refused_notification_is_said_in_place(opened: Any) -> None:
    app, page = opened()
    app.refusal = (400, {"error": "invalid-request", "message": "'::::' is no device URL."})
    page.locator(".notify > summary").first.click()
    page.locator(".notifying textarea").fill("::::")
    page.locator(".notifying .primary").click()
    expect(page.locator(".notifying .outcome")).to_have_text("'::::' is no device URL.")


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
    expect(waiting.locator(".state")).to_have_text("Ready")
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


@pytest.mark.parametrize("name", ["empty", "typical", "many", "long", "closed"])
def test_nothing_scrolls_sideways_on_a_small_screen(opened: Any, name: str) -> None:
    _, page = opened(scene(name), viewport={"width": 360, "height": 740})
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.evaluate("document.styleSheets[0].insertRule('.card { content-visibility: visible !important }')")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


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


def test_listing_downloading_and_changing_work_without_scripts(opened: Any, samples: Path) -> None:
    app, page = opened(java_script_enabled=False)
    expect(card(page, "version_41")).to_contain_text("Rejected")
    with page.expect_download() as download:
        card(page, "version_41").locator('[data-file="slot0"] a').click()
    assert download.value.path().read_bytes() == b"bytes of version_41/slot0"
    assert download.value.suggested_filename == "version_41-slot0"
    expect(page.locator(".copy:visible")).to_have_count(0)

    page.fill(ID, "plain/1")
    folder = samples / "fw" / "sample" / "samr21-xpro"
    page.set_input_files("[name=manifest]", folder / FILES[0])
    page.set_input_files("[name=slot0]", folder / FILES[1])
    page.click("#publish .primary")
    expect(card(page, "plain/1")).to_be_visible()

    page.select_option("select[name=publish_id]", "plain/1")
    page.fill("textarea", "[fd00::2]\nrefused.local")
    page.click(".notifying .primary")
    expect(page.locator("h1")).to_have_text("Notifying devices")
    expect(page.locator("main")).to_contain_text("is it built with SUIT?")
    page.click("a.primary")

    card(page, "plain/1").locator(".remove").click()
    expect(page.locator("h1")).to_have_text("Remove this release?")
    expect(page.locator("main")).to_contain_text("plain/1")
    assert app.releases[0].publish_id == "plain/1"
    page.click("button.danger")
    expect(page.locator(".count")).to_have_text("5")
    expect(card(page, "plain/1")).to_have_count(0)


def test_a_refusal_without_scripts_is_a_page(opened: Any, samples: Path) -> None:
    app, page = opened(java_script_enabled=False)
    app.refusal = (409, {"error": "release-exists", "message": "version_41 is taken by other bytes.",
                         "findings": [Finding(Severity.WARNING, "w", "Look at it.").to_json()]})
    page.fill(ID, "version_41")
    page.set_input_files("[name=manifest]", samples / "unsigned-1700000200.suit")
    page.click("#publish .primary")
    expect(page.locator(".lead")).to_have_text("version_41 is taken by other bytes.")
    expect(page.locator(".findings")).to_contain_text("Warning Look at it.")


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
