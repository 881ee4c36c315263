"""The page in a real browser, over made-up releases: what the checks say, before and after publishing; withdrawing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from common.finding import Finding, Role, Severity
from common.release import State
from common.roles import role_by_name
from tests.fakes.page_app import scene
from tests.fakes.page_releases import ELSEWHERE, MISMATCH, NOT_NEWER, NOTES, TRUNCATED, UNVERIFIED
from tests.support.browsing import ID, card, choose_sample, chosen, drop
from tests.support.legible import too_wide
from tests.waiting import wait_until

OUTCOME = "#publish .outcome"
READY = "fw/sample/samr21-xpro/1700000200"


@pytest.fixture
def filled(opened: Any, samples: Path) -> Any:
    """Opens the page over an app, with the sample's files chosen."""

    def start(name: str = "typical", **options: Any) -> Any:
        app, page = opened(scene(name), **options)
        choose_sample(page, samples)
        return app, page

    return start


def refusal(*findings: Finding) -> tuple[int, dict[str, Any]]:
    message = " ".join(f.message for f in findings if f.severity is Severity.ERROR)
    return 400, {"error": "invalid-release", "message": message, "findings": [f.to_json() for f in findings]}


def test_a_check_tells_what_the_manifest_says_and_what_is_wrong(filled: Any) -> None:
    app, page = filled()
    before = list(app.releases)
    app.findings = [NOT_NEWER, *NOTES, MISMATCH, TRUNCATED]
    page.click("#publish .try")
    outcome = page.locator(OUTCOME)
    expect(outcome.locator("> p")).to_have_text("2 errors: the server would refuse this release.")
    for words in ("Sequence1700000100", "Boardsamr21-xpro", "Signaturenot checked", "Slotsslot0 (30 kB), slot1 (30 kB)"):
        expect(outcome.locator(".read")).to_contain_text(words)
    items = outcome.locator("> .findings li")
    assert [i.get_attribute("class") for i in items.all()] == ["error", "error", "warning"]
    expect(items.first).to_have_text(f"Error slot0 digest-mismatch {MISMATCH.message}")
    expect(outcome.locator(".notes > summary")).to_have_text("3 notes")
    expect(outcome.get_by_text(UNVERIFIED.message)).to_be_hidden()
    outcome.locator(".notes > summary").click()
    expect(outcome.get_by_text(UNVERIFIED.message)).to_be_visible()
    assert app.fields == [{"publish_id": "version_1700000100"}]
    assert app.releases == before
    assert chosen(page)["slot0"], "the files are still there to be published"


def test_a_check_needs_no_publish_id(filled: Any) -> None:
    app, page = filled()
    page.fill(ID, "")
    page.click("#publish .try")
    expect(page.locator(f"{OUTCOME} > .good")).to_have_text("No problems found.")
    assert app.fields == [{}]


def test_warnings_do_not_stop_anybody(filled: Any) -> None:
    app, page = filled()
    app.findings = [ELSEWHERE]
    page.click("#publish .try")
    expect(page.locator(f"{OUTCOME} > .warn")).to_have_text("1 warning. It can be published all the same.")
    page.click("#publish .primary")
    expect(page.locator(f"{OUTCOME} > p")).to_have_text("version_1700000100 is published, with 1 warning.")
    expect(page.locator(f"{OUTCOME} > .findings li")).to_have_text(f"Warning uri-not-served {ELSEWHERE.message}")
    expect(card(page, "version_1700000100").locator(".findings .warning")).to_contain_text(ELSEWHERE.message)


def test_notes_alone_need_no_telling_after_publishing(filled: Any) -> None:
    app, page = filled()
    app.findings = NOTES
    page.click("#publish .primary")
    expect(page.locator(OUTCOME)).to_have_text("version_1700000100 is published.")


def test_without_files_nothing_is_sent(opened: Any) -> None:
    app, page = opened()
    page.click("#publish .try")
    expect(page.locator("#publish [name=manifest]")).to_be_focused()
    expect(page.locator(OUTCOME)).to_be_empty()
    assert app.fields == []
    drop(page, "#drop", {"slot0.bin": b"image"})
    wait_until(lambda: chosen(page)["slot0"])
    page.click("#publish .try")
    expect(page.locator(f"{OUTCOME} > p")).to_be_visible()
    assert list(app.uploads[0]) == ["slot0"], "what is missing is for the server to say"


