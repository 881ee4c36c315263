"""The hashes and heads of files, so that an unchanged file is read once: in memory, and in a file from one start to the next."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from server.firmware.image import HEAD, Content, Stamp

LIMIT = 200_000
"""Files that are remembered from one start to the next; others are hashed again."""
PAUSE = 30.0
"""Seconds between two writes: what a killed server forgets is only hashed again."""
PAUSE_FAILED = 600.0
"""The same after a write that failed: the disk may be full for long."""
_MAGIC = b"ota-server hashes 2\n"
_CHECK_BYTES = hashlib.sha256().digest_size
_HEADER_BYTES = len(_MAGIC) + _CHECK_BYTES
_RECORD = struct.Struct(f"<QQqq32s{HEAD}s")
"""Inode, size, mtime_ns, ctime_ns, SHA-256, the first bytes (zeros behind those of a shorter file)."""
_log = logging.getLogger(__name__)


class Hashes:
    """What is in a file, by its stamp.

    Threads: each call is one step on a dict. The catalogue thread and the web workers learn and look up, the pool forgets.
    """

    def __init__(self) -> None:
        self._hashes: dict[Stamp, Content] = {}
        self.learnt = 0
        """How many were ever learnt."""

    def get(self, stamp: Stamp) -> Content | None:
        """None for a file that was not hashed yet."""
        return self._hashes.get(stamp)

    def learn(self, stamp: Stamp, content: Content) -> None:
        """Remember what was just hashed."""
        self._hashes[stamp] = content
        self.learnt += 1

    def remind(self, hashes: dict[Stamp, Content]) -> None:
        """Take what was learnt in an earlier life of the server; what is known by now stands."""
        self._hashes = hashes | self._hashes

    def forget(self, stamps: Iterable[Stamp]) -> None:
        """Let these be hashed again when they are met."""
        for stamp in stamps:
            self._hashes.pop(stamp, None)

    def copy(self) -> dict[Stamp, Content]:
        """All at this moment, the latest learnt last."""
        return dict(self._hashes)


class HashFile:
    """Keeps Hashes in a file from one start to the next. It is a cache: whatever is odd about it, files are hashed again.

    Threads: one at a time calls it.
    """

    def __init__(self, path: Path, folder: Path, hashes: Hashes, clock: Callable[[], float]) -> None:
        """`path` is replaced as a whole; `folder` is the firmware folder, for which alone it holds; `clock` counts seconds."""
        self._path = path
        self._folder = os.fsencode(os.path.realpath(folder))
        self._hashes = hashes
        self._clock = clock
        self._written = 0
        self._next = clock()
        self._failing = False

    def load(self) -> None:
        """Take what the file holds, if it holds what `save` wrote for this folder; else say so and go on without."""
        try:
            self._hashes.remind(self._parse(self._read()))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            _log.info("the hashes remembered in %r are not used (%s): every file is hashed again", str(self._path), reason)

    def save_when_due(self) -> None:
        """Save when something was learnt and the last time is some while ago."""
        if self._hashes.learnt != self._written and self._clock() >= self._next:
            self.save()

    def save(self) -> None:
        """Write what was learnt since the last time, if anything; failing costs a line in the log, once, and nothing else."""
        learnt = self._hashes.learnt
        if learnt == self._written:
            return
        try:
            self._write()
        except OSError as error:
            self._next = self._clock() + PAUSE_FAILED
            if not self._failing:
                text = "the hashes cannot be remembered in %r (%s): the next start hashes every file again"
                _log.warning(text, str(self._path), error.strerror or error)
            self._failing = True
        else:
            self._written, self._next, self._failing = learnt, self._clock() + PAUSE, False

    def _read(self) -> bytes:
        """Raises OSError, or ValueError with the reason for which the file is none of ours."""
        fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("it is no regular file")
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ValueError("others than the server's user may have written it")
            if status.st_size > _HEADER_BYTES + LIMIT * _RECORD.size:
                raise ValueError("it is too large")
            return file.read(status.st_size)

    def _parse(self, data: bytes) -> dict[Stamp, Content]:
        check, body = data[len(_MAGIC) : _HEADER_BYTES], data[_HEADER_BYTES:]
        if not data.startswith(_MAGIC) or len(body) % _RECORD.size or check != self._check(body):
            raise ValueError("it is damaged, or of another firmware folder or version")
        return {
            Stamp(inode, size, mtime, ctime): Content(sha256.hex(), head[:size])
            for inode, size, mtime, ctime, sha256, head in _RECORD.iter_unpack(body)
        }

    def _write(self) -> None:
        """Beside it, then renamed. Not synced: after a power cut the check tells what is left of it."""
        latest = list(self._hashes.copy().items())[-LIMIT:]
        body = b"".join(_record(stamp, content) for stamp, content in latest)
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.unlink(missing_ok=True)
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(_MAGIC + self._check(body))
                file.write(body)
            os.rename(beside, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise

    def _check(self, body: bytes) -> bytes:
        return hashlib.sha256(self._folder + b"\0" + body).digest()


def _record(stamp: Stamp, content: Content) -> bytes:
    try:
        return _RECORD.pack(*stamp, bytes.fromhex(content.sha256), content.head)
    except struct.error:  # a time beyond the year 2262
        return b""
