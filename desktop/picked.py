"""A file that a person picked, read once, and which files of a folder are worth to be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from common import riotboot
from common.errors import InvalidManifest
from common.finding import Role
from common.hashing import facts_of
from common.manifest import MAX_BYTES as MAX_MANIFEST
from common.manifest import parse as parse_manifest
from common.roles import role_by_name
from desktop.wording import count, size

MAX_FILE = 64 * 1024 * 1024
"""Bytes of one file."""
MAX_CANDIDATES = 50
"""Files that are read of one drop."""
MAX_ENTRIES = 10_000
"""Of one folder, that are looked at by name and size."""
_LIKELY = frozenset(("", ".bin", ".suit", ".cbor"))
"""How names end."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting for the other end of a pipe."""


@dataclass(frozen=True, slots=True)
class PickedFile:
    """What is known of one file, as it was when it was read."""

    path: Path
    """Absolute."""
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
    head: bytes
    """Its first riotboot.HEADER_BYTES bytes."""
    mtime: float
    """Seconds since 1970."""
    header: riotboot.Header | None
    is_suit: bool
    """Whether it begins as a SUIT envelope, damaged ones among them."""
    stamp: tuple[int, ...]
    """By which a change on disk is noticed; () where the file cannot be read any more."""

    @property
    def gone(self) -> bool:
        """Whether the file could be read once, and cannot now."""
        return not self.stamp


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Inode, size, and when the content and the rest were last changed."""
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read_picked(path: Path, limit: int = MAX_FILE) -> PickedFile | str:
    """The file, or the sentence that says why it is left out."""
    name = repr(str(path))
    start = bytearray()

    def keep(chunk: bytes) -> None:
        start.extend(chunk[: MAX_MANIFEST + 1 - len(start)])

    try:
        with open(path, "rb", opener=lambda file, _: os.open(file, _FLAGS)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return f"{name} is no regular file, and was left out: write what it gives to a file, and pick that."
            if status.st_size > limit:
                return too_large(path, status.st_size, limit)
            left = limit + 1

            def read(most: int) -> bytes:
                nonlocal left
                data = file.read(min(most, left))
                left -= len(data)
                return data

            facts = facts_of(read, sink=keep)
    except (OSError, ValueError) as error:
        return unreadable(path, error)
    if facts.size > limit:
        return too_large(path, facts.size, limit)
    if not facts.size:
        return empty(path)
    header = riotboot.parse(facts.head)
    is_suit = header is None and _begins_as_suit(bytes(start))
    return PickedFile(path, facts.size, facts.sha256, facts.head, status.st_mtime, header, is_suit, stamp_of(status))


def too_large(path: Path, amount: int, limit: int = MAX_FILE) -> str:
    """What to say of a file that is not read for its size."""
    return (
        f"{str(path)!r} has {size(amount)}, and was not read: files have {size(limit)} at most."
        " Pick the image itself, which fits into a device's flash."
    )


def empty(path: Path) -> str:
    """What to say of a file without a byte."""
    return f"{str(path)!r} is empty, and was left out: was it built? Pick it again when it is."


def unreadable(path: Path, error: Exception) -> str:
    """What to say of a file or folder that the system does not give."""
    name = repr(str(path))
    if isinstance(error, FileNotFoundError):
        return f"{name} is not there: was it moved, or is it being built? Pick it again when it is."
    if isinstance(error, PermissionError):
        return f"{name} may not be read: give yourself the permission, and pick it again."
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "its name is malformed"
    return f"{name} cannot be read ({why}): check the path and the disk."


def candidates(folder: Path, limit: int = MAX_FILE) -> tuple[list[Path], list[str]]:
    """The files directly in a folder that are worth to be read, likely and new ones first, and what there is to say of it."""
    name = repr(str(folder))
    found: list[tuple[float, str, int]] = []
    said: list[str] = []
    large: list[str] = []
    folders = 0
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, MAX_ENTRIES):
                path, has_role = folder / entry.name, role_by_name(entry.name) is not None
                try:
                    status = entry.stat()
                except OSError as error:
                    said += [unreadable(path, error)] if has_role else []
                    continue
                if entry.name.startswith("."):
                    continue
                if stat.S_ISDIR(status.st_mode):
                    folders += 1
                elif not stat.S_ISREG(status.st_mode):
                    continue
                elif status.st_size > limit:
                    large.append(too_large(path, status.st_size, limit))
                elif status.st_size:
                    found.append((-status.st_mtime, entry.name, status.st_size))
                elif has_role:
                    said.append(empty(path))
            more = next(entries, None) is not None
    except (OSError, ValueError) as error:
        return [], [unreadable(folder, error)]
    if len(large) > 1:
        large = [f"{count(len(large), 'file')} in {name} have more than {size(limit)} each, and were not read."]
    said += large
    if more:
        said.append(f"{name} has more than {MAX_ENTRIES} entries; the rest was not looked at: pick the files themselves.")
    if folders:
        inside = f"{count(folders, 'folder')} in {name} {'was' if folders == 1 else 'were'}"
        said.append(f"{inside} not looked into: drop the one you mean.")
    if not found and not said:
        said.append(f"{name} has no files: drop the folder in which the build left the manifest and the images.")
    sizes = {folder / file: amount for _, file, amount in sorted(found)}
    first, left = [], 4 * limit
    for path in in_turn(sizes):
        if sizes[path] <= left:
            left -= sizes[path]
            first.append(path)
    if len(first) < len(found):
        said.append(f"{name} has more than {size(4 * limit)} in all, and not all was read: pick the files themselves.")
    return first, said


def in_turn(paths: Iterable[Path]) -> list[Path]:
    """Likely ones first, and of these one of each role by its name, then the next of each, so that none crowds others out."""
    amounts: dict[tuple[bool, Role | None], int] = {}

    def turn(path: Path) -> tuple[bool, int]:
        kind = (path.suffix.lower() not in _LIKELY, role_by_name(path.name))
        amounts[kind] = amounts.get(kind, 0) + 1
        return kind[0], amounts[kind]

    return sorted(paths, key=turn)


def _begins_as_suit(data: bytes) -> bool:
    try:
        return parse_manifest(data) is not None
    except InvalidManifest:
        return True
