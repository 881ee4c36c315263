"""A release's card: what the checks found, what can be done with it, and how it is told in one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from common.finding import Finding, Role, Severity
from common.release import Release, State
from server.access.visitor import Visitor
from server.web.cards import breakable, facts, rows
from server.web.pages import Pages
from tests.fakes.page_app import CONTEXT, index_of
from tests.fakes.page_releases import (
    HEADERLESS,
    MISMATCH,
    MISSING,
    NOT_NEWER,
    NOTES,
    TOO_LONG,
    TRUNCATED,
    WRITING,
    checked,
    release,
)
from tests.support.outline import Outline


def shown(releases: Sequence[Release], **context: object) -> tuple[Outline, str]:
    html = index_of(Pages(), list(releases), [], replace(CONTEXT, **context))  # type: ignore[arg-type]
    return Outline(html), html


def test_findings_are_worst_first_with_code_file_and_sentence() -> None:
    found = [NOT_NEWER, *HEADERLESS, TRUNCATED, MISMATCH]
    page, html = shown([release("version_1", State.REJECTED, found)])
    items = [a["class"] for a in page.all("li") if a.get("class") in set(Severity)]
    assert items == ["error", "error", "warning", "info", "info"]
    for finding in found:
        assert finding.code in page.text
        assert finding.message in page.text
        assert finding.file is not None
        assert f'<span class="of">{finding.file}</span> <code>{finding.code}</code>' in html.replace("\n", "")


def test_notes_are_folded_and_what_is_wrong_is_open() -> None:
    page, html = shown([release("version_1", findings=[TOO_LONG, *NOTES])])
    [notes] = page.all("details", **{"class": "notes"})
    assert "hidden" not in notes
    assert "open" not in notes
    assert "3 notes" in page.text
    before, folded = html.split('<details class="notes"')
    assert TOO_LONG.code in before
    assert all(n.code not in before and n.code in folded for n in NOTES)
    page, _ = shown([release("version_1", findings=NOTES[:1])])
    assert "1 note" in page.text
    page, _ = shown([release("version_1", findings=[TOO_LONG])])
    [notes] = page.all("details", **{"class": "notes"})
    assert "hidden" in notes


def test_what_an_incomplete_release_waits_for_is_not_folded() -> None:
    page, html = shown([release("version_1", State.INCOMPLETE, [WRITING])])
    [notes] = page.all("details", **{"class": "notes"})
    assert "hidden" in notes
    assert WRITING.code in html.split('<details class="notes"')[0]


def test_the_files_that_findings_are_of_are_marked() -> None:
    marks = {row.role: row.mark for row in rows(release("version_1", findings=[MISMATCH, TOO_LONG, *NOTES]))}
    assert marks == {"manifest": "", "slot0": "error", "slot1": "warning"}
    both = [replace(TOO_LONG, file=Role.SLOT0), MISMATCH, replace(NOT_NEWER, file=Role.SLOT0)]
    assert {row.role: row.mark for row in rows(release("version_1", findings=both))}["slot0"] == "error"


def test_a_forced_release_is_marked_wherever_it_is_shown() -> None:
    forced = replace(release("version_1", findings=[MISMATCH]), forced=True)
    plain = release("version_2")
    page, html = shown([forced, plain])
    cards = html.split("<article")
    assert "badge forced" in cards[1]
    assert "badge forced" not in cards[2].split("</article>")[0]
    assert '<option value="version_1">version_1 (Forced)</option>' in html
    assert '<option value="version_2">version_2</option>' in html
    question = Outline(Pages().confirm_remove(forced))
    assert "version_1 Forced from the firmware folder" in " ".join(question.text.split())
    assert "Forced" not in Outline(Pages().confirm_remove(plain)).text
    assert page.all("span", **{"class": "badge forced"})


@pytest.mark.parametrize("state", list(State))
def test_every_release_can_be_withdrawn_or_restored(state: State) -> None:
    page, _ = shown([release("fw/valve/1", state)])
    [button] = page.all("button", **{"class": "shelve"})
    assert button["value"] == "fw/valve/1"
    assert button["name"] == "publish_id"
    assert button["form"] == ("restore-form" if state is State.WITHDRAWN else "withdraw-form")
    for name in ("withdraw", "restore"):
        assert page.all("form", id=f"{name}-form", method="post", action=name)
    if state is not State.WITHDRAWN:
        assert button["title"] == "Take it out of service without deleting it: no new device gets it"


@pytest.mark.parametrize("state", [s for s in State if s is not State.READY])
def test_what_devices_do_not_get_has_no_addresses(state: State) -> None:
    shown_release = release("version_1", state, riot=7)
    page, _ = shown([shown_release])
    assert not page.all("a", download="")
    assert not [a for a in page.all("a") if "files/" in (a["href"] or "")]
    assert "coap://[fd00:1234:5678::1]/version_1" not in page.text
    assert "also at" not in page.text
    assert "CoAP URL" not in page.text
    for file in shown_release.files:
        assert file.sha256[:12] in page.text


def test_a_withdrawn_release_says_what_that_means() -> None:
    page, _ = shown([release("version_1", State.WITHDRAWN)])
    assert "devices do not get this release. Restore brings it back." in page.text
    page, _ = shown([release("version_1", State.WITHDRAWN)], visitor=Visitor(why_not="Not from here."))
    assert "devices do not get this release." in page.text
    assert "Restore" not in page.text


@pytest.mark.parametrize(
    ("signature", "words", "kind"),
    [("valid", "Signature valid", "good"), ("invalid", "Signature invalid", "bad"), ("unverified", "Signature not checked", ""),
     ("absent", "Not signed", "warn")],
)
def test_signatures_are_told(signature: str, words: str, kind: str) -> None:
    told = facts(replace(release("version_1", riot=7), signature=signature))
    assert (words, kind) in [(text, how) for text, _, how in told]


def test_an_opaque_manifest_says_nothing_of_signatures_and_numbers() -> None:
    assert [words for words, _, _ in facts(release("version_1"))] == ["3 files, 60.5 kB"]


def test_a_class_stands_where_no_board_is_known() -> None:
    named = replace(release("version_1", riot=7), class_id="bcc90984-fe7d-562b-b4c9-a24f26a9a9cd")
    assert ("samr21-xpro", "The board that this release is for", "") in facts(named)
    told = facts(replace(named, board=None))
    assert ("Class bcc90984…", "Class id bcc90984-fe7d-562b-b4c9-a24f26a9a9cd", "") in told


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see fw/a/b", "see fw/<wbr>a/<wbr>b"),
        ("coap://[fd00::1]/fw", "coap://<wbr>[fd00::1]/<wbr>fw"),
        ("cp x /var/lib", "cp x /var/<wbr>lib"),
        ("ROOT=/srv/fw", "ROOT=/srv/<wbr>fw"),
        ("<b>/&", "&lt;b&gt;/<wbr>&amp;"),
    ],
)
def test_long_lines_may_break_behind_slashes(text: str, html: str) -> None:
    assert breakable(text) == html


def test_a_refused_release_is_told_finding_by_finding() -> None:
    found = [MISMATCH, TRUNCATED, NOT_NEWER, *NOTES]
    message = " ".join(f.message for f in found if f.severity is Severity.ERROR)
    text = Outline(Pages().error(400, "That cannot be done as asked", message, found)).text
    assert "The checks found 2 errors, so nothing was published." in text
    assert all(text.count(f.message) == 1 and f.code in text for f in found)
    assert "tick “Publish even if the checks find errors”" in text


@pytest.mark.parametrize("code", ["no-manifest", "no-image"])
def test_what_cannot_be_forced_is_not_offered(code: str) -> None:
    nothing = Finding(Severity.ERROR, code, "There is none.")
    text = Outline(Pages().error(400, "No", nothing.message, [nothing])).text
    assert "The checks found an error, so nothing was published." in text
    assert "Publish even if" not in text
    assert "Publish even if" not in Outline(Pages().error(400, "No", "'x' is rejected, so nobody was told.", [MISMATCH])).text


def test_every_state_of_checks_makes_a_card() -> None:
    releases = checked()
    page, _ = shown(releases)
    assert [a["data-id"] for a in page.all("article")] == [r.publish_id for r in releases]
    assert MISSING.message in page.text
