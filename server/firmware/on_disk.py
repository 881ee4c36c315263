"""Where one release is on disk: its folder, which of the names there are its own, and its marks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.finding import Role
from common.hashing import facts_of
from common.preflight import FileFacts
from server.firmware import disk_errors, layouts
from server.firmware.durable import sync_folder
from server.firmware.layouts import Layout

_OTHER_THINGS = (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENODEV)
"""What open(2) says of no file at all, a link, a socket and a device without a driver."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """As it was found. Whoever changes something there holds the store's lock."""

    folder: Path
    layout: Layout
    names: frozenset[str]
    """All in the folder."""

    @property
    def goes(self) -> frozenset[str]:
        """The names that go with the release: its files and marks, links to the files, and RIOT's copy of its manifest."""
        marks = {self.layout.mark(kind) for kind in layouts.MARKS}
        links = {name for name in self.names if _leads_to(self.folder / name) in self.layout.files}
        others = [layout for layout in layouts.releases(self.names) if layout.version != self.layout.version]
        if not others:
            marks.update(layouts.MARKS)
        return (self.layout.files | marks | links | self._copy(others)) & self.names

    def _copy(self, others: Iterable[Layout]) -> frozenset[str]:
        """RIOT's copy of the latest manifest, when it is this one's and no other version has the same."""
        manifest = self.layout.names.get(Role.MANIFEST)
        if not self.layout.version or manifest is None or layouts.LATEST_COPY not in self.names:
            return frozenset()
        copy = facts_at(self.folder / layouts.LATEST_COPY)
        same = [layout.names[Role.MANIFEST] for layout in others if Role.MANIFEST in layout.names]
        is_ours = copy is not None and _is(self.folder / manifest, copy) and not any(_is(self.folder / n, copy) for n in same)
        return frozenset({layouts.LATEST_COPY}) if is_ours else frozenset()

    def holds(self, facts: Mapping[Role, FileFacts]) -> bool:
        """Whether it has these files and no others."""
        names = self.layout.names
        if self.layout.doubled or names.keys() != facts.keys():
            return False
        return all(_is(self.folder / name, facts[role]) for role, name in names.items())

    def has_mark(self, kind: str) -> bool:
        """Whether it is marked as layouts.FORCED or layouts.WITHDRAWN."""
        return self.layout.has_mark(kind, self.names)

    def take_out(self) -> None:
        """Remove what goes with the release, durably, and nothing beside it.

        The release is withdrawn first and its manifest goes last, so that no half of it is ever served: whatever ends
        this before its end, the rest can be removed as the whole could.
        """
        goes, mark, manifest = self.goes, self.layout.mark(layouts.WITHDRAWN), self.layout.names.get(Role.MANIFEST, "")
        try:
            self.mark(layouts.WITHDRAWN)
        except OSError as error:
            if error.errno not in disk_errors.FULL:
                raise  # on a full disk, which removing makes room on, it goes without
        for name in [*sorted(goes - {manifest, mark}), *({manifest} & goes), mark]:
            (self.folder / name).unlink(missing_ok=True)  # somebody else may remove it at this moment
        sync_folder(self.folder)

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


def find_release(root: Path, publish_id: str, riot: bool | None = None) -> OnDisk | None:
    """The release of this name below `root`: a folder in the plain form, or RIOT's files of that version in the folder above.

    Where there are both, `riot` says which of them is meant; None: the folder.
    """
    own = root / publish_id
    names = _names(own)
    found = [layout for layout in layouts.releases(names) if not layout.version]
    if found and riot is not True:
        return OnDisk(own, found[0], names)
    names = _names(own.parent)
    layout = layouts.of_release(names, own.name)
    return OnDisk(own.parent, layout, names) if layout is not None and riot is not False else None


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


def facts_at(path: Path) -> FileFacts | None:
    """Of a regular file; None of anything else: a pipe or a link in its place is not even waited for. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _OTHER_THINGS:
            return None
        raise
    with open(fd, "rb", buffering=0) as file:
        return facts_of(file.read) if stat.S_ISREG(os.fstat(fd).st_mode) else None


def _is(path: Path, facts: FileFacts) -> bool:
    """Whether a regular file has these bytes. Raises OSError."""
    try:
        fits = os.stat(path, follow_symlinks=False).st_size == facts.size
    except FileNotFoundError:
        return False
    there = facts_at(path) if fits else None
    return there is not None and there.sha256 == facts.sha256
