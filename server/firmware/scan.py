"""Reading the firmware folder: which whole files are in it, and what in it cannot be served.

What was hashed before is known by its stamp and is not read again.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.release import Problem
from server.firmware import copying, layouts
from server.firmware.access_list import lift_mask
from server.firmware.hashes import Hashes
from server.firmware.image import Image, Stamp
from server.firmware.whole import CLOCK_SLACK, NotWhole, hash_whole, is_fresh, is_inside

MAX_DEPTH = 16
"""Folders within folders; a publish id of 200 bytes would allow 100."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One directory: its whole files by name, the names of those not whole yet, what is wrong, its own age."""

    path: str
    images: Mapping[str, Image]
    unsettled: frozenset[str]
    """Also those that another program copies here under a name of its own until they are whole, when they play a role."""
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
    too_large: Mapping[str, int] = field(default_factory=dict)
    """The names of files over the limit, with their sizes in bytes: there is a problem of each, too."""

    @property
    def names(self) -> list[str]:
        """Those of all files, whole or not."""
        return [*self.images, *self.unsettled, *self.too_large]


@dataclass(frozen=True, slots=True)
class Scan:
    """The whole tree at one time. `folders` is keyed by relative path; the top is ""."""

    folders: Mapping[str, Folder] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    """The paths of the folders in which something is being written: look again soon."""
    changed: frozenset[str] = frozenset()
    """The paths of the folders that are new, gone or different since the scan before."""


class _NeverServed(Exception):
    """The entry is nothing that may be served; the text says why and what to do."""


