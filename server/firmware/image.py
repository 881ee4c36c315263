"""One file of the firmware folder, as it was when it was read and hashed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple


class ImageChanged(Exception):
    """The file is no longer the one that was hashed; the catalogue has to look again."""


class Content(NamedTuple):
    """What is known of a file's bytes without reading them again."""

    sha256: str
    """Lower-case hex, 64 characters."""
    head: bytes
    """The first HEAD bytes, fewer of a shorter file: an image's header is there."""


HEAD = 16


class Stamp(NamedTuple):
    """What tells that a file is still the one that was hashed.

    ctime is part of it: rsync --inplace -t keeps inode, size and mtime.
    """

    inode: int
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of what os.stat() or os.fstat() returned."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Image:
    """A whole file that may be served: its path below the folder, its stamp, its SHA-256 and its first bytes."""

    path: str
    """Relative to the firmware folder, with `/`, without one at the start."""
    stamp: Stamp
    sha256: str
    """Lower-case hex, 64 characters."""
    head: bytes = b""
    """The first HEAD bytes, fewer of a shorter file."""

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp.size

    @property
    def etag(self) -> bytes:
        """The first 8 bytes of the SHA-256 (an ETag has 1 to 8 bytes: RFC 7252, 5.10.6)."""
        return bytes.fromhex(self.sha256[:16])
