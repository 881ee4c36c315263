"""Where one release is on disk: its folder, which of the names there are its own, and its marks."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.finding import Role
from common.preflight import FileFacts
from server.firmware import layouts
from server.firmware.layouts import Layout

_MARKS = (layouts.FORCED, layouts.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Place:
    """As it was found. Whoever changes something there holds the store's lock."""

    folder: Path
    layout: Layout
    names: frozenset[str]
    """All in the folder."""

    @property
    def goes(self) -> frozenset[str]:
        """The names that go with the release, whether they are there or not."""
        links = (name for name in self.names if _leads_to(self.folder / name) in self.layout.files)
        return self.layout.files.union((self.layout.mark(kind) for kind in _MARKS), links)

    def holds(self, facts: Mapping[Role, FileFacts]) -> bool:
        """Whether it has these files and no others."""
        names = self.layout.names
        if self.layout.doubled or names.keys() != facts.keys():
            return False
        return all(_is(self.folder / name, facts[role]) for role, name in names.items())

    def has_mark(self, kind: str) -> bool:
        """Whether it is marked as layouts.FORCED or layouts.WITHDRAWN."""
        return self.layout.has_mark(kind, self.names)

    def mark(self, kind: str) -> None:
        """Leave the mark, durably."""
        (self.folder / self.layout.mark(kind)).touch()
        sync_folder(self.folder)

    def unmark(self, kind: str) -> None:
        """Take the mark away, durably. One that is for a whole folder of RIOT's versions is left on each of the others."""
        if self.layout.version and kind in self.names:
            for other in layouts.releases(self.names):
                (self.folder / other.mark(kind)).touch()
            (self.folder / kind).unlink()
        (self.folder / self.layout.mark(kind)).unlink(missing_ok=True)
        sync_folder(self.folder)


def find_release(root: Path, publish_id: str) -> Place | None:
    """The release of this name below `root`: a folder in the plain form, or RIOT's files of that version in the folder above."""
    own = root / publish_id
    names = _names(own)
    layout = layouts.plain(names)
    if layout is not None:
        return Place(own, layout, names)
    names = _names(own.parent)
    layout = layouts.of_release(names, own.name)
    return Place(own.parent, layout, names) if layout is not None else None


def sync_folder(folder: Path) -> None:
    """Have the names in it on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _leads_to(path: Path) -> str | None:
    """Where a link leads; None where it is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _is(path: Path, facts: FileFacts) -> bool:
    """Whether a regular file has these bytes; a pipe or a link in its place is not even waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size != facts.size:
        os.close(fd)
        return False
    with open(fd, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == facts.sha256
