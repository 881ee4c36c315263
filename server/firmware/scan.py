"""Reading the firmware folder: which whole files are in it, and what in it cannot be served.

A file is taken when it is whole: quiet (its ctime is QUIET seconds old) and open for writing nowhere,
which the kernel tells where it may (a read lease, fcntl(2), is refused on such a file). What was hashed
before is known by its stamp and is not read again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import signal
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.release import Problem
from server.firmware.image import Image, Stamp

QUIET = 0.3
"""Seconds without a change after which a file counts as closed by whoever wrote it."""
QUIET_UNTOLD = 2.0
"""The same where the kernel does not tell who writes: files of others, without CAP_LEASE, and network file systems."""
_CLOCK_SLACK = 5.0
"""A ctime further in the future than this comes from a clock that was set back, not from a fresh write."""
MAX_DEPTH = 16
"""Folders within folders; a publish id of 200 bytes would allow 100."""
_TEMPORARY = re.compile(r".*~|.*\.part|.*\.filepart", re.DOTALL)
"""Beside these, names that start with a dot: rsync's, Syncthing's and most editors'."""
_CONFLICT = ".sync-conflict-"
_SETSIG = 10  # F_SETSIG of <bits/fcntl-linux.h>; the fcntl module has no name for it


@dataclass(frozen=True, slots=True)
class Folder:
    """One directory: its whole files by name, the names of those not whole yet, what is wrong, its own age."""

    path: str
    images: Mapping[str, Image]
    unsettled: frozenset[str]
    marks: frozenset[str]
    """The names in it that start with a dot; none of them is ever served."""
    inner: frozenset[str]
    """The paths of the folders in it."""
    problems: tuple[Problem, ...]
    fresh: bool
    """A name came or went within QUIET seconds, and it was not we who did it."""
    ours: bool
    """Everything in it was put there by this server, in one act."""
    changed: float
    """Unix time of the latest change that was seen in it."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The whole tree at one time. `folders` is keyed by relative path; the top is ""."""

    folders: Mapping[str, Folder] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    """The paths of the folders in which something is being written: look again soon."""


class _NotWhole(Exception):
    """The file is being written."""


class _NeverServed(Exception):
    """The entry is nothing that may be served; the text says why and what to do."""


