"""The page in a real browser, over made-up releases: dropping, publishing, notifying, removing, without scripts too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from common.finding import Finding, Role, Severity
from tests.fakes.page_app import scene
from tests.support.browsing import ID, card, chosen, drop
from tests.waiting import wait_until

FILES = ["riot.suit.1700000100.bin", "slot0.1700000100.bin", "slot1.1700000100.bin"]


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
    assert upload == {r.value: (n, len(sample[n])) for r, n in zip(Role, FILES, strict=True)}
    assert app.fields == [{"publish_id": "fw/valve/1"}]


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
    expect(outcome.locator(".findings .error")).to_have_text(f"Error slot0 size-mismatch {finding.message}")
    app.refusal = None
    page.check("[name=force]")
    page.click("#publish .primary")
    expect(outcome).to_contain_text("is published")
    assert app.fields[0]["force"] == "1"


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


def test_listing_downloading_and_changing_work_without_scripts(opened: Any, samples: Path) -> None:
    app, page = opened(java_script_enabled=False)
    expect(card(page, "version_41")).to_contain_text("Rejected")
    ready = "fw/sample/samr21-xpro/1700000100"
    with page.expect_download() as download:
        card(page, ready).locator('[data-file="slot0"] a').click()
    assert download.value.path().read_bytes() == f"bytes of {ready}/slot0".encode()
    assert download.value.suggested_filename == f"{ready}/slot0".replace("/", "-")
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
    expect(page.locator(".findings .warning p")).to_have_text("Look at it.")
