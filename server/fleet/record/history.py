"""The history: who published, removed or notified what, how each transfer ended, and what each device's traces proved."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sqlite3
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from common.event import Event
from server.fleet.record.database import Database, NotRecorded
from server.steady import Steady

SCHEMA = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,
        kind TEXT NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        publish_id TEXT,
        device TEXT,
        details TEXT NOT NULL
    );
    CREATE INDEX events_by_time ON events (time);
    CREATE INDEX events_by_publish_id ON events (publish_id, id) WHERE publish_id IS NOT NULL;
    CREATE INDEX events_by_device ON events (device, id) WHERE device IS NOT NULL;
    INSERT INTO sqlite_sequence (name, seq) VALUES ('events', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
    """,
)
"""Times are Unix times in milliseconds. So is the id with which a file begins: one that takes a damaged one's place, of which
nothing can be read, does not use its ids again, unless that took in over a thousand events a second all the time."""
COLUMNS = ("id", "time", "kind", "who", "what", "publish_id", "device", "details")
PAGE = 500
MOST = 5000
"""Events that are read at once."""
PRUNED = 3600.0
"""Seconds between two looks for what is too old, and from the start, or since the clock was set, to the first."""
_STEP = 500
_LONGEST = 4000
"""Characters of a text: some are a device's or a caller's own."""
_SLICE = 0.25
_DAY = 86_400_000
_MOST_ID = 2**63 - 1
_COLUMNS = ", ".join(COLUMNS)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, oldest first."""

    events: tuple[Event, ...]
    next: int | None
    """The id after which the next page begins; None: there is no more now."""

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a part of the history."""
        return {"events": [event.to_json() for event in self.events], "next": self.next}


class History:
    """Threads: one owner calls `start`, one calls `beat` again and again, any thread the rest."""

    def __init__(self, database: Database, steady: Steady, keep_days: int) -> None:
        """`database` has SCHEMA; events are kept for so many days."""
        self._database = database
        self._steady = steady
        self._began = steady()
        self._keep = keep_days * 86400.0
        self._news = threading.Condition()
        self._latest = 0
        self._before: int | None = None  # the last id of an earlier start
        self._due = 0.0

    def start(self) -> None:
        """Take in where the history stands; the database has been started."""
        try:
            self._tell(self._database.commit(_last_id))
        except NotRecorded:
            self._database.submit(_last_id).add_done_callback(self._told)

    def record(
        self, kind: str, what: str, who: str = "server", publish_id: str | None = None, device: str | None = None, **details: Any
    ) -> None:
        """Note what happened. It never raises and returns at once; `details` are JSON values.

        Where nothing can be recorded for so long that too many events wait, the oldest are lost.
        """
        row = (
            int(self._steady.wall() * 1000), _clean(kind), _clean(who), _clean(what),
            None if publish_id is None else _clean(publish_id), None if device is None else _clean(device), _json(details),
        )  # fmt: skip
        self._database.submit(lambda connection: _insert(connection, row)).add_done_callback(self._told)

    @property
    def latest_id(self) -> int:
        """That of the event which was recorded last; 0 before there is any."""
        with self._news:
            return self._latest

    @property
    def trouble(self) -> str:
        """Why nothing can be recorded, as a sentence for people; empty when all is well."""
        return self._database.trouble

    @property
    def lag(self) -> float:
        """Seconds for which the oldest event that is not on the disk has waited; 0 where there is none."""
        return self._database.lag

    @property
    def waiting(self) -> int:
        """Events, and what else is to be remembered, that wait to be written."""
        return self._database.waiting

    @property
    def lost(self) -> int:
        """How much of it was lost since the start, because too much waited."""
        return self._database.dropped

    def since(
        self,
        event_id: int | None = None,
        limit: int = PAGE,
        *,
        kind: str | None = None,
        device: str | None = None,
        publish_id: str | None = None,
    ) -> Page:
        """The events after this one, from the beginning where it is None, oldest first; none where nothing can be read."""
        limit = max(1, min(limit, MOST))
        wanted = {"kind": kind, "device": device, "publish_id": publish_id}
        filters = {column: _clean(value) for column, value in wanted.items() if value is not None}
        where = " AND ".join(["id > ?", *(f"{column} = ?" for column in filters)])
        after = max(-1, min(event_id if event_id is not None else -1, 2**63 - 1))
        query = f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY id LIMIT ?"
        events = self._events(query, (after, *filters.values(), limit + 1))
        more = len(events) > limit
        return Page(events[:limit], events[limit - 1].id if more else None)

    def last(self, number: int, device: str | None = None) -> tuple[Event, ...]:
        """The newest events, newest first; those of one device, where it is given."""
        where, values = ("WHERE device = ?", (_clean(device),)) if device is not None else ("", ())
        query = f"SELECT {_COLUMNS} FROM events {where} ORDER BY id DESC LIMIT ?"
        return self._events(query, (*values, max(0, min(number, MOST))))

    def wait_for_news(self, after: int, timeout: float, stop: threading.Event) -> tuple[Event, ...]:
        """The events after this one, as soon as there are any; none after `timeout` seconds or once `stop` is set."""
        end, seen = time.monotonic() + timeout, after
        while True:
            with self._news:
                while self._latest <= seen:
                    left = end - time.monotonic()
                    if left <= 0 or stop.is_set():
                        return ()
                    self._news.wait(min(left, _SLICE))
                seen = self._latest
            if stop.is_set():
                return ()
            if events := self.since(after).events:
                return events

    def beat(self) -> None:
        """Have what is too old removed once an hour, in steps between which others are written.

        A clock that is wrong must not cost the history: nothing goes before the clock went evenly for an hour; nor
        what was recorded after something that is young enough, or by this start: then its own time was wrong.
        """
        now = self._steady()
        if self._before is None or self._steady.agreed < PRUNED or now < self._due:
            return
        self._due = now + PRUNED
        unix = int(self._steady.unix(now) * 1000)
        oldest = unix - int(self._keep * 1000)
        last = self._before if now - self._began < self._keep else _MOST_ID

        def prune(found: Future[int]) -> None:
            if (before := _result(found)) is not None:
                self._prune(oldest, min(before, last))

        self._database.submit(lambda connection: _before_young(connection, oldest, unix)).add_done_callback(prune)

    def _prune(self, oldest: int, last: int) -> None:
        def go_on(step: Future[int]) -> None:
            if _result(step) == _STEP:
                self._prune(oldest, last)

        self._database.submit(lambda connection: _remove(connection, oldest, last)).add_done_callback(go_on)

    def _told(self, recorded: Future[int]) -> None:
        event_id = _result(recorded)
        if event_id is not None:
            self._tell(event_id)

    def _tell(self, event_id: int) -> None:
        with self._news:
            self._latest = event_id
            if self._before is None:
                self._before = event_id
            self._news.notify_all()

    def _events(self, query: str, values: tuple[Any, ...]) -> tuple[Event, ...]:
        try:
            rows = self._database.read(lambda connection: connection.execute(query, values).fetchall())
        except NotRecorded:
            return ()
        return tuple(_event(*row) for row in rows)


