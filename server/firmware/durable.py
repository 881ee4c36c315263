"""Writing, renaming and removing so that a kill, a full disk or a broken one leaves the old state or the new one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from common.errors import StoreFull
from common.hashing import facts_of
from common.preflight import FileFacts


def sync_folder(folder: Path) -> None:
    """Have the names in it on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write(path: Path, source: BinaryIO) -> FileFacts:
    """A new file with all that `source` has, on the disk; what was written."""
    source.seek(0)
    with path.open("xb") as file:
        facts = facts_of(source.read, sink=file.write)
        file.flush()
        os.fsync(file.fileno())
    return facts


def put(folder: Path, target: Path, root: Path) -> None:
    """Rename `folder` to `target`, which is below `root` and not there yet; on the disk when this returns.

    What fails half-way is undone. Raises OSError, and StoreFull where it could not be undone.
    """
    missing = [p for p in target.parents if root in p.parents and not p.exists()][::-1]
    with contextlib.ExitStack() as undo:
        for path in missing:
            path.mkdir()
            undo.callback(_quietly, path.rmdir)
            sync_folder(path.parent)
        os.rename(folder, target)
        undo.callback(_take_back, target, folder)
        sync_folder(target.parent)
        undo.pop_all()


def discard(folder: Path) -> None:
    """Remove it with all that is in it, as far as that goes; what stays is for the next start."""
    with contextlib.suppress(OSError):  # of its own fstat(2) and close(2) rmtree raises them even so
        shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove it and the folders above it, up to `root`, as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _take_back(target: Path, folder: Path) -> None:
    try:
        os.rename(target, folder)
    except OSError as error:
        raise StoreFull(
            f"The disk of the firmware folder reports an error ({error.strerror}). The release lies there and is served,"
            " but may be gone after a power cut: look after the disk, then publish it again."
        ) from error


def _quietly(act: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        act()
