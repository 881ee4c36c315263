"""Publish ids, the JSON of a release, and which one is the newest."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidRelease
from common.finding import Finding, Role, Severity
from common.release import MAX_PUBLISH_ID, RESERVED_SEGMENTS, Problem, Release, ReleaseFile, State, check_publish_id, newest

BOUNDED = settings(max_examples=60)
NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
TEXTS = st.text(max_size=20)
FINDINGS = st.builds(Finding, st.sampled_from(Severity), TEXTS, TEXTS, st.none() | st.sampled_from(Role))
FILES = st.builds(
    ReleaseFile,
    role=st.sampled_from(Role),
    name=TEXTS,
    size=st.integers(0, 2**40),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    path=TEXTS,
    also_served_at=st.lists(TEXTS, max_size=3).map(tuple),
    url=st.none() | TEXTS,
)
RELEASES = st.builds(
    Release,
    publish_id=TEXTS,
    published=st.datetimes(timezones=st.just(dt.UTC)),
    state=st.sampled_from(State),
    files=st.lists(FILES, max_size=3).map(tuple),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    forced=st.booleans(),
    sequence_number=st.none() | st.integers(0, 2**64 - 1),
    vendor_id=st.none() | st.uuids().map(str),
    class_id=st.none() | st.uuids().map(str),
    board=st.none() | TEXTS,
    signature=st.sampled_from(("valid", "unverified", "invalid", "absent")),
)


def release(
    publish_id: str, number: int | None = None, hours: int = 0, class_id: str | None = "c", state: State = State.READY
) -> Release:
    """A ready release of sequence number `number`, published `hours` after noon."""
    return Release(
        publish_id, NOON + dt.timedelta(hours=hours), state, (), sequence_number=number, vendor_id="v", class_id=class_id
    )


@pytest.mark.parametrize(
    "text", ("version_42", "fw/sensor/samr21-xpro", "a", "1.2.3+rc~1", "-x", "Latest", "a" * MAX_PUBLISH_ID, "a..b")
)
def test_publish_ids(text: str) -> None:
    assert check_publish_id(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    (
        ("", "is empty"),
        ("a" * (MAX_PUBLISH_ID + 1), "has 201 characters"),
        ("/a", "empty part"),
        ("a/", "empty part"),
        ("a//b", "empty part"),
        (".", "starts with a dot"),
        ("a/../b", "starts with a dot"),
        (".staging", "starts with a dot"),
        ("a b", "other characters"),
        ("a\n", "other characters"),
        ("größe", "other characters"),
        ("a\\b", "other characters"),
        ("a\0b", "other characters"),
        ("٣", "other characters"),
        ("fw/latest", "reserved part 'latest'"),
        ("rd", "reserved part"),
        (".well-known/core", "reserved part"),
    ),
)
def test_what_is_no_publish_id(text: str, why: str) -> None:
    with pytest.raises(InvalidRelease, match=why):
        check_publish_id(text)


@BOUNDED
@given(st.text() | st.text("ab./~ \n", max_size=12))
def test_a_publish_id_is_a_safe_relative_path(text: str) -> None:
    try:
        check_publish_id(text)
    except InvalidRelease:
        return
    segments = text.split("/")
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= MAX_PUBLISH_ID
    assert not any(not s or s.startswith(".") or s in RESERVED_SEGMENTS for s in segments)


@BOUNDED
@given(RELEASES)
def test_json_there_and_back(value: Release) -> None:
    assert Release.from_json(json.loads(json.dumps(value.to_json()))) == value


def test_the_time_is_written_as_rfc_3339() -> None:
    assert release("a").to_json()["published"] == "2026-11-24T12:00:00Z"


def test_json_of_a_newer_server_is_read() -> None:
    data = release("a", 7).to_json()
    assert Release.from_json({**data, "colour": "red"}) == release("a", 7)


def test_json_of_an_older_server_is_read() -> None:
    data = {key: release("a").to_json()[key] for key in ("publish_id", "published", "state", "files")}
    assert Release.from_json(data) == Release("a", NOON, State.READY, ())


@pytest.mark.parametrize(
    "change",
    (
        {"published": "2026-11-24T12:00:00"},
        {"published": "yesterday"},
        {"published": 5},
        {"state": "asleep"},
        {"files": 5},
        {"files": [{"role": "manifest"}]},
        {"files": [5]},
        {"sequence_number": "many"},
        {"findings": [{"severity": "odd", "code": "x", "message": "y"}]},
    ),
)
def test_json_of_another_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        Release.from_json({**release("a").to_json(), **change})


def test_files_by_role_and_size() -> None:
    files = tuple(ReleaseFile(role, role.value, 100, "0" * 64, f"a/{role}") for role in (Role.MANIFEST, Role.SLOT0))
    both = Release("a", NOON, State.READY, files)
    assert both.size == 200
    assert both.file(Role.SLOT0) is files[1]
    assert both.file(Role.SLOT1) is None


def test_a_problem_as_json() -> None:
    assert Problem("a/b", "It is a pipe.").to_json() == {"path": "a/b", "message": "It is a pipe."}


@pytest.mark.parametrize(
    ("releases", "expected"),
    (
        ([release("a", 1, hours=5), release("b", 2)], "b"),
        ([release("a"), release("b", hours=1)], "b"),
        ([release("a", hours=9), release("b", 1)], "b"),
        ([release("a", 1), release("b", 2, state=State.WITHDRAWN), release("c", 3, state=State.INCOMPLETE)], "a"),
        ([release("a", 1), release("b", 2, class_id="other", state=State.REJECTED)], "a"),
    ),
)
def test_newest(releases: list[Release], expected: str) -> None:
    assert newest(releases).publish_id == expected
    assert newest(reversed(releases)).publish_id == expected


@pytest.mark.parametrize(
    ("releases", "why"),
    (
        ([], "publish one first"),
        ([release("a", state=State.REJECTED)], "publish one first"),
        ([release("a", 1), release("b", 2), release("c", 1, class_id="other")], "2 classes of device.*: b, c"),
        ([release("b", 1), release("a", 1, hours=1)], "a and b are equally new"),
        ([release("b"), release("a")], "a and b are equally new"),
    ),
)
def test_no_one_newest(releases: list[Release], why: str) -> None:
    with pytest.raises(InvalidRelease, match=why):
        newest(releases)
