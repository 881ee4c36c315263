"""System calls of SQLite that fail, by the door that its own tests use: the VFS's xSetSystemCall, in this process."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

_I, _S, _P, _L = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_long
CALLS: dict[str, tuple[Any, ...]] = {
    "open": (_I, _S, _I, _I), "close": (_I, _I), "access": (_I, _S, _I), "stat": (_I, _S, _P), "fstat": (_I, _I, _P),
    "lstat": (_I, _S, _P), "ftruncate": (_I, _I, _L), "pread": (_L, _I, _P, _L, _L),
    "pread64": (_L, _I, _P, _L, _L), "pwrite": (_L, _I, _P, _L, _L), "pwrite64": (_L, _I, _P, _L, _L), "unlink": (_I, _S),
    "openDirectory": (_I, _S, _P),
}  # fmt: skip
"""What each one returns and takes. Syncing has no such door; locks (fcntl) are no disk's, and have tests of their own."""
_NONE = {"openDirectory": 14}  # SQLITE_CANTOPEN; all others say -1


class _Vfs(ctypes.Structure):
    """sqlite3_vfs of sqlite3.h."""

    _fields_ = [
        *((name, _I) for name in ("version", "size", "longest")), ("next", _P), ("name", _S), ("data", _P),
        *((f"method{n}", _P) for n in range(13)), ("set", _P), ("get", _P),
    ]  # fmt: skip


@dataclass
class SqliteFaults:
    """`number` counts from 1; 0: none fails. Threads: any."""

    number: int = 0
    code: int = 5
    lasting: bool = False
    count: int = 0
    at: str = ""
    """The first that failed, for people."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fails(self, name: str) -> bool:
        """Whether the call that is about to be made is not made."""
        with self._lock:
            self.count += 1
            if not self.number or (self.count < self.number if self.lasting else self.count != self.number):
                return False
            self.at = self.at or f"{os.strerror(self.code)} at call {self.count}, {name}"
            return True


def library() -> ctypes.CDLL | None:
    """The SQLite that Python uses; None where it is not a shared library of the system."""
    import _sqlite3

    with open("/proc/self/maps") as maps:  # after the import it is among what is mapped
        found = {line.split()[-1] for line in maps if "libsqlite3.so" in line}
    return ctypes.CDLL(found.pop()) if len(found) == 1 and _sqlite3 else None


@contextlib.contextmanager
def failing(sqlite: ctypes.CDLL, faults: SqliteFaults) -> Iterator[SqliteFaults]:
    """SQLite's calls are counted, and fail as `faults` says."""
    sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = sqlite.sqlite3_vfs_find(None)
    change = ctypes.CFUNCTYPE(_I, _P, _S, _P)(vfs.contents.set)
    current = ctypes.CFUNCTYPE(_P, _P, _S)(vfs.contents.get)
    kept = []

    def counted(name: str, real: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            if not faults.fails(name):
                return real(*arguments)
            ctypes.set_errno(faults.code)
            return _NONE.get(name, -1)

        return call

    try:
        for name, (result, *arguments) in CALLS.items():
            address = current(vfs, name.encode())
            if not address:
                continue
            kind = ctypes.CFUNCTYPE(result, *arguments, use_errno=True)
            wrapped = kind(counted(name, kind(address)))
            kept.append(wrapped)
            change(vfs, name.encode(), ctypes.cast(wrapped, _P))
        yield faults
    finally:
        for name in CALLS:
            change(vfs, name.encode(), None)