def test_other_files_make_the_outcome_go(filled: Any, samples: Path) -> None:
    app, page = filled()
    app.findings = [MISMATCH]
    page.click("#publish .try")
    expect(page.locator(f"{OUTCOME} > p")).to_be_visible()
    page.set_input_files("#publish [name=slot0]", samples / "fw" / "sample" / "samr21-xpro" / "slot0.1700000100.bin")
    expect(page.locator(OUTCOME)).to_be_empty()


def test_a_refused_check_is_said(filled: Any) -> None:
    app, page = filled()
    app.refusal = (400, {"error": "invalid-release", "message": "The publish id 'latest' has the reserved part 'latest'."})
    page.click("#publish .try")
    expect(page.locator(OUTCOME)).to_have_text("The publish id 'latest' has the reserved part 'latest'.")


def test_a_check_can_be_cancelled(filled: Any) -> None:
    app, page = filled()
    app.hold.clear()
    page.click("#publish .try")
    expect(page.locator(".sent")).to_have_text("Sent. The server is checking it…")
    page.press(ID, "Enter")
    page.click(".sending .cancel")
    expect(page.locator(OUTCOME)).to_have_text("Cancelled.")
    expect(page.locator("#publish .try")).to_be_focused()
    app.hold.set()
    wait_until(lambda: app.fields)
    assert app.fields == [{"publish_id": "version_1700000100"}], "nothing was published meanwhile"
    assert card(page, "version_1700000100").count() == 0


def test_what_may_be_forced_is_offered(filled: Any) -> None:
    app, page = filled()
    app.refusal = refusal(MISMATCH, *NOTES)
    page.click("#publish .primary")
    outcome = page.locator(OUTCOME)
    expect(outcome.locator("> p").first).to_have_text("The checks found an error, so nothing was published.")
    expect(outcome.locator(".error")).to_have_text(f"Error slot0 digest-mismatch {MISMATCH.message}")
    expect(outcome.locator("> .hint")).to_contain_text("tick “Publish even if the checks find errors” under Advanced")
    page.check("[name=force]")
    app.refusal, app.findings = None, [MISMATCH]
    page.click("#publish .primary")
    expect(outcome.locator("> .warn")).to_have_text("version_1700000100 is published, with 1 error. It is marked Forced.")
    forced = card(page, "version_1700000100")
    expect(forced.locator(".badge.forced")).to_be_visible()
    forced.locator(".remove").click()
    expect(page.locator("#remove-text")).to_have_text("This deletes version_1700000100 Forced from the firmware folder:")
    page.keyboard.press("Escape")
    card(page, READY).locator(".remove").click()
    expect(page.locator("#remove-text")).not_to_contain_text("Forced", use_inner_text=True)


@pytest.mark.parametrize("code", ["no-manifest", "no-image"])
def test_what_cannot_be_forced_is_not_offered(filled: Any, code: str) -> None:
    app, page = filled()
    app.refusal = refusal(Finding(Severity.ERROR, code, "There is none."))
    page.click("#publish .primary")
    expect(page.locator(f"{OUTCOME} .error")).to_contain_text("There is none.")
    expect(page.locator(f"{OUTCOME} .hint")).to_have_count(0)
    expect(page.locator("[name=force]")).to_be_hidden()


def test_withdrawing_and_restoring_happen_in_place(opened: Any) -> None:
    app, page = opened()
    shown = card(page, READY)
    button = shown.locator(".shelve")
    expect(button).to_have_attribute("title", "Take it out of service without deleting it: no new device gets it")
    button.click()
    expect(shown.locator(".badge")).to_have_text("Withdrawn")
    expect(page.locator("#live")).to_contain_text(f"{READY} is withdrawn")
    expect(shown.locator(".meaning")).to_contain_text("devices do not get this release. Restore brings it back.")
    expect(button).to_be_focused()
    for gone in (".url", ".get", ".notify:visible"):
        expect(shown.locator(gone)).to_have_count(0)
    expect(button).to_have_text(f"Restore {READY}")
    button.click()
    expect(shown.locator(".badge")).to_have_text("Ready")
    expect(page.locator("#live")).to_contain_text(f"{READY} is ready")
    expect(shown.locator(".url .copy").first).to_be_visible()
    expect(shown.locator(".notify")).to_be_visible()
    assert app.releases[0].state is State.READY


