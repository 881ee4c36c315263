"""File operations of this thread that fail: one that is chosen by its number, or that one and all after it."""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
_CODES = (*ERRORS, errno.EROFS, errno.EMFILE)
_OF_OS = (
    "open", "stat", "lstat", "fstat", "fsync", "listdir", "mkdir", "rmdir", "unlink", "remove", "rename", "replace",
    "symlink", "readlink", "utime", "pread", "chmod", "fchmod", "fchown",
)  # fmt: skip
CHANGES = frozenset({
    "open", "write", "writelines", "flush", "fsync", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "symlink",
    "utime", "chmod", "fchmod", "fchown",
})  # fmt: skip
"""The operations that may change the disk."""
_OF_FILES = frozenset({"read", "readinto", "readall", "write", "writelines", "flush"})
_OF_ENTRIES = frozenset({"stat", "is_dir", "is_file", "is_symlink"})


@dataclass
class Faults:
    """`number` counts from 1; 0: none fails. Instead of failing, `instead` may be called: a process may be killed there."""

    number: int = 0
    code: int = errno.EIO
    lasting: bool = False
    instead: Callable[[], None] | None = None
    only: frozenset[str] | None = None
    """The names of those that are counted; None: all."""
    half: bool = False
    """A write does half of its work before it fails, and a read gives half of what there is and says nothing."""
    count: int = 0
    """Operations so far."""
    at: str = ""
    """The first that failed, for people."""
    _thread: int = field(default_factory=threading.get_ident)

    def is_next(self, name: str) -> bool:
        """Whether this operation would be the one that is chosen, or one after it that fails too."""
        if not self.number or not self._counts(name):
            return False
        return self.count + 1 >= self.number if self.lasting else self.count + 1 == self.number

    def _counts(self, name: str) -> bool:
        return threading.get_ident() == self._thread and (self.only is None or name in self.only)

    def step(self, name: str, subject: object) -> None:
        """One operation is about to be done. Raises OSError."""
        fails = self.is_next(name)
        self.count += self._counts(name)
        if not fails:
            return
        if self.instead is not None:
            self.instead()
        self.at = self.at or f"{errno.errorcode[self.code]} at operation {self.count}, {name} {subject}"
        raise OSError(self.code, os.strerror(self.code), subject if isinstance(subject, str) else None)


def kinds(number: int, long: bool) -> Iterator[Faults]:
    """Faults at one operation: it alone, half of it, and all from there on; each with every error, or with one at a time."""
    for index, (lasting, half) in enumerate(itertools.product((False, True), (False, True))):
        for code in _CODES if long else (_CODES[(number + index) % len(_CODES)],):
            yield Faults(number, code, lasting, half=half)


class _Watched:
    """A file, a directory's listing or an entry of one, some of whose operations are counted."""

    def __init__(self, real: Any, faults: Faults, names: frozenset[str]) -> None:
        self._real, self._faults, self._names = real, faults, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self._names:
            return found

        def counted(*arguments: Any, **named: Any) -> Any:
            half = self._faults.half and self._faults.is_next(name)
            if half and name.startswith("write"):
                data = arguments[0] if name == "write" else b"".join(arguments[0])
                self._real.write(data[: len(data) // 2])
                self._real.flush()
            try:
                self._faults.step(name, getattr(self._real, "name", ""))
            except OSError:
                if not half or name != "read":
                    raise
                data = found(*arguments, **named)
                return data[: len(data) // 2]
            return found(*arguments, **named)

        return counted

    def __enter__(self) -> _Watched:
        self._real.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._real.__exit__(*error)

    def __fspath__(self) -> str:
        return str(self._real.path)

    def __iter__(self) -> Iterator[_Watched]:
        return self

    def __next__(self) -> _Watched:
        entry = next(self._real)
        self._faults.step("readdir", entry)
        return _Watched(entry, self._faults, _OF_ENTRIES)


@contextmanager
def failing(faults: Faults) -> Iterator[Faults]:
    """What this thread does with files through `os`, `open` and pathlib is counted, and fails as `faults` says."""
    real: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, new: Callable[[Any], Any]) -> None:
        old = getattr(owner, name)
        real.append((owner, name, old))
        setattr(owner, name, new(old))

    def plain(name: str) -> Callable[[Any], Any]:
        def make(old: Any) -> Any:
            def call(*arguments: Any, **named: Any) -> Any:
                faults.step(name, arguments[0] if arguments else "")
                return old(*arguments, **named)

            return call

        return make

    def watched(name: str, names: frozenset[str]) -> Callable[[Any], Any]:
        return lambda old: lambda *a, **n: _Watched(plain(name)(old)(*a, **n), faults, names)

    def close(old: Any) -> Any:
        def call(fd: int) -> None:
            old(fd)  # Linux gives the descriptor back whatever close(2) says
            faults.step("close", fd)

        return call

    try:
        for name in _OF_OS:
            put(os, name, plain(name))
        put(os, "close", close)
        put(fcntl, "flock", plain("flock"))
        put(os, "scandir", watched("scandir", frozenset()))
        for owner in (io, builtins):
            put(owner, "open", watched("open", _OF_FILES))
        yield faults
    finally:
        for owner, name, old in real:
            setattr(owner, name, old)
