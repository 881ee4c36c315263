"""All releases as JSON, kept for those who ask again and again."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator

from common.release import Release
from server.firmware.catalogue import Catalogue

_KEPT = 4
"""The server has an address towards each network, of IPv4 and of IPv6; each makes a list of its own."""
_FAST = 1
"""zlib's level: ten thousand releases are 16 million bytes, of which it leaves a sixth."""
_PIECE = 1 << 13
"""Bytes that are unpacked at a time, to some six times as many."""


class ReleaseLists:
    """The latest lists of one catalogue, packed. Threads: the web workers call it."""

    def __init__(self, with_base: Callable[[Release, str], Release]) -> None:
        """`with_base` gives a release the CoAP URLs below `coap://host[:port]`."""
        self._with_base = with_base
        self._kept: tuple[int, dict[str, bytes]] = (0, {})

    def of(self, current: Catalogue, base: str) -> Iterator[bytes]:
        """The JSON shape `releases`, in pieces."""
        number, lists = self._kept
        kept = lists if number == current.number else {}
        packed = kept.get(base) or _packed(self._made(current, base))
        # A dict is never changed, for other threads read it; whoever asked last stands last.
        others = [(of, made) for of, made in kept.items() if of != base]
        self._kept = (current.number, dict([*others[-_KEPT + 1 :], (base, packed)]))
        return _unpacked(packed)

    def _made(self, current: Catalogue, base: str) -> Iterator[bytes]:
        """Each release by itself: in one go the encoder would keep the thread that serves blocks waiting."""
        yield b'{"releases": ['
        for number, release in enumerate(current.releases):
            yield b", " if number else b""
            yield json.dumps(self._with_base(release, base).to_json()).encode()
        problems = json.dumps([p.to_json() for p in current.problems])
        yield f'], "problems": {problems}}}'.encode()


def _packed(parts: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(_FAST)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _unpacked(packed: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for start in range(0, len(packed), _PIECE):
        yield unpacker.decompress(packed[start : start + _PIECE])
    yield unpacker.flush()