class _TooLarge(_NeverServed):
    """The file is over the limit."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the file has {size} bytes, more than --max-image-size allows ({limit} bytes).")
        self.size = size


class Scanner:
    """Looks at the folder once. One thread at a time calls it."""

    def __init__(self, root: Path, max_file: int, hashes: Hashes, ours: frozenset[tuple[int, int]], now: float) -> None:
        """`hashes` by stamp, which are added to. `ours`: (inode, mtime_ns) of directories that we ourselves filled.

        `now` is Unix time.
        """
        self._root = os.path.realpath(root)
        self._max_file = max_file
        self._hashes = hashes
        self._ours = ours
        self._now = now
        self._before: Mapping[str, Folder] = {}
        self._folders: dict[str, Folder] = {}
        self._seen: set[str] = set()
        """The paths that were looked at or forgotten."""

    def scan(self, previous: Scan, where: frozenset[str] | None) -> Scan:
        """Look at the folders `where` and at new ones below them; at everything when it is None.

        What is not looked at stays as in `previous`. Raises OSError when the top folder itself cannot be read.
        """
        with os.scandir(self._root):
            pass
        before = self._before = previous.folders
        folders = self._folders = {} if where is None or not before else dict(before)
        wanted = {""} if not folders or where is None else {self._listed(p) for p in where | previous.unsettled}
        for path in sorted(wanted):
            if path == self._listed(path):
                self._look(path)
        if where is None:
            self._seen.update(before)
        changed = frozenset(path for path in self._seen if folders.get(path) is not before.get(path))
        looked_at = (folders[path] for path in previous.unsettled | self._seen if path in folders)
        return Scan(folders, frozenset(f.path for f in looked_at if f.unsettled or f.fresh), changed)

    def _look(self, path: str) -> None:
        self._seen.add(path)
        before = self._folders.pop(path, None)
        folder = self._folder(path)
        for gone in (before.inner if before else frozenset()) - (folder.inner if folder else frozenset()):
            self._forget(gone)
        if folder is None:
            return
        known = self._before.get(path)
        self._folders[path] = known if known is not None and known == folder else folder
        for inner in folder.inner:
            if inner not in self._folders:
                self._look(inner)

    def _forget(self, path: str) -> None:
        self._seen.add(path)
        folder = self._folders.pop(path, None)
        for inner in folder.inner if folder else ():
            self._forget(inner)

    def _listed(self, path: str) -> str:
        """`path`, or the nearest folder above it that a look at the tree from its top would come to.

        An event may name a folder that is hidden, temporary, too deep, or behind a link by now.
        """
        while path:
            above = path.rpartition("/")[0]
            if above in self._folders and path in self._folders[above].inner and self._listed(above) == above:
                return path
            path = above
        return path

    def _folder(self, path: str) -> Folder | None:
        images: dict[str, Image] = {}
        too_large: dict[str, int] = {}
        unsettled: set[str] = set()
        marks, inner = set(), set()
        problems: list[Problem] = []

        def problem(where: str, message: str) -> None:
            shown = os.fsencode(where).decode("utf-8", "backslashreplace")
            problems.append(Problem(shown, f"{message[0].upper()}{message[1:]}"))

        top = os.path.join(self._root, path)
        before = self._before.get(path)
        try:
            status = os.lstat(top)
            if not stat.S_ISDIR(status.st_mode):
                return None
            entries = _entries(top)
        except FileNotFoundError:
            return None
        except OSError as error:
            problem(path, f"the folder cannot be read ({_reason(error)}): give the server's user read access to it.")
            return _as_it_was(path, before, problems)
        old_images, old_inner = (before.images, before.inner) if before is not None else ({}, frozenset())
        for entry, is_folder in entries:
            name = entry.name
            where = f"{path}/{name}" if path else name
            if where in old_inner and is_folder:
                inner.add(where)
            elif name.startswith("."):
                marks.add(name)
            elif copying.is_temporary(name):
                continue
            elif not _is_text(name):
                problem(where, "the name is not UTF-8, so no device can ask for it: rename the file.")
            elif copying.is_conflict(name):
                problem(where, copying.about_conflict(name))
            elif is_folder:
                if where.count("/") < MAX_DEPTH:
                    inner.add(where)
                else:
                    problem(where, f"the folder lies more than {MAX_DEPTH} folders deep and is not looked into.")
            else:
                try:
                    images[name] = self._image(where, entry, old_images.get(name))
                except FileNotFoundError:
                    continue
                except NotWhole:
                    unsettled.add(name)
                except _NeverServed as reason:
                    problem(where, str(reason))
                    if isinstance(reason, _TooLarge):
                        too_large[name] = reason.size
                except OSError as error:
                    if isinstance(error, PermissionError) and lift_mask(f"{top}/{name}"):
                        unsettled.add(name)
                        continue
                    problem(where, f"the file cannot be read ({_reason(error)}): give the server's user read access to it.")
                    unsettled.add(name)
        arriving = {copying.arriving_as(name) for name in marks if path} - images.keys() - too_large.keys()
        unsettled |= {name for name in arriving if name is not None and layouts.plays_a_role(name)}
        ours = (status.st_ino, status.st_mtime_ns) in self._ours
        return Folder(
            path=path,
            images=images,
            unsettled=frozenset(unsettled),
            marks=frozenset(marks),
            inner=frozenset(inner),
            problems=tuple(problems),
            fresh=not ours and is_fresh(status.st_mtime, self._now),
            ours=ours,
            changed=_latest([status.st_ctime, *(image.stamp.ctime_ns / 1e9 for image in images.values())], self._now),
            too_large=too_large,
        )

    def _image(self, path: str, entry: os.DirEntry[str], before: Image | None) -> Image:
        """Raises NotWhole, _NeverServed or OSError."""
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            return self._linked(path, before)
        if not stat.S_ISREG(status.st_mode):
            raise _NeverServed("this is no regular file (a device, a socket or a pipe): remove it from the folder.")
        return self._regular(path, status, before)

    def _linked(self, path: str, before: Image | None) -> Image:
        full = os.path.join(self._root, path)
        target = os.path.realpath(full)
        if not is_inside(target, self._root):
            raise _NeverServed("the link leads out of the firmware folder and is not followed: copy the file here instead.")
        if any(segment.startswith(".") for segment in os.path.relpath(target, self._root).split(os.sep)):
            raise _NeverServed("the link leads to a hidden file, which is never served.")
        try:
            status = os.stat(full)
        except FileNotFoundError:
            raise _NeverServed("the link leads nowhere.") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _NeverServed("the link leads to itself.") from None
            raise
        if not stat.S_ISREG(status.st_mode):
            raise _NeverServed("the link leads to a folder; only links to files are followed.")
        return self._regular(path, status, before)

    def _regular(self, path: str, status: os.stat_result, before: Image | None) -> Image:
        if status.st_size > self._max_file:
            raise _TooLarge(status.st_size, self._max_file)
        stamp = Stamp.of(status)
        content = self._hashes.get(stamp)
        if content is None:
            content = hash_whole(self._root, path, stamp, self._now)
            self._hashes.learn(stamp, content)
        if before is not None and before.stamp == stamp and before.sha256 == content.sha256:
            return before
        return Image(path, stamp, content.sha256, content.head)


def _entries(folder: str) -> list[tuple[os.DirEntry[str], bool]]:
    """By name, and whether it is a folder. Raises OSError."""
    try:
        with os.scandir(folder) as listing:
            return sorted(((entry, entry.is_dir(follow_symlinks=False)) for entry in listing), key=lambda e: e[0].name)
    except PermissionError:
        if not lift_mask(folder):
            raise
        return _entries(folder)
def _as_it_was(path: str, before: Folder | None, problems: list[Problem]) -> Folder:
    """A folder that cannot be read now. It is looked at again soon, as one in which something is being written."""
    nothing = Folder(path, {}, frozenset(), frozenset(), frozenset(), (), fresh=True, ours=False, changed=0.0)
    known = nothing if before is None else before
    return replace(known, problems=tuple(dict.fromkeys((*known.problems, *problems))), fresh=True)


def _latest(times: list[float], now: float) -> float:
    """The latest of these times that is not in the future: from there it comes by a clock that was set back."""
    return max((time for time in times if time <= now + CLOCK_SLACK), default=0.0)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
