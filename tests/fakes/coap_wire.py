"""CoAP datagrams made by hand, and a radio that loses some: what the fake device is built of.

It shares no code with the server, so that the two can find each other's mistakes.
"""

from __future__ import annotations

import random
import struct
import threading
from collections import Counter
from dataclasses import dataclass

CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE = 1, 2, 3, 4
URI_PATH, CONTENT_FORMAT, BLOCK2 = 11, 12, 23


def code(dotted: str) -> int:
    """The byte of a code such as "2.05"."""
    kind, detail = dotted.split(".")
    return int(kind) << 5 | int(detail)


@dataclass(frozen=True)
class Message:
    """A message's parts."""

    type: int
    code: int
    mid: int
    token: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""

    def __bytes__(self) -> bytes:
        out = bytes((0x40 | self.type << 4 | len(self.token), self.code)) + struct.pack("!H", self.mid) + self.token
        last = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            (delta, more_delta), (length, more_length) = _nibble(number - last), _nibble(len(value))
            out += bytes((delta << 4 | length,)) + more_delta + more_length + value
            last = number
        return out + (b"\xff" + self.payload if self.payload else b"")

    @classmethod
    def read(cls, data: bytes) -> Message:
        """Raises an exception of some kind for what is no message: a fake's peers are expected to be right."""
        first, number, mid = struct.unpack_from("!BBH", data)
        assert first >> 6 == 1, data
        at = 4 + (first & 15)
        token, options, last = data[4:at], [], 0
        while at < len(data) and data[at] != 0xFF:
            head = data[at]
            delta, at = _extended(data, at + 1, head >> 4)
            length, at = _extended(data, at, head & 15)
            last += delta
            options.append((last, data[at : at + length]))
            at += length
        return cls(first >> 4 & 3, number, mid, token, tuple(options), data[at + 1 :])

    @property
    def dotted(self) -> str:
        """The code as people write it."""
        return f"{self.code >> 5}.{self.code & 31:02}"

    @property
    def path(self) -> str:
        """The Uri-Path."""
        return "/".join(value.decode() for number, value in self.options if number == URI_PATH)

    @property
    def block2(self) -> tuple[int, bool, int] | None:
        """Number, more, size."""
        for number, value in self.options:
            if number == BLOCK2:
                bits = int.from_bytes(value, "big")
                return bits >> 4, bool(bits & 8), 16 << (bits & 7)
        return None


def path_options(path: str) -> tuple[tuple[int, bytes], ...]:
    """The Uri-Path options of `a/b`."""
    return tuple((URI_PATH, segment.encode()) for segment in path.split("/"))


def block_option(number: int, more: bool, size: int) -> tuple[int, bytes]:
    """A Block2 option."""
    bits = number << 4 | more << 3 | size.bit_length() - 5
    return BLOCK2, bits.to_bytes((bits.bit_length() + 7) // 8, "big")


class Radio:
    """Loses a share of the datagrams, the same ones for the same seed, but none for ever. Any thread calls it.

    Which ones those are depends on how often a slow machine makes somebody ask again; that each comes through does not.
    """

    _MOST = 4
    """How often the same datagram is lost at most."""

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        self._loss = loss
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._losses: Counter[bytes] = Counter()
        self.lost = 0

    def loses(self, data: bytes) -> bool:
        """Whether this datagram is lost now."""
        with self._lock:
            lost = self._random.random() < self._loss and self._losses[data] < self._MOST
            self._losses[data] += lost
            self.lost += lost
            return lost


def _nibble(value: int) -> tuple[int, bytes]:
    if value < 13:
        return value, b""
    return (13, bytes((value - 13,))) if value < 269 else (14, struct.pack("!H", value - 269))


def _extended(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    if nibble == 13:
        return data[at] + 13, at + 1
    if nibble == 14:
        return struct.unpack_from("!H", data, at)[0] + 269, at + 2
    assert nibble < 13, data
    return nibble, at
