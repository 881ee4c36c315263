"""The one connection that writes to the SQLite file: opened when it is needed, and again where the file went away."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from server.fleet.record.database_file import DatabaseFile, is_forbidden
from server.fleet.record.works import Work


class Writer:
    """Threads: one."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self.ready = False
        """The connection's file is up to date."""
        self.fresh = False
        """Begun after a damaged one, and not written to yet."""

    def write(self, batch: Sequence[Work], *, probe: bool) -> None:
        """All in one transaction; with `probe`, something is written in any case, to see if it can be.

        Raises sqlite3.Error, OSError and Newer when it could not be committed, and then nothing of it was.
        """
        connection = self._connected()
        if not batch and not probe:
            return
        connection.execute("BEGIN IMMEDIATE")
        if probe:
            connection.execute(f"PRAGMA user_version = {self._file.version}")
        for work in batch:
            work.run(connection)
        connection.execute("COMMIT")
        self.fresh = False

    def recover(self, error: Exception) -> None:
        """Leave nothing half done, after `write` raised this. Raises sqlite3.Error."""
        if not self.ready or is_forbidden(error):  # SQLite opens a file that it may not write as one to be read
            self.close()
        elif self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def move_aside(self, now: float) -> Path:
        """Give the damaged file another name, which is returned; the next `write` begins a new one. `now` is Unix time.

        Raises OSError.
        """
        try:
            aside = self._file.move_aside(now)
            self.fresh = True
            return aside
        finally:
            self.close()

    def close(self) -> None:
        """Until the next `write`. Nothing is done where it is closed."""
        connection, self._connection, self.ready = self._connection, None, False
        if connection is not None:
            connection.close()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and not self._file.is_there():
            self.close()
        if self._connection is None:
            self._connection = self._file.connect()
            self._file.prepare(self._connection)
            self.ready = True
        return self._connection
