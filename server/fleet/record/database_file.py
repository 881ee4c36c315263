"""The SQLite file in the state folder: opened, brought up to date, and moved aside where SQLite calls it damaged."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 0.5
"""Seconds for which a lock that another program holds is waited for."""
CHECKED = 32 * 1024 * 1024
"""Bytes up to which a file is checked as a whole when it is opened first; in a larger one damage shows when it is met."""
_PIECE = 1024 * 1024
_WAL_LEFT = 4 * 1024 * 1024
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_FORBIDDEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_BROKEN = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT})
_FULL = 64 * 1024
"""Free bytes below which SQLite cannot even extend its -shm file, and says `disk I/O error`."""


class Newer(Exception):
    """The file was written by a later version of the server."""


class Damaged(sqlite3.DatabaseError):
    """SQLite's own check of the file found damage."""


class DatabaseFile:
    """Threads: the writer calls all but `reader`; any thread calls that."""

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        """`schema[n]` is the script that brings a file from version n (PRAGMA user_version) to n + 1."""
        self.path = path.absolute()
        self._schema = schema
        self._opened: tuple[int, int] | None = None
        self._checked = False

    @property
    def version(self) -> int:
        """The PRAGMA user_version of a file that is up to date."""
        return len(self._schema)

    def connect(self) -> sqlite3.Connection:
        """The connection that writes. Raises sqlite3.Error, and OSError where the folder cannot be made."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # what is wrong with the file is for SQLite to say
            # SQLite would let others read it; its -wal and -shm get the rights that the file has.
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Look at the file, and bring it up to date. Raises sqlite3.Error, OSError and Newer, with the file as it was."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LEFT}")
        self._check(connection)
        self._migrate(connection)
        self._opened = self._identity()

    def reader(self) -> sqlite3.Connection:
        """A connection that only reads; raises sqlite3.Error."""
        return sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None)

    def is_there(self) -> bool:
        """Whether the file that was opened still has its name: a folder can be deleted, or another one mounted over it."""
        try:
            return self._identity() == self._opened
        except OSError:
            return False

    def confirm_damage(self) -> None:
        """Look a second time: SQLite calls it damage, too, when the disk did not give a page for a moment.

        Raises OSError where that was so, or still is.
        """
        with self.path.open("rb", buffering=0) as file:
            while file.read(_PIECE):
                pass
        try:
            with contextlib.closing(self.reader()) as connection:
                sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except sqlite3.Error as error:
            sound = not is_damage(error)
        if sound:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def move_aside(self, now: float) -> Path:
        """Give the file, its -wal and its -shm another name, which is returned; `now` is Unix time. Raises OSError.

        SQLite deletes a -wal by its name when the last connection closes, so this comes before the writer's is closed.
        """
        stem = f"{self.path}.damaged-{dt.datetime.fromtimestamp(now, dt.UTC):%Y%m%dT%H%M%SZ}"
        aside, number = stem, 1
        while os.path.lexists(aside):
            number += 1
            aside = f"{stem}-{number}"
        os.rename(self.path, aside)
        for suffix in ("-wal", "-shm"):
            if os.path.lexists(f"{self.path}{suffix}"):
                os.rename(f"{self.path}{suffix}", f"{aside}{suffix}")
        return Path(aside)

    def _identity(self) -> tuple[int, int]:
        found = os.stat(self.path)
        return found.st_dev, found.st_ino

    def _check(self, connection: sqlite3.Connection) -> None:
        if not self._checked and os.stat(self.path).st_size <= CHECKED:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise Damaged(said)
        self._checked = True

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > self.version:
            raise Newer
        for number, script in enumerate(self._schema[version:], version + 1):
            connection.executescript(f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version = {number};\nCOMMIT;")


def is_damage(error: Exception) -> bool:
    """Whether SQLite calls the file corrupt or no database."""
    return isinstance(error, Damaged) or _code(error) in _DAMAGED


def is_forbidden(error: Exception) -> bool:
    """Whether the file's rights, or its folder's, are the reason."""
    return _code(error) in _FORBIDDEN


def is_from_outside(error: Exception) -> bool:
    """Whether the file, its disk or another program is the reason, and not what was asked of the database."""
    return isinstance(error, Damaged) or _code(error) in _DAMAGED | _FORBIDDEN | _LOCKED | _BROKEN


def explain(error: Exception, path: Path) -> str:
    """Why nothing can be recorded, as a sentence for a person."""
    return f"The history cannot be recorded: {_reason(error, path)}. Serving goes on."


def _reason(error: Exception, path: Path) -> str:
    name, folder, code = repr(str(path)), repr(str(path.parent)), _code(error)
    if isinstance(error, Newer):
        return f"{name} was written by a newer version of the server"
    if code == sqlite3.SQLITE_FULL or (code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(path)):
        return f"the disk is full ({folder})"
    if code in _LOCKED:
        return f"another program keeps {name} locked"
    if isinstance(error, OSError):
        return f"{folder} cannot be used ({error.strerror})"
    if code in _FORBIDDEN:
        return f"{name} cannot be written: check whose it is, and its folder"
    if is_damage(error):
        return f"{name} is damaged: check the disk"
    if code == sqlite3.SQLITE_IOERR:
        return f"the disk reports an error ({folder})"
    return f"SQLite reports {getattr(error, 'sqlite_errorname', type(error).__name__)} for {name}"


def _is_full(path: Path) -> bool:
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _FULL


def _code(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