def _result(future: Future[int]) -> int | None:
    """Of a work that is over; None where it was not done, and a line in the log where that is a fault of ours."""
    if future.cancelled():
        return None
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, NotRecorded):
        _log.error("an event could not be recorded", exc_info=error)
    return None


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> int:
    query = "INSERT INTO events (time, kind, who, what, publish_id, device, details) VALUES (?, ?, ?, ?, ?, ?, ?)"
    return connection.execute(query, row).lastrowid or 0


def _last_id(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(last)


def _before_young(connection: sqlite3.Connection, oldest: int, now: int) -> int:
    """The last id before the first event that is young enough, and not of a day to come."""
    query = "SELECT id FROM events WHERE +time BETWEEN ? AND ? ORDER BY id LIMIT 1"
    found = connection.execute(query, (oldest, now + _DAY)).fetchone()
    return int(found[0]) - 1 if found is not None else _MOST_ID


def _remove(connection: sqlite3.Connection, oldest: int, last: int) -> int:
    query = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time < ? AND id <= ? ORDER BY time LIMIT ?)"
    return connection.execute(query, (oldest, last, _STEP)).rowcount


def _event(
    event_id: int, milliseconds: int, kind: str, who: str, what: str, publish_id: str | None, device: str | None, details: str
) -> Event:
    when = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    return Event(event_id, when, kind, who, what, publish_id, device, json.loads(details))


def _clean(text: str) -> str:
    """Bounded, and without the half characters that stand for the odd bytes of a file name: SQLite takes none."""
    return str(text)[:_LONGEST].encode("utf-8", "backslashreplace").decode()


def _json(details: dict[str, Any]) -> str:
    try:
        return json.dumps(details, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "replace").decode()
    except (ValueError, TypeError, RecursionError):
        _log.exception("an event is recorded without its details, which are no JSON")
        return "{}"
