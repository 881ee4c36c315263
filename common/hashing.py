"""A file's bytes, read once -> what a check needs to know of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from common.preflight import FileFacts
from common.riotboot import HEADER_BYTES

_CHUNK = 1 << 20


def facts_of(read: Callable[[int], bytes], name: str = "", sink: Callable[[bytes], object] | None = None) -> FileFacts:
    """Read to the end; each piece goes to `sink` too. Raises what they raise."""
    digest = hashlib.sha256()
    head = b""
    size = 0
    while chunk := read(_CHUNK):
        digest.update(chunk)
        head = (head + chunk[:HEADER_BYTES])[:HEADER_BYTES]
        size += len(chunk)
        if sink is not None:
            sink(chunk)
    return FileFacts(size, digest.hexdigest(), head, name)
