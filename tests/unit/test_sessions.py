"""Sessions: over restarts, not beyond their token, not for ever, not too many."""

from __future__ import annotations

import datetime as dt
import json
import logging
import stat
from pathlib import Path

import pytest

from server.access.sessions import IDLE, LONGEST, Sessions
from server.access.token import Right, Token
from server.access.tokens import Known
from server.steady import Steady
from tests.support.clock import Clock, SystemClock

LAPTOP, _ = Token.make("laptop", Right, dt.datetime.now(dt.UTC))
KNOWN = Known((LAPTOP,))


def test_it_lasts_over_a_restart_and_the_file_lets_nobody_in(tmp_path: Path, clock: Clock) -> None:
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    text = sessions.begin(LAPTOP)
    assert len(text) >= 43
    assert text not in (tmp_path / "sessions").read_text()
    assert stat.S_IMODE((tmp_path / "sessions").stat().st_mode) == 0o600
    again = Sessions(tmp_path / "sessions", Steady(clock, clock))
    assert again.token(text, KNOWN) == LAPTOP
    assert again.server == sessions.server
    assert [again.token(wrong, KNOWN) for wrong in ("", text[:-1], text + "=", "ota_x", "\udcff")] == [None] * 5
    again.end(text)
    again.end(text)
    assert again.token(text, KNOWN) is None
    assert Sessions(tmp_path / "sessions", Steady(clock, clock)).token(text, KNOWN) is None


def test_a_clock_that_is_put_right_ends_it_neither_now_nor_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    wall = SystemClock(clock)
    wall.wrong = -2 * IDLE
    steady = Steady(wall, clock)
    sessions = Sessions(tmp_path / "sessions", steady)
    text = sessions.begin(LAPTOP)
    wall.wrong = 0
    steady.beat()
    assert sessions.token(text, KNOWN) == LAPTOP
    clock.now += 3600
    sessions.use(text)
    assert Sessions(tmp_path / "sessions", steady).token(text, KNOWN) == LAPTOP, "as after a reload"
    clock.now += IDLE - 1
    again = Sessions(tmp_path / "sessions", Steady(wall, clock))
    assert again.token(text, KNOWN) == sessions.token(text, KNOWN) == LAPTOP
    clock.now += 1
    assert again.token(text, KNOWN) is sessions.token(text, KNOWN) is None


def test_it_ends_with_its_token_even_when_another_one_gets_the_name(tmp_path: Path, clock: Clock) -> None:
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    text = sessions.begin(LAPTOP)
    other, _ = Token.make("laptop", Right, dt.datetime.now(dt.UTC))
    assert sessions.token(text, Known()) is None
    assert sessions.token(text, Known((other,))) is None
    assert sessions.token(text, KNOWN) == LAPTOP


def test_it_ends_when_it_is_not_used_and_some_day_in_any_case(tmp_path: Path, clock: Clock) -> None:
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    used, idle = sessions.begin(LAPTOP), sessions.begin(LAPTOP)
    began = clock.now
    while clock.now - began < LONGEST - IDLE:
        clock.now += IDLE - 1
        sessions.use(used)
        sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
        assert sessions.token(used, KNOWN) == LAPTOP
        assert sessions.token(idle, KNOWN) == (LAPTOP if clock.now - began < IDLE else None)
    clock.now = began + LONGEST
    assert sessions.token(used, KNOWN) is None
    clock.now = began - 10 * LONGEST
    assert sessions.token(used, KNOWN) == LAPTOP, "a clock that was set back ends nothing"


def test_uses_are_written_once_an_hour_at_most(tmp_path: Path, clock: Clock) -> None:
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    text = sessions.begin(LAPTOP)
    before = (tmp_path / "sessions").stat().st_ino
    clock.now += 3599
    sessions.use(text)
    sessions.use("nobody's")
    assert (tmp_path / "sessions").stat().st_ino == before
    clock.now += 1
    sessions.use(text)
    assert (tmp_path / "sessions").stat().st_ino != before


def test_there_are_so_many_at_most(tmp_path: Path, clock: Clock) -> None:
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock), most=5)
    texts = []
    for _ in range(8):
        clock.now += 1
        texts.append(sessions.begin(LAPTOP))
    assert [sessions.token(text, KNOWN) is not None for text in texts] == [False] * 3 + [True] * 5
    assert len(json.loads((tmp_path / "sessions").read_text())["sessions"]) == 5


@pytest.mark.expects_log("people log in again")
@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"server": "zz", "sessions": {}}', '{"server": "00000000", "sessions": {"a": {}}}']
)
def test_a_damaged_file_means_logging_in_again(
    tmp_path: Path, clock: Clock, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "sessions").write_text(content)
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    assert "people log in again" in caplog.records[0].getMessage()
    text = sessions.begin(LAPTOP)
    assert Sessions(tmp_path / "sessions", Steady(clock, clock)).token(text, KNOWN) == LAPTOP


def test_where_nothing_can_be_written_it_lasts_until_the_end(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sessions = Sessions(tmp_path / "gone" / "sessions", Steady(clock, clock))
    texts = [sessions.begin(LAPTOP), sessions.begin(LAPTOP)]
    assert all(sessions.token(text, KNOWN) for text in texts)
    assert len(caplog.records) == 1
