"""Who reads in the SQLite file now, so that it is not moved aside below them, and whether one of them met damage."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from server.fleet.record.database_file import DatabaseFile, is_damage

_LEAVE = 1.0
"""Seconds that those who read have to end before the file is moved aside."""
_T = TypeVar("_T")


class Readers:
    """Threads: any calls `read`; the one that writes calls the rest."""

    def __init__(self, file: DatabaseFile, changed: threading.Condition, patience: float) -> None:
        """`changed` is the database's lock, and notified when one has read. `patience`: seconds for which one waits while the
        file is moved aside."""
        self._file = file
        self._changed = changed
        self._patience = patience
        self._number = 0
        self._moving = False
        self._generation = 0
        self._damaged: int | None = None
        """The generation in which one met damage."""

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What `work` finds in one snapshot of what was committed. Raises sqlite3.Error, and what `work` raises."""
        with self._changed:
            self._changed.wait_for(lambda: not self._moving, self._patience)
            self._number += 1
            generation = self._generation
        try:
            with closing(self._file.reader()) as connection:
                connection.execute("BEGIN")
                return work(connection)
        except sqlite3.Error as error:
            if is_damage(error):
                with self._changed:
                    self._damaged = generation
            raise
        finally:
            with self._changed:
                self._number -= 1
                self._changed.notify_all()

    @property
    def met_damage(self) -> bool:
        """One of them met damage in the file that is there now."""
        return self._damaged == self._generation

    def forget_damage(self) -> None:
        """It is being looked after."""
        self._damaged = None

    @contextmanager
    def kept_out(self) -> Iterator[None]:
        """Nobody reads meanwhile, but who does not come to an end; afterwards there is another file."""
        with self._changed:
            self._moving = True
            self._changed.wait_for(lambda: not self._number, _LEAVE)
        try:
            yield
        finally:
            with self._changed:
                self._moving = False
                self._generation += 1
                self._changed.notify_all()
