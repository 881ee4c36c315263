"""The hashes and heads of files, so that an unchanged file is read once: in memory, and in a file from one start to the next."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from server import kept_file
from server.firmware.image import HEAD, Content, Stamp
from server.kept_file import Unusable

LIMIT = 200_000
"""Files that are remembered from one start to the next; others are hashed again."""
PAUSE = 30.0
"""Seconds between two writes: what a killed server forgets is only hashed again."""
PAUSE_FAILED = 600.0
"""The same after a write that failed: the disk may be full for long."""
_MAGIC = b"ota-server hashes 3\n"
_ANY_MAGIC = re.compile(rb"ota-server hashes [0-9]+\n")
_HEADER = struct.Struct(f"{len(_MAGIC)}s32s32s")
"""Kind and version, SHA-256 of the firmware folder's path, SHA-256 of that and all behind the header."""
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
        self._folder = hashlib.sha256(os.fsencode(os.path.realpath(folder))).digest()
        self._hashes = hashes
        self._clock = clock
        self._written = 0
        self._next = clock()
        self._failing = False

    def load(self) -> None:
        """Take what the file holds, if it holds what `save` wrote for this folder; else say so and go on without."""
        text = "the hashes remembered in %r are not used (%s): every file is hashed again"
        try:
            self._hashes.remind(self._parse(kept_file.read(self._path, _HEADER.size + LIMIT * _RECORD.size)))
        except FileNotFoundError:
            return
        except _OthersError as error:
            _log.info(text, str(self._path), error)
        except (OSError, ValueError) as error:
            _log.warning(text, str(self._path), kept_file.reason(error))

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

    def _parse(self, data: bytes) -> dict[Stamp, Content]:
        if _ANY_MAGIC.match(data) and not data.startswith(_MAGIC):
            raise _OthersError("they are of another version")
        head, body = data[: _HEADER.size], data[_HEADER.size :]
        if len(head) < _HEADER.size or len(body) % _RECORD.size:
            raise Unusable("it is damaged")
        magic, folder, check = _HEADER.unpack(head)
        if magic != _MAGIC or check != _check(folder, body):
            raise Unusable("it is damaged")
        if folder != self._folder:
            raise _OthersError("they are of another firmware folder")
        return {
            Stamp(inode, size, mtime, ctime): Content(sha256.hex(), head[:size])
            for inode, size, mtime, ctime, sha256, head in _RECORD.iter_unpack(body)
        }

    def _write(self) -> None:
        latest = list(self._hashes.copy().items())[-LIMIT:]
        body = b"".join(_record(stamp, content) for stamp, content in latest)
        kept_file.replace(self._path, (_HEADER.pack(_MAGIC, self._folder, _check(self._folder, body)), body))


class _OthersError(Exception):
    """The file is sound, and says nothing here."""


def _check(folder: bytes, body: bytes) -> bytes:
    found = hashlib.sha256(folder)
    found.update(body)
    return found.digest()


def _record(stamp: Stamp, content: Content) -> bytes:
    try:
        return _RECORD.pack(*stamp, bytes.fromhex(content.sha256), content.head)
    except struct.error:  # a time beyond the year 2262
        return b""
