"""What the history keeps, gives and forgets; its time is moved by the test."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.event import Event
from server.fleet.record.database import Database
from server.fleet.record.history import PRUNED, SCHEMA, History
from server.fleet.record.history_table import table
from server.steady import Steady
from tests.support.clock import Clock, SystemClock
from tests.waiting import wait_until

DAY = 86400.0


class Parts:
    def __init__(self, path: Path, clock: Clock | None = None, wrong: float = 0.0) -> None:
        self.path = path
        self.clock = clock or Clock()
        self.wall = SystemClock(self.clock)
        self.wall.wrong = wrong
        self.steady = Steady(self.wall, self.clock)
        self.database = Database(path, SCHEMA, pytest.fail)
        self.history = History(self.database, self.steady, keep_days=90)

    def start(self) -> History:
        self.database.start()
        self.history.start()
        return self.history

    def settle(self) -> None:
        """All that was recorded so far is on the disk, and told."""
        self.database.commit(lambda _: None)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path / "history.db")
    yield parts
    parts.database.stop()


def test_an_event_comes_back_whole(parts: Parts) -> None:
    history = parts.start()
    history.record("publish", "v1 was published.", "alice", "v1", None, forced=True, sizes=[1, 2])
    history.record("verdict", "Slot 1 is active now.", device="fe80::2%wpan0", publish_id="v1")
    parts.settle()
    first, second = history.since().events
    assert (first.kind, first.who, first.what) == ("publish", "alice", "v1 was published.")
    assert (first.publish_id, first.device) == ("v1", None)
    assert first.details == {"forced": True, "sizes": [1, 2]}
    assert abs(first.time.timestamp() - parts.wall()) < 0.01
    assert (second.who, second.device, second.details) == ("server", "fe80::2%wpan0", {})
    assert first.to_json()["time"].endswith("Z")
    assert Event.from_json(json.loads(json.dumps(first.to_json()))) == Event(**{
        name: getattr(first, name) for name in first.__dataclass_fields__
    })
    assert history.last(1) == (second,)
    assert history.latest_id == second.id == first.id + 1
    assert history.since().to_json() == {"events": [first.to_json(), second.to_json()], "next": None}


def test_pages_follow_each_other_and_are_filtered(parts: Parts) -> None:
    history = parts.start()
    for number in range(25):
        kind = "odd" if number % 2 else "even"
        history.record(kind, str(number), publish_id=f"v{number % 3}", device=f"fd00::{number % 5}")
    parts.settle()
    seen: list[str] = []
    page = history.since(limit=10)
    while True:
        seen += [event.what for event in page.events]
        if page.next is None:
            break
        page = history.since(page.next, 10)
    assert seen == [str(number) for number in range(25)]
    assert [e.what for e in history.since(kind="odd", limit=3).events] == ["1", "3", "5"]
    assert [e.what for e in history.since(publish_id="v1", device="fd00::2").events] == ["7", "22"]
    assert history.since(history.latest_id).events == history.since(10**30).events == ()
    assert len(history.since(-(10**30)).events) == 25
    assert [e.what for e in history.last(3)] == ["24", "23", "22"]


@pytest.mark.expects_log("without its details")
def test_odd_values_are_recorded_as_well_as_they_can_be(parts: Parts) -> None:
    history = parts.start()
    circle: list[object] = []
    circle.append(circle)
    history.record("k", "a\udcffb\0c", who="x" * 10_000, publish_id="\ud800", name="n\udcff", path=Path("/x"))
    history.record("k", "circle", circle=circle)
    history.record("k", "nan", nan=float("nan"))
    parts.settle()
    odd, *others = history.since().events
    assert odd.what == "a\\udcffb\0c"
    assert len(odd.who) == 4000
    assert odd.details == {"name": "n?", "path": "/x"}
    assert [event.details for event in others] == [{}, {}]
    assert history.since(publish_id="\ud800").events == (odd,)
    "".join(table(history)).encode()


def test_csv_holds_every_event_and_no_formula(parts: Parts) -> None:
    history = parts.start()
    texts = ["=1+1", "+1", "-1", "@x", "\tx", 'say "hi", you', "two\r\nlines", "plain", "ü"]
    for text in texts:
        history.record("k", text, who="=cmd", size=5)
    for number in range(1200):
        history.record("k", str(number))
    parts.settle()
    whole = "".join(table(history))
    assert whole.startswith("id,time,kind,who,what,publish_id,device,details\r\n")
    rows = list(csv.DictReader(io.StringIO(whole, newline="")))
    assert [row["what"] for row in rows[:9]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", *texts[5:]]
    assert (rows[0]["who"], rows[0]["details"]) == ("'=cmd", '{"size": 5}')
    assert len(rows) == 1209
    assert len(list(csv.reader(table(history, int(rows[-2]["id"]))))) == 2


def test_what_is_too_old_goes_once_an_hour(parts: Parts) -> None:
    history = parts.start()
    for number in range(1700):
        history.record("old", str(number))
    parts.clock.now += 30 * DAY
    history.record("new", "kept")
    parts.clock.now += 59 * DAY
    history.beat()
    parts.settle()
    assert len(history.since(limit=5000).events) == 1701
    parts.clock.now += 1.5 * DAY
    history.beat()
    wait_until(lambda: len(history.since(limit=5000).events) == 1)
    parts.clock.now += 60 * DAY
    history.beat()
    wait_until(lambda: not history.since().events)
    last = history.latest_id
    history.record("k", "too old already")
    parts.settle()
    parts.clock.now += 100 * DAY
    history.beat()
    wait_until(lambda: not history.since().events)
    history.record("k", "next")
    parts.settle()
    assert history.since().events[0].id == last + 2, "an id is never given twice"


def left(parts: Parts) -> list[str]:
    """What is left an hour later."""
    parts.clock.now += PRUNED
    parts.steady.beat()
    parts.history.beat()
    parts.settle()
    parts.settle()
    return [event.what for event in parts.history.since().events]


@pytest.fixture
def later(parts: Parts) -> Iterator[Parts]:
    """The next start, a day after what is in the history."""
    history = parts.start()
    for day in range(3):
        history.record("k", f"day {day}")
        parts.clock.now += DAY
    parts.settle()
    parts.database.stop()
    again = Parts(parts.path, parts.clock)
    again.start()
    yield again
    again.database.stop()


def test_a_clock_that_is_far_ahead_for_a_while_costs_nothing(later: Parts) -> None:
    later.wall.wrong = 20 * 365 * DAY
    for _ in range(59):
        later.clock.now += 60
        later.steady.beat()
        later.history.beat()
    later.history.record("k", "far ahead")
    later.wall.wrong = 0
    assert left(later) == ["day 0", "day 1", "day 2", "far ahead"]
    later.clock.now += 88.5 * DAY
    assert left(later) == ["day 2", "far ahead"], "what is from days to come holds up nothing"


def test_what_was_recorded_by_a_slow_clock_stays_as_long_as_the_rest(later: Parts) -> None:
    later.wall.wrong = -100 * DAY
    later.steady.beat()
    later.history.record("k", "slow")
    later.wall.wrong = 0
    assert left(later) == ["day 0", "day 1", "day 2", "slow"]
    later.clock.now += 88.5 * DAY
    later.history.record("k", "right")
    assert left(later) == ["day 2", "slow", "right"]
    later.clock.now += 2 * DAY
    assert left(later) == ["right"]


def test_what_the_first_start_of_all_recorded_by_a_slow_clock_stays(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "history.db", wrong=-100 * DAY)
    try:
        parts.start().record("k", "slow")
        parts.wall.wrong = 0
        assert left(parts) == ["slow"]
        parts.clock.now += 91 * DAY
        assert left(parts) == []
    finally:
        parts.database.stop()


def test_ids_go_on_after_a_restart(parts: Parts) -> None:
    parts.start().record("k", "a")
    parts.settle()
    last = parts.history.latest_id
    parts.database.stop()
    again = Parts(parts.path)
    try:
        assert again.start().latest_id == last > 0
        again.history.record("k", "b")
        again.settle()
        assert again.history.latest_id == last + 1
    finally:
        again.database.stop()


@pytest.mark.expects_log("the history was damaged")
def test_ids_are_not_used_again_when_a_damaged_file_was_replaced(parts: Parts) -> None:
    parts.start().record("k", "a")
    parts.settle()
    last = parts.history.latest_id
    parts.database.stop()
    parts.path.write_text("no database " * 1000)
    again = Parts(parts.path)
    try:
        again.start().record("k", "b")
        again.settle()
        assert again.history.latest_id > last
    finally:
        again.database.stop()


def test_news_come_to_all_who_wait(parts: Parts) -> None:
    history = parts.start()
    stop = threading.Event()
    assert history.wait_for_news(history.latest_id, 0.01, stop) == ()
    start, heard = history.latest_id, []
    waiting = [threading.Thread(target=lambda: heard.append(history.wait_for_news(start, 60, stop))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    history.record("k", "news")
    for thread in waiting:
        thread.join()
    assert [[event.what for event in events] for events in heard] == [["news"]] * 3
    assert [event.what for event in history.wait_for_news(start, 60, stop)] == ["news"]
    ender = threading.Thread(target=lambda: heard.append(history.wait_for_news(history.latest_id, 60, stop)))
    ender.start()
    stop.set()
    ender.join(60)
    assert heard[-1] == ()


def test_who_waits_after_events_that_are_gone_waits(parts: Parts) -> None:
    history = parts.start()
    history.record("k", "a")
    parts.settle()
    parts.clock.now += 100 * DAY
    history.beat()
    wait_until(lambda: not history.since().events)
    assert history.wait_for_news(0, 0.05, threading.Event()) == ()


def test_recording_goes_on_without_an_error_after_the_end(parts: Parts) -> None:
    history = parts.start()
    parts.database.stop()
    history.record("k", "late")
    assert history.since().events == ()
    assert history.trouble == ""