class Scanner:
    """Looks at the folder once. One thread at a time calls it."""

    def __init__(
        self, root: Path, max_file: int, known: Mapping[Stamp, str], ours: frozenset[tuple[int, int]], now: float
    ) -> None:
        """`known`: hashes by stamp. `ours`: (inode, mtime_ns) of directories that we ourselves filled. `now`: Unix time."""
        self._root = os.path.realpath(root)
        self._max_file = max_file
        self._known = known
        self._ours = ours
        self._now = now

    def scan(self, previous: Scan, where: frozenset[str] | None) -> Scan:
        """Look at the folders `where` and at new ones below them; at everything when it is None.

        What is not looked at stays as in `previous`. Raises OSError when the top folder itself cannot be read.
        """
        with os.scandir(self._root):
            pass
        folders = {} if where is None or not previous.folders else dict(previous.folders)
        wanted = {""} if not folders or where is None else {_listed(p, folders) for p in where | previous.unsettled}
        for path in sorted(wanted):
            if path == _listed(path, folders):
                self._look(path, folders)
        return Scan(folders, frozenset(p for p, f in folders.items() if f.unsettled or f.fresh))

    def _look(self, path: str, folders: dict[str, Folder]) -> None:
        before = folders.pop(path, None)
        folder = self._folder(path)
        for gone in (before.inner if before else frozenset()) - (folder.inner if folder else frozenset()):
            _forget(gone, folders)
        if folder is None:
            return
        folders[path] = folder
        for inner in folder.inner:
            if inner not in folders:
                self._look(inner, folders)

    def _folder(self, path: str) -> Folder | None:
        images: dict[str, Image] = {}
        unsettled, marks, inner = set(), set(), set()
        problems: list[Problem] = []

        def problem(where: str, message: str) -> None:
            shown = os.fsencode(where).decode("utf-8", "backslashreplace")
            problems.append(Problem(shown, f"{message[0].upper()}{message[1:]}"))

        top = os.path.join(self._root, path)
        try:
            status = os.lstat(top)
            if not stat.S_ISDIR(status.st_mode):
                return None
            with os.scandir(top) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            problem(path, f"the folder cannot be read ({_reason(error)}): give the server's user read access to it.")
            entries = []
        for entry in entries:
            name = entry.name
            where = f"{path}/{name}" if path else name
            if name.startswith("."):
                marks.add(name)
            elif _TEMPORARY.fullmatch(name):
                continue
            elif not _is_text(name):
                problem(where, "the name is not UTF-8, so no device can ask for it: rename the file.")
            elif _CONFLICT in name:
                problem(where, "Syncthing kept this copy because two sides changed the file: keep one of the two.")
            elif entry.is_dir(follow_symlinks=False):
                if where.count("/") < MAX_DEPTH:
                    inner.add(where)
                else:
                    problem(where, f"the folder lies more than {MAX_DEPTH} folders deep and is not looked into.")
            else:
                try:
                    images[name] = self._image(where, entry)
                except FileNotFoundError:
                    continue
                except _NotWhole:
                    unsettled.add(name)
                except _NeverServed as reason:
                    problem(where, str(reason))
                except OSError as error:
                    problem(where, f"the file cannot be read ({_reason(error)}): give the server's user read access to it.")
        ours = (status.st_ino, status.st_mtime_ns) in self._ours
        return Folder(
            path=path,
            images=images,
            unsettled=frozenset(unsettled),
            marks=frozenset(marks),
            inner=frozenset(inner),
            problems=tuple(problems),
            fresh=not ours and self._is_fresh(status.st_mtime),
            ours=ours,
            changed=max([status.st_mtime, *(image.stamp.ctime_ns / 1e9 for image in images.values())]),
        )

    def _image(self, path: str, entry: os.DirEntry[str]) -> Image:
        """Raises _NotWhole, _NeverServed or OSError."""
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return self._linked(path)
        if not stat.S_ISREG(status.st_mode):
            raise _NeverServed("this is no regular file (a device, a socket or a pipe): remove it from the folder.")
        return self._regular(path, status)

    def _linked(self, path: str) -> Image:
        full = os.path.join(self._root, path)
        target = os.path.realpath(full)
        if not self._inside(target):
            raise _NeverServed("the link leads out of the firmware folder and is not followed: copy the file here instead.")
        if any(segment.startswith(".") for segment in os.path.relpath(target, self._root).split(os.sep)):
            raise _NeverServed("the link leads to a hidden file, which is never served.")
        try:
            status = os.stat(full)
        except FileNotFoundError:
            raise _NeverServed("the link leads nowhere.") from None
        if not stat.S_ISREG(status.st_mode):
            raise _NeverServed("the link leads to a folder; only links to files are followed.")
        return self._regular(path, status)

    def _regular(self, path: str, status: os.stat_result) -> Image:
        if status.st_size > self._max_file:
            raise _NeverServed(
                f"the file has {status.st_size} bytes, more than --max-image-size allows ({self._max_file} bytes)."
            )
        stamp = Stamp.of(status)
        digest = self._known.get(stamp)
        if digest is None:
            if self._is_fresh(status.st_ctime):
                raise _NotWhole
            digest = self._hash(path, stamp)
        return Image(path, stamp, digest)

    def _hash(self, path: str, stamp: Stamp) -> str:
        # O_NONBLOCK: the entry may have become a pipe since it was looked at.
        fd = os.open(os.path.join(self._root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if not self._inside(os.readlink(f"/proc/self/fd/{fd}")):
                raise _NotWhole
            writing = _open_for_writing(fd)
            if writing or (writing is None and self._is_fresh(stamp.ctime_ns / 1e9, QUIET_UNTOLD)):
                raise _NotWhole
            if Stamp.of(os.fstat(fd)) != stamp:
                raise _NotWhole
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if Stamp.of(os.fstat(fd)) != stamp:
                raise _NotWhole
        return digest

    def _inside(self, target: str) -> bool:
        return target == self._root or target.startswith(self._root.rstrip("/") + "/")

    def _is_fresh(self, time: float, quiet: float = QUIET) -> bool:
        return -_CLOCK_SLACK < self._now - time < quiet


def _listed(path: str, folders: Mapping[str, Folder]) -> str:
    """`path`, or the nearest folder above it that a look at the tree from its top would come to.

    An event may name a folder that is hidden, temporary, too deep, or behind a link by now.
    """
    while path:
        above = path.rpartition("/")[0]
        if above in folders and path in folders[above].inner and _listed(above, folders) == above:
            return path
        path = above
    return path


def _forget(path: str, folders: dict[str, Folder]) -> None:
    folder = folders.pop(path, None)
    for inner in folder.inner if folder else ():
        _forget(inner, folders)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__


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