def test_a_refused_withdrawal_is_said_in_the_card(opened: Any) -> None:
    app, page = opened()
    app.refusal = (507, {"error": "store-full", "message": "The firmware folder has no room: make some and try again."})
    shown = card(page, READY)
    for _ in range(2):
        shown.locator(".shelve").click()
        expect(shown.locator("[role=alert]")).to_have_text("The firmware folder has no room: make some and try again.")
    app.refusal = None
    shown.locator(".shelve").click()
    expect(shown.locator(".badge")).to_have_text("Withdrawn")
    expect(shown.locator("[role=alert]")).to_have_count(0)


def test_withdrawing_works_without_scripts(opened: Any) -> None:
    app, page = opened(java_script_enabled=False)
    expect(page.locator("#publish .try")).to_be_hidden()
    card(page, READY).locator(".shelve").click()
    expect(card(page, READY).locator(".badge")).to_have_text("Withdrawn")
    assert app.releases[0].state is State.WITHDRAWN
    card(page, READY).locator(".shelve").click()
    expect(card(page, READY).locator(".badge")).to_have_text("Ready")


def test_open_notes_stay_open_over_a_refresh(opened: Any) -> None:
    app, page = opened()
    notes = card(page, READY).locator(".notes")
    notes.locator("summary").click()
    app.releases = [replace(app.releases[0], findings=(NOT_NEWER, *NOTES[:2])), *app.releases[1:]]
    expect(notes.locator("summary")).to_have_text("2 notes")
    expect(card(page, READY)).to_contain_text(NOT_NEWER.message)
    expect(notes.locator("li").first).to_be_visible()


def test_the_filter_knows_boards_states_signatures_and_codes(opened: Any) -> None:
    _, page = opened(scene("checked"))
    page.evaluate("document.querySelector('[data-filter]').dataset.from = '0'")
    page.evaluate("document.querySelector('#filter').dispatchEvent(new Event('input'))")
    for typed, fitting in {
        "valid": ["fw/sample/samr21-xpro/1700000200"],
        "invalid": ["version_41"],
        "not signed": ["version_39"],
        "forced": ["sensor-hub/rc-2"],
        "withdrawn": ["version_39"],
        "bcc90984-fe7d-562b": ["nucleo/1700000100"],
        "size-mismatch": ["version_41"],
        "mismatch forced": ["sensor-hub/rc-2"],
        "SAMR21 rejected": ["version_41"],
        "being-written": ["heating-valve/2.5.0"],
        "header-missing incomplete": [],
    }.items():
        page.fill("#filter", typed)
        expect(page.locator(".matches")).to_have_text(f"{len(fitting)} of 8")
        assert [c.get_attribute("data-id") for c in page.locator(".card:visible").all()] == fitting


def test_the_page_tells_files_apart_as_the_server_does(opened: Any) -> None:
    _, page = opened()
    names = [
        "manifest", "MANIFEST.BIN", "slot0", "slot1.bin", "slot0.suit", "manifest.cbor", "riot.suit.1700000100.bin",
        "riot.suitv4_signed.1700000100.bin", "suit_update-riot.suit.latest.bin", "riot.suit.7.riot.bin", "riot.suit.bin",
        "suit_update-slot0.1700000100.bin", "slot1.1700000100.riot.bin", "app.slot0.elf.bin", "myslot0.bin", "slot01.bin",
        "slot0slot1.bin", "slot0-manifest.bin", "release.suit", "my-manifest-file.txt", "firmware.bin", "README.md", "slot2.bin",
    ]  # fmt: skip
    found = page.evaluate("async names => names.map((await import('./static/drop.js')).roleOf)", names)
    assert dict(zip(names, found, strict=True)) == {name: role_by_name(name) for name in names}
    assert set(found) == {None, *Role}


@pytest.mark.parametrize("width", [360, 1600])
def test_long_findings_of_a_check_stay_in_the_form(filled: Any, width: int) -> None:
    app, page = filled("long", viewport={"width": width, "height": 900})
    app.findings = [*app.releases[1].findings, *NOTES]
    page.click("#publish .try")
    expect(page.locator(f"{OUTCOME} > p")).to_be_visible()
    box, form = page.locator(OUTCOME).bounding_box(), page.locator("#publish").bounding_box()
    assert box["x"] + box["width"] <= form["x"] + form["width"]
    assert too_wide(page) == 0
    parts = page.locator(f"{OUTCOME} .findings *")
    assert parts.evaluate_all("all => all.every(e => !e.clientWidth || e.scrollWidth <= e.clientWidth)")
