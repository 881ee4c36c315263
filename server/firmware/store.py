"""The only module that writes the firmware folder, and the door through which it is read.

A release is written into `.staging`, synced, then renamed into place: killed at any moment, the old state
or the new one stands.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from common.errors import Hindered, ReleaseExists, ReleaseNotFound
from common.finding import Role
from common.preflight import FileFacts
from common.release import check_publish_id
from server.firmware import durable, layouts
from server.firmware.access_list import lift_masks
from server.firmware.disk_errors import AGAIN, as_sentences, owner
from server.firmware.hashes import Hashes
from server.firmware.image import Content, Image, ImageChanged, Stamp
from server.firmware.on_disk import OnDisk, find_release
from server.firmware.scan import Scan, Scanner

STAGING = ".staging"
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Staged:
    """Files that are written and synced, and not published yet."""

    folder: Path
    facts: Mapping[Role, FileFacts]


class Store:
    """The firmware folder on disk.

    Threads: web workers stage, commit and remove; the catalogue thread scans; the pool reads.
    """

    def __init__(self, root: Path, max_file: int, clock: Callable[[], float], hashes: Hashes | None = None) -> None:
        """`max_file` in bytes; `clock` gives Unix time in seconds; `hashes` may hold some from an earlier start."""
        self.root = root
        self.max_file = max_file
        self._clock = clock
        self._lock = threading.Lock()
        self._hashes = Hashes() if hashes is None else hashes
        self._ours: dict[tuple[int, int], None] = {}

    def prepare(self) -> None:
        """Make the folder where it is missing, and clear what a killed server left in .staging. Raises Hindered."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            os.listdir(self.root)
        except OSError as error:
            raise Hindered(
                f"The firmware folder {str(self.root)!r} cannot be used: {error.strerror}."
                " Name a folder that the server may read with --firmware-dir."
            ) from None
        with contextlib.suppress(OSError):  # a folder that may only be read is served all the same
            durable.discard(self.root / STAGING)
            (self.root / STAGING).mkdir(exist_ok=True)
            ignore = self.root / ".stignore"
            lines = ignore.read_text().splitlines() if ignore.exists() else []
            if STAGING not in lines:
                ignore.write_text("\n".join([*lines, STAGING]) + "\n")

    def scan(self, previous: Scan, where: frozenset[str] | None = None) -> Scan:
        """Look at the folders `where`, or at all; what was hashed before is not hashed again.

        Raises OSError when the folder cannot be read.
        """
        with self._lock:
            ours = frozenset(self._ours)
        remembered = self._hashes.copy() if where is None else {}
        scan = Scanner(self.root, self.max_file, self._hashes, ours, self._clock()).scan(previous, where)
        if where is None:
            seen = {image.stamp for folder in scan.folders.values() for image in folder.images.values()}
            self._hashes.forget(remembered.keys() - seen)
        return scan

    def read(self, image: Image) -> bytes:
        """The bytes that were hashed. Raises ImageChanged when the file holds others by now, or OSError.

        A file that holds others under the same stamp (a disk's fault, a power cut) is hashed anew at the next look.
        """
        fd = os.open(f"{self.root}/{image.path}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if Stamp.of(os.fstat(fd)) != image.stamp:
                raise ImageChanged(image.path)
            data = file.read(image.size + 1)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            self._hashes.forget([image.stamp])
            raise ImageChanged(image.path)
        return data

    @contextlib.contextmanager
    def stage(self, files: Mapping[Role, BinaryIO], aliases: Mapping[Role, str] | None = None) -> Iterator[Staged]:
        """Write the files beside the folder's releases; what is not committed is gone when the block ends.

        `aliases` are names by which they are served, too: a manifest of 2019 names the file as the build called it.
        """
        folder = self.root / STAGING / secrets.token_hex(8)
        with as_sentences("write into"):
            folder.mkdir(parents=True)
        try:
            with as_sentences("write into"):
                facts = {role: durable.write(folder / role.value, source) for role, source in files.items()}
                for role, name in (aliases or {}).items():
                    if layouts.is_alias(name):
                        (folder / name).symlink_to(role.value)
            yield Staged(folder, facts)
        finally:
            durable.discard(folder)

    def has(self, staged: Staged, publish_id: str) -> bool:
        """Whether the same bytes are published under this id. Raises StoreFull where the disk does not tell."""
        with as_sentences("look into"):
            there = find_release(self.root, check_publish_id(publish_id))
            return there is not None and there.holds(staged.facts)

    def commit(self, staged: Staged, publish_id: str, forced: bool = False) -> bool:
        """Publish what was staged. True: new; False: the same bytes were there already.

        Raises InvalidRelease (no publish id), ReleaseExists (other bytes, or a release above or below), StoreFull.
        """
        target = self.root / check_publish_id(publish_id)
        with self._lock, as_sentences("write into"):
            self._check_no_link(target, publish_id)
            there = find_release(self.root, publish_id)
            if there is not None and there.holds(staged.facts):
                if forced and not there.has_mark(layouts.FORCED):
                    there.mark(layouts.FORCED)
                return False
            self._check_free(target, publish_id)
            lift_masks(target.parent, self.root, inside=False)
            if forced:
                (staged.folder / layouts.FORCED).touch()
            durable.sync_folder(staged.folder)
            try:
                durable.put(staged.folder, target, self.root)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise ReleaseExists(_taken(publish_id)) from None
                raise
            self._remember(target, staged)
        return True

    def remove(self, publish_id: str, riot: bool | None = None) -> None:
        """Take a release out of the folder; other files beside it stay. `riot` as `find_release` has it.

        Raises ReleaseNotFound or StoreFull.
        """
        with self._lock:
            there = self._existing(publish_id, riot)
            trash = self.root / STAGING / secrets.token_hex(8)
            whom = f"remove {publish_id!r}, which belongs to the user {owner(there.folder)}, from"
            try:
                with as_sentences(whom, AGAIN):
                    if there.goes != there.names:
                        there.take_out()
                        return
                    trash.parent.mkdir(exist_ok=True)
                    os.rename(there.folder, trash)
                    durable.sync_folder(there.folder.parent)
                    durable.remove_empty(there.folder.parent, self.root)
            finally:
                durable.discard(trash)

    def mark(self, publish_id: str, kind: str, on: bool, riot: bool | None = None) -> None:
        """Say layouts.FORCED or layouts.WITHDRAWN of a release, or take it back; it may have been said before.

        `riot` as `find_release` has it. Raises ReleaseNotFound or StoreFull.
        """
        with self._lock:
            there = self._existing(publish_id, riot)
            with as_sentences(f"mark {publish_id!r}, which belongs to the user {owner(there.folder)}, in", AGAIN):
                if on:
                    there.mark(kind)
                else:
                    there.unmark(kind)

    def _existing(self, publish_id: str, riot: bool | None) -> OnDisk:
        with as_sentences("look into"):
            self._check_no_link(self.root / check_publish_id(publish_id), publish_id)
            there = find_release(self.root, publish_id, riot)
            if there is None:
                raise ReleaseNotFound(f"There is no release {publish_id!r}.")
            lift_masks(there.folder, self.root, inside=True)
        return there

    def _check_free(self, target: Path, publish_id: str) -> None:
        if (there := find_release(self.root, publish_id)) is not None and there.layout.version:
            raise ReleaseExists(_taken(publish_id))
        for outer in target.parents:
            if outer == self.root:
                break
            name = outer.relative_to(self.root).as_posix()
            if find_release(self.root, name) is not None:
                raise ReleaseExists(f"{publish_id!r} would lie in the release {name!r}: choose a name beside it.")
        if not target.is_dir():
            if target.exists():
                raise ReleaseExists(f"{publish_id!r} is the name of a file in the firmware folder: choose another publish id.")
            return
        for folder, inside, names in os.walk(target):
            inside[:] = [name for name in inside if not name.startswith(".")]
            for layout in layouts.releases(names):
                inner = layout.publish_id(os.path.relpath(folder, self.root))
                if inner == publish_id:
                    raise ReleaseExists(_taken(publish_id))
                raise ReleaseExists(f"{publish_id!r} would contain the release {inner!r}: choose a longer name.")

    def _check_no_link(self, target: Path, publish_id: str) -> None:
        """Nothing is written or removed through a link to a folder, which may lead anywhere."""
        below = [p for p in (target, *target.parents) if self.root in p.parents]
        if any(path.is_symlink() for path in below):
            raise ReleaseExists(f"{publish_id!r} leads through a link in the firmware folder: choose another publish id.")

    def _remember(self, target: Path, staged: Staged) -> None:
        """So that it is not read again, and need not be quiet first."""
        try:
            stamps = {role: Stamp.of(os.stat(target / role.value)) for role in staged.facts}
            status = os.stat(target)
        except OSError:
            return  # then the next look takes it for somebody else's
        for role, facts in staged.facts.items():
            self._hashes.learn(stamps[role], Content(facts.sha256, facts.head))
        self._ours[status.st_ino, status.st_mtime_ns] = None
        while len(self._ours) > _REMEMBERED:
            self._ours.pop(next(iter(self._ours)))


def _taken(publish_id: str) -> str:
    return (
        f"{publish_id!r} is taken by other files. A published release is never changed:"
        " choose another publish id, or remove it first."
    )
