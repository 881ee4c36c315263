"""The server's memory: what is written to its SQLite file by one thread, and read by any."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from server.fleet.record.database_file import DatabaseFile, Newer, explain, is_damage, is_from_outside
from server.fleet.record.readers import Readers
from server.fleet.record.works import Work, Works
from server.fleet.record.writer import Writer

MOST = 10_000
"""Works that wait."""
RETRY = 3.0
"""Seconds between two tries while nothing can be written."""
PATIENCE = 10.0
"""Seconds for which a commit is waited for: a worn flash card may stop for some of them."""
_BATCH = 1000
_STOPPING = "The history cannot be recorded: the server is stopping."
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class NotRecorded(Exception):
    """It is not on the disk, or cannot be read from it, now; the text is a sentence for people.

    It is no OtaError, for it never leaves server/fleet: whoever needs the record decides what its absence means.
    """


class Database:
    """Works are functions of a connection. They neither begin nor end transactions, and may be called again after a failure.

    Threads: one owner calls `start` and `stop`, any thread the rest; "fleet-db" writes, many works in one transaction.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        died: Callable[[str], None],
        wall: Callable[[], float] = time.time,
        most: int = MOST,
        retry: float = RETRY,
    ) -> None:
        """`schema[n]` brings a file from version n to n + 1, so scripts are only ever added at its end; `died` is told when
        the thread ends by a fault; `wall` gives Unix time; `retry` is in seconds."""
        self._file = DatabaseFile(path, schema)
        self._died = died
        self._wall = wall
        self._works = Works(most)
        self._retry = retry
        self._changed = threading.Condition()
        self._tried = False
        self._urgent = False
        self._ended = False
        self._readers = Readers(self._file, self._changed, PATIENCE)
        self._writer = Writer(self._file)
        self._thread = threading.Thread(target=self._run, name="fleet-db")
        self.trouble = ""
        """Why nothing can be recorded, as a sentence for people; empty when all is well."""
        self._writing: float | None = None
        """Since when the oldest of the works waits that are being written."""
        self.dropped = 0  # works, because too many waited
        self.faltered = False
        """Since the start something could not be read or written, or the file was begun anew: what was kept may be missing."""

    def start(self) -> None:
        """Begin; returns when the file was opened, or could not be: then `trouble` says why."""
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._tried or self._ended, PATIENCE)

    def stop(self) -> None:
        """Write what waits, if that is possible now, end the thread and wait for it."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def waiting(self) -> int:
        """Works that are not being written yet."""
        with self._changed:
            return len(self._works)

    @property
    def lag(self) -> float:
        """Seconds for which the oldest work that is not on the disk has waited; 0 where there is none."""
        with self._changed:
            since = self._writing if self._writing is not None else self._works.oldest
            return time.monotonic() - since if since is not None else 0.0

    def submit(self, work: Callable[[sqlite3.Connection], _T]) -> Future[_T]:
        """Have it written soon; returns at once. The future is done when it is on the disk, and then calls back in the
        writer's thread; cancelled when too many works waited; NotRecorded when the server stopped before."""
        return self._enqueue(work, awaited=False)

    def commit(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Have it written, and wait until it is on the disk. Not for the writer's own thread.

        Raises NotRecorded when it cannot be written now, and what `work` raises. After a time-out of some seconds the work
        is withdrawn, unless it is being written in that moment.
        """
        future = self._enqueue(work, awaited=True)
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            if future.done():
                return future.result()
            future.cancel()
            self.faltered = True
            raise NotRecorded("The history cannot be recorded: the disk takes too long.") from None

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What `work` finds in one snapshot of what was committed. It waits for no writer.

        Raises NotRecorded where the file cannot be read, and what `work` raises. `work` is brief.
        """
        try:
            return self._readers.read(work)
        except sqlite3.Error as error:
            if not is_damage(error) and not is_from_outside(error) and not self.trouble:
                raise
            self.faltered = True
            raise NotRecorded(self.trouble or explain(error, self._file.path)) from error

    def _enqueue(self, call: Callable[[sqlite3.Connection], _T], *, awaited: bool) -> Future[_T]:
        work = Work(call, awaited, time.monotonic())
        surplus = []
        with self._changed:
            ended = self._ended
            if not ended:
                surplus = self._works.put(work)
                self._urgent = self._urgent or awaited
                self._changed.notify_all()
        if ended:
            work.finish(NotRecorded(_STOPPING))
        self._drop(surplus)
        return work.future

    def _drop(self, surplus: list[Work]) -> None:
        self.dropped += len(surplus)
        for work in surplus:
            work.future.cancel()

    def _run(self) -> None:
        try:
            ended = False
            while not ended:
                batch, stopping = self._take()
                self._attempt(batch)
                with self._changed:
                    self._writing = None
                    ended = stopping and (bool(self.trouble) or not self._works)
        except Exception:
            _log.exception("the thread that records the history died")
            self._died("fleet-db")
        finally:
            with self._changed:
                self._ended = self._tried = True
                left = self._works.take(len(self._works))
                self._changed.notify_all()
            self._writer.close()
            for work in left:
                work.finish(NotRecorded(self.trouble or _STOPPING))

    def _take(self) -> tuple[list[Work], bool]:
        """The next works, in their order, and whether the server stops."""
        with self._changed:
            self._changed.wait_for(self._is_due, self._retry if self.trouble else None)
            self._urgent = False
            batch = self._works.take(_BATCH)
            self._writing = batch[0].since if batch else None
            return batch, self._ended

    def _is_due(self) -> bool:
        if self._ended or self._urgent or not self._tried or self._is_damaged():
            return True
        return bool(self._works) and not self.trouble

    def _is_damaged(self) -> bool:
        """A reader met damage in the file that is open. One that is damaged as soon as it was begun is not worth another."""
        return self._readers.met_damage and self._writer.ready and not self._writer.fresh

    def _attempt(self, batch: list[Work]) -> None:
        try:
            if self._is_damaged():
                self._readers.forget_damage()
                self._renew("a reader met it")
            self._writer.write(batch, probe=bool(self.trouble))
        except (sqlite3.Error, OSError, Newer) as error:
            self._fail(batch, error)
            return
        if self.trouble:
            _log.info("the history is recorded again; what was lost since the start: %s", self.dropped or "nothing")
        self._settle("")
        for work in batch:
            work.finish()

    def _settle(self, trouble: str) -> None:
        with self._changed:
            self.trouble, self._tried, self.faltered = trouble, True, self.faltered or bool(trouble)
            self._changed.notify_all()

    def _fail(self, batch: list[Work], error: Exception) -> None:
        renewed = False
        try:
            if is_damage(error) and not self._writer.fresh:
                self._renew(str(error))
                renewed = True
            else:
                self._writer.recover(error)
        except (sqlite3.Error, OSError) as second:
            error = second
            self._writer.close()
        if not renewed:
            trouble = explain(error, self._file.path)
            if not self.trouble:
                _log.warning("%s", trouble)
            self._settle(trouble)
        with self._changed:
            surplus = self._works.put_back(batch)
            refused = [] if renewed else self._works.take_awaited()
        self._drop(surplus)
        for work in refused:
            work.finish(NotRecorded(self.trouble))

    def _renew(self, why: str) -> None:
        """Move the damaged file aside, while nobody reads in it; the next attempt begins a new one. Raises OSError."""
        self._file.confirm_damage()
        with self._readers.kept_out():
            aside = self._writer.move_aside(self._wall())
            self._tried, self.faltered = False, True
            _log.warning("the history was damaged (%s): it is in %r now, and a new one is begun", why, str(aside))
