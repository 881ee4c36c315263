"""Files that only the server may read: replaced whole and durably, owned by whoever owns their folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

_MODE = 0o600
_AGAIN = 0.05
"""Seconds between two tries to have the lock."""
_LONGEST = 1 << 22
"""Bytes: more is no file of ours."""
_RANDOM = 8
"""Bytes, in the name of what is written beside a file."""


class Unsynced(OSError):
    """The new content stands, but the old one may be back after a power cut."""


def read(path: Path) -> tuple[bytes, int]:
    """What is in it, and its mode. Raises OSError; a link, a pipe or a huge file is one, too."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no regular file")
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise OSError(0, "it is far too large")
    return data, stat.S_IMODE(status.st_mode)


def write(path: Path, data: bytes) -> None:
    """Killed at any moment, the old content or the new one stands. Raises OSError; the old one stands then, but for Unsynced.

    One at a time writes a file. Root writes it for the folder's owner, so that a server which is not root may read it.
    """
    _clear(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM)}")
    try:
        with open(new, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, _MODE)) as file:
            _give(file.fileno(), path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            _close(folder)
    except OSError as error:
        raise Unsynced(error.errno, error.strerror) from error


@contextlib.contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """One process at a time has this file, which is made if need be and stays. Raises OSError, TimeoutError after `patience` s.

    A file of its own, that only its owner can open: whoever may open a folder can lock that, and keep it.
    """
    descriptor = _lock_file(path)
    try:
        end = time.monotonic() + patience
        while not _taken(descriptor):
            if time.monotonic() >= end:
                raise TimeoutError
            time.sleep(_AGAIN)
        yield
    finally:
        _close(descriptor)


def _lock_file(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:
        return os.open(path, flags)
    try:
        # Only a new one: who owns the folder may have put a link to another's file there, for root to give away.
        _give(descriptor, path.parent)
    except BaseException:
        _close(descriptor)
        raise
    return descriptor


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clear(path: Path) -> None:
    """Remove what writers that were killed left beside it, as far as that goes."""
    with contextlib.suppress(OSError):
        for left in path.parent.glob(f".{path.name}.{'[0-9a-f]' * 2 * _RANDOM}"):
            left.unlink()


def _close(descriptor: int) -> None:
    """Of what has nothing left to write, so whatever is said then changes nothing."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _give(descriptor: int, folder: Path) -> None:
    """To its owner alone, who is the folder's when root makes it."""
    os.fchmod(descriptor, _MODE)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
