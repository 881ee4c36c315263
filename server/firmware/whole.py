"""Hashing one file, when it is whole.

A file is whole when it is quiet (its ctime is QUIET seconds old) and open for writing nowhere, which the
kernel tells where it may (a read lease, fcntl(2), is refused on such a file).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal

from server.firmware.image import HEAD, Content, Stamp

QUIET = 0.3
"""Seconds without a change after which a file counts as closed by whoever wrote it."""
QUIET_UNTOLD = 2.0
"""The same where the kernel does not tell who writes: files of others, without CAP_LEASE, and network file systems."""
CLOCK_SLACK = 5.0
"""A ctime further in the future than this comes from a clock that was set back, not from a fresh write."""
_SETSIG = 10  # F_SETSIG of <bits/fcntl-linux.h>; the fcntl module has no name for it


class NotWhole(Exception):
    """The file is being written."""


def is_fresh(time: float, now: float, quiet: float = QUIET) -> bool:
    """Whether what happened at `time` is less than `quiet` seconds ago; both are Unix time."""
    return -CLOCK_SLACK < now - time < quiet


def hash_whole(root: str, path: str, stamp: Stamp, now: float) -> Content:
    """What is in the file at `path` below `root` that had this stamp. Raises NotWhole or OSError."""
    if is_fresh(stamp.ctime_ns / 1e9, now):
        raise NotWhole
    # O_NONBLOCK: the entry may have become a pipe since it was looked at.
    fd = os.open(f"{root}/{path}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        if not is_inside(os.readlink(f"/proc/self/fd/{fd}"), root):
            raise NotWhole
        writing = _open_for_writing(fd)
        if writing or (writing is None and is_fresh(stamp.ctime_ns / 1e9, now, QUIET_UNTOLD)):
            raise NotWhole
        if Stamp.of(os.fstat(fd)) != stamp:
            raise NotWhole
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        head = os.pread(fd, HEAD, 0)
        if Stamp.of(os.fstat(fd)) != stamp:
            raise NotWhole
    return Content(digest, head)


def is_inside(target: str, root: str) -> bool:
    """Whether an absolute path without links lies in the folder `root`."""
    return target == root or target.startswith(root.rstrip("/") + "/")


def _open_for_writing(fd: int) -> bool | None:
    """Whether somebody has the file open for writing; None where the kernel does not tell us.

    It tells the owner and CAP_LEASE, on local file systems (fcntl(2), F_SETLEASE).
    """
    try:
        fcntl.fcntl(fd, _SETSIG, signal.SIGURG)  # ignored by default; the lease's own SIGIO would end the process
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False
