"""A small file of the state folder that may be lost: read whole or not at all, replaced whole."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path


class Unusable(ValueError):
    """The file is none of ours; its text is the reason, for a person."""


def read(path: Path, most: int) -> bytes:
    """All of it, `most` bytes at most. Raises OSError and Unusable."""
    with open(path, "rb", opener=_neither_link_nor_wait) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("it is no regular file")
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Unusable("others than the server's user may have written it")
        if status.st_size > most:
            raise Unusable("it is too large")
        return file.read(status.st_size)


def replace(path: Path, parts: Iterable[bytes]) -> None:
    """Killed or failing at any moment, the old content or the new one stands. Raises OSError.

    Not synced, for that wears out flash: after a power cut, whoever reads it has to tell whether it is whole.
    """
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        with open(beside, "xb", opener=_private) as file:
            file.writelines(parts)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def reason(error: Exception) -> str:
    """Why it could not be read or understood, in a few words for a person."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be read"
    return str(error) if isinstance(error, Unusable) else "it is damaged"


def _neither_link_nor_wait(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
