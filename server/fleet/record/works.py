"""What waits to be written to the database, in its order and bounded."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from server.fleet.record.database_file import is_from_outside


@dataclass(slots=True, eq=False)
class Work:
    """One function of a connection, and the future of its result."""

    call: Callable[[sqlite3.Connection], Any]
    awaited: bool
    """Somebody waits for it: it is never dropped for want of room, and refused at once when it cannot be written."""
    since: float
    """When it was given, in seconds by a clock that never jumps."""
    future: Future[Any] = field(default_factory=Future)
    _result: Any = None
    _error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Call it within a transaction, so that its own failure leaves the others alone; raises what comes from outside."""
        connection.execute("SAVEPOINT work")
        try:
            self._result, self._error = self.call(connection), None
            connection.execute("RELEASE work")
        except Exception as error:
            if is_from_outside(error):
                raise
            self._error = error
            if connection.in_transaction:
                connection.execute("ROLLBACK TO work")
                connection.execute("RELEASE work")
            else:
                connection.execute("BEGIN IMMEDIATE")  # it ended the transaction, and what came before it is committed

    def finish(self, error: Exception | None = None) -> None:
        """Give the future what `run` found, or this error."""
        error = error or self._error
        if not self.future.set_running_or_notify_cancel():
            return
        if error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(error)


class Works:
    """Threads: the one that uses it holds the database's lock."""

    def __init__(self, most: int) -> None:
        """At most so many wait; those that are awaited come on top, one for each thread that waits."""
        self._most = most
        self._waiting: deque[Work] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest(self) -> float | None:
        """Since when the one waits that comes next."""
        return self._waiting[0].since if self._waiting else None

    def put(self, work: Work) -> list[Work]:
        """At the end; what there is no room for is returned."""
        self._waiting.append(work)
        return self._surplus()

    def take(self, most: int) -> list[Work]:
        """The next ones, without those that nobody wants any more."""
        batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        return [work for work in batch if not work.future.cancelled()]

    def put_back(self, batch: Iterable[Work]) -> list[Work]:
        """They are the next ones again; what there is no room for is returned."""
        self._waiting.extendleft(reversed(list(batch)))
        return self._surplus()

    def take_awaited(self) -> list[Work]:
        """Those for which somebody waits."""
        awaited = [work for work in self._waiting if work.awaited]
        self._waiting = deque(work for work in self._waiting if not work.awaited)
        return awaited

    def _surplus(self) -> list[Work]:
        """The oldest that nobody waits for."""
        surplus = []
        while len(self._waiting) > self._most:
            oldest = next((number for number, work in enumerate(self._waiting) if not work.awaited), None)
            if oldest is None:
                break
            surplus.append(self._waiting[oldest])
            del self._waiting[oldest]
        return surplus
