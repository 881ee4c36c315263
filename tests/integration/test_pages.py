"""The pages as HTML: what is in them, what is escaped, what stays the same."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from common.finding import Finding, Role, Severity
from common.notification import DeviceResult, DeviceState, Notification
from common.release import Problem, Release, State
from server.access.visitor import AT_THE_MACHINE, Visitor
from server.web.cards import human_size
from server.web.pages import VIEWS, PageContext, Pages
from tests.fakes.page_app import CONTEXT, index_of, scene
from tests.fakes.page_releases import release
from tests.support.outline import Outline

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"


@pytest.fixture
def pages() -> Pages:
    return Pages()


def card_versions(html: str) -> dict[str | None, str | None]:
    return {a["data-id"]: a["data-version"] for a in Outline(html).all("article")}


def every_page(pages: Pages) -> list[str]:
    typical, empty = scene("typical"), scene("empty")
    shown = typical.releases[0]
    results = tuple(DeviceResult(f"[fd00::{i}]/fw", state, None, "Why.") for i, state in enumerate(DeviceState))
    return [
        index_of(pages, typical.releases, typical.problems, CONTEXT),
        index_of(pages, [], [], empty.context),
        index_of(pages, typical.releases, [], replace(CONTEXT, visitor=Visitor(why_not="Not from here."), notice="Done.")),
        pages.error(400, "No", "It did not work.", typical.releases[3].findings),
        pages.notification(Notification("1", "version_42", results)),
        pages.confirm_remove(shown),
    ]


def test_a_card_tells_all_of_a_release(pages: Pages) -> None:
    shown = release("fw/sample/samr21-xpro/1700000200", riot=1700000200)
    html = index_of(pages, [shown], [], CONTEXT)
    page = Outline(html)
    for file in shown.files:
        assert page.all("a", href=f"files/{file.path}")
        assert page.all("code", title=file.sha256)
        assert file.sha256[:12] in page.text
        assert file.url is not None
        assert file.url in page.text
        assert file.name in page.text
        assert file.also_served_at[0] in page.text
        assert page.all("td", title=f"{file.size:,} bytes")
    facts = ("Sequence 1700000200", "samr21-xpro", "Signature not checked", "3 files, 60.5 kB", "20 Nov 2026, 09:30 UTC")
    for words in ("Ready", *facts):
        assert words in page.text
    assert page.all("time", datetime="2026-11-20T09:30:00Z")


@pytest.mark.parametrize("state", list(State))
def test_states_are_words_and_only_ready_releases_can_be_notified(pages: Pages, state: State) -> None:
    page = Outline(index_of(pages, [release("version_42", state)], [], CONTEXT))
    assert state.value.capitalize() in page.text
    [details] = page.all("details", **{"class": "notify"})
    assert ("data-scripted" in details) == (state is State.READY)
    assert bool(page.all("select", name="publish_id")) == (state is State.READY)


def test_nothing_that_comes_from_outside_becomes_markup(pages: Pages) -> None:
    # A publish id cannot hold these characters; the page must not depend on that.
    finding = Finding(Severity.ERROR, HOSTILE, HOSTILE, Role.SLOT0)
    hostile = replace(release(HOSTILE, findings=[finding], riot=7), board=HOSTILE, class_id=HOSTILE, vendor_id=HOSTILE)
    file = replace(hostile.files[0], name=HOSTILE, sha256=HOSTILE, path=HOSTILE, also_served_at=(HOSTILE,), url=HOSTILE)
    hostile = replace(hostile, files=(file,))
    context = PageContext(HOSTILE, HOSTILE, replace(AT_THE_MACHINE, name=HOSTILE), HOSTILE, HOSTILE)
    stranger = replace(context, visitor=Visitor("", (), HOSTILE, True, HOSTILE))
    html = [
        index_of(pages, [hostile], [Problem(HOSTILE, HOSTILE)] * 7, context),
        index_of(pages, [hostile, replace(hostile, board=None)], [], stranger),
        index_of(pages, [], [], context),
        pages.error(400, HOSTILE, HOSTILE, [replace(finding, message=f"Beside it: {HOSTILE}")]),
        pages.notification(Notification(HOSTILE, HOSTILE, (DeviceResult(HOSTILE, DeviceState.REFUSED, HOSTILE, HOSTILE),))),
        pages.confirm_remove(hostile),
    ]
    for text in html:
        page = Outline(text)
        scripts = [a for a in page.all("script") if a.get("src") is None]
        assert scripts == []
        assert all(a.get("src", "").endswith("favicon.svg") for a in page.all("img"))  # type: ignore[union-attr]
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
        assert HOSTILE in page.text


def test_the_content_security_policy_is_kept(pages: Pages) -> None:
    for html in every_page(pages):
        page = Outline(html)
        for name, attributes in page.elements:
            assert "style" not in attributes
            assert not any(a.startswith("on") for a in attributes)
            assert name not in ("style", "base")
            for link in (attributes.get("src"), attributes.get("href"), attributes.get("action")):
                assert not re.match(r"[a-z]+:|//", link or "")


def test_links_work_below_a_prefix(pages: Pages) -> None:
    shown = release("version_42")
    waiting = Notification("1", "version_42", (DeviceResult("[fd00::2]/fw", DeviceState.WAITING, None, "Not yet."),))
    for html, start in (
        (index_of(pages, [shown], [], CONTEXT), ""),
        (pages.notification(waiting), "../"),
        (pages.confirm_remove(shown), ""),
        (pages.error(404, "No", "Nothing here.", root="../../"), "../../"),
    ):
        page = Outline(html)
        assert page.all("link", rel="stylesheet", href=f"{start}static/style.css")
        links = [v for _, a in page.elements for k, v in a.items() if k in ("src", "href", "action")]
        assert not [link for link in links if (link or "").startswith("/")]
    assert Outline(pages.error(404, "No", "Nothing here.")).all("link", rel="stylesheet", href="/static/style.css")


def test_an_error_says_nothing_twice(pages: Pages) -> None:
    findings = [Finding(Severity.ERROR, "a", "One is wrong."), Finding(Severity.WARNING, "b", "Look at two.")]
    text = Outline(pages.error(400, "No", "One is wrong. Nothing was published.", findings)).text
    assert text.count("One is wrong.") == 1
    assert "Look at two." in text


def test_ids_are_unique_and_labels_find_their_fields(pages: Pages) -> None:
    for html in every_page(pages):
        elements = Outline(html).elements
        ids = [a["id"] for _, a in elements if "id" in a]
        assert len(ids) == len(set(ids))
        named = [(a.get("aria-labelledby") or a.get("for") or a.get("form")) for _, a in elements]
        assert {n for n in named if n} <= set(ids)


def test_the_page_is_the_same_while_nothing_changes(pages: Pages) -> None:
    app = scene("typical")
    assert index_of(pages, app.releases, app.problems, CONTEXT) == index_of(Pages(), app.releases, app.problems, CONTEXT)


def test_a_version_changes_with_its_release_alone(pages: Pages) -> None:
    one, two = release("version_1"), release("version_2")
    before = card_versions(index_of(pages, [one, two], [], CONTEXT))
    changed: Release = replace(two, state=State.REJECTED)
    after = card_versions(index_of(pages, [one, changed], [], CONTEXT))
    assert before["version_1"] == after["version_1"]
    assert before["version_2"] != after["version_2"]
    assert card_versions(index_of(pages, [one, two], [], CONTEXT)) == before
    moved = replace(one, files=tuple(replace(f, url="coap://[fd00::9]/") for f in one.files))
    assert card_versions(index_of(pages, [moved], [], CONTEXT))["version_1"] != before["version_1"]


def test_what_may_not_be_changed_is_not_offered(pages: Pages) -> None:
    closed = replace(CONTEXT, visitor=Visitor(why_not="Only on the gateway itself."))
    page = Outline(index_of(pages, scene("typical").releases, [], closed))
    assert "Only on the gateway itself." in page.text
    assert page.all("form") == []
    assert page.all("button", name="publish_id") == []
    assert page.all("a", href="files/fw/sample/samr21-xpro/1700000100/slot0")
    assert not page.all("a", href="files/version_41/slot0"), "a rejected release has nothing to download"
    assert "curl" not in Outline(index_of(pages, [], [], closed)).text
    assert "make suit/publish" in Outline(index_of(pages, [], [], closed)).text


def test_problems_are_there_only_when_there_are_some(pages: Pages) -> None:
    assert "in the folder" not in Outline(index_of(pages, [release("version_1")], [], CONTEXT)).text
    assert "1 problem in the folder" in Outline(index_of(pages, [], [Problem("slot0.bin", "Stray.")], CONTEXT)).text
    many = Outline(index_of(pages, [], [Problem(f"file{n}", f"Message {n}.") for n in range(12)], CONTEXT))
    assert "12 problems in the folder" in many.text
    assert "Show 7 more" in many.text
    assert "Message 11." in many.text


def test_the_empty_page_says_what_to_do(pages: Pages) -> None:
    text = Outline(index_of(pages, [], [], replace(CONTEXT, folder="/srv/my firmware"))).text
    assert "cp -r version_42 '/srv/my firmware'/" in text
    assert "make suit/publish SUIT_COAP_FSROOT='/srv/my firmware'" in text
    assert "curl -F publish_id=version_42" in text
    assert "Nothing is published yet" not in Outline(index_of(pages, [release("version_1")], [], CONTEXT)).text


def test_a_notification_looks_again_only_while_one_is_waiting(pages: Pages) -> None:
    results = tuple(DeviceResult(f"[fd00::{i}]/fw", state, None, f"Why {i}.") for i, state in enumerate(DeviceState))
    waiting = Outline(pages.notification(Notification("1", "version_42", results)))
    assert waiting.all("meta", **{"http-equiv": "refresh"})
    for words in ("Waiting", "Accepted", "Refused", "No answer", "Why 2.", "[fd00::3]/fw"):
        assert words in waiting.text
    done = Outline(pages.notification(Notification("1", "version_42", results[2:])))
    assert not done.all("meta", **{"http-equiv": "refresh"})


def test_the_question_names_what_goes(pages: Pages) -> None:
    page = Outline(pages.confirm_remove(release("fw/valve/7", riot=7)))
    for words in ("fw/valve/7", "riot.suit.7.bin", "489 bytes", "60.5 kB"):
        assert words in page.text
    assert page.all("form", action="remove", method="post")
    assert page.all("input", name="sure", value="1")
    assert page.all("input", name="publish_id", value="fw/valve/7")


def test_times_are_told_in_utc(pages: Pages) -> None:
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    shown = replace(release("version_1"), published=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone))
    page = Outline(index_of(pages, [shown], [], CONTEXT))
    assert page.all("time", datetime="2026-01-01T21:34:05Z")
    assert "1 Jan 2026, 21:34 UTC" in page.text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (30_016, "30 kB"), (96_260, "96.3 kB"),
        (123_456, "123 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (1_234_567, "1.2 MB"), (5_000_000_000_000, "5000 GB"),
    ],
)
def test_sizes_are_read_at_a_glance(size: int, text: str) -> None:
    assert human_size(size) == text


def test_rendering_keeps_nothing_in_bottle(pages: Pages) -> None:
    import bottle

    index_of(pages, [], [], CONTEXT)
    assert bottle.SimpleTemplate.defaults == {}
    assert bottle.TEMPLATES == {}
    assert VIEWS.is_dir()


@pytest.mark.parametrize("view", sorted(VIEWS.glob("*.tpl")), ids=lambda view: view.name)
def test_lines_are_joined_only_where_bottle_joins_them(view: Path) -> None:
    r"""It takes `\\` for the end of a line only right before code; anywhere else people would read it."""
    lines = view.read_text().splitlines()
    pairs = itertools.pairwise([*lines, "%"])
    assert [one for one, after in pairs if one.endswith("\\\\") and not after.lstrip().startswith("%")] == []
