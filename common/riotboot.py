"""A slot image's header, as RIOT's bootloader reads it (sys/include/riotboot/hdr.h)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 16
MAGIC = b"RIOT"
_FIELDS = struct.Struct("<4s3I")


@dataclass(frozen=True, slots=True)
class Header:
    """Its fields, and the checksum that it ought to have."""

    version: int
    """RIOT's APP_VER: the sequence number of the manifest that goes with it."""
    start_address: int
    """Where the image's code begins: flash base + slot offset + header length, in bytes."""
    checksum: int
    expected_checksum: int

    @property
    def intact(self) -> bool:
        """Whether the bootloader takes it for a header."""
        return self.checksum == self.expected_checksum


def parse(head: bytes) -> Header | None:
    """The header in an image's first HEADER_BYTES bytes; None where there is none."""
    if len(head) < HEADER_BYTES or not head.startswith(MAGIC):
        return None
    _, version, start_address, checksum = _FIELDS.unpack_from(head)
    return Header(version, start_address, checksum, fletcher32(head[: HEADER_BYTES - 4]))


def fletcher32(data: bytes) -> int:
    """Fletcher-32 over little-endian u16, both sums starting at 0xffff (RIOT: sys/checksum/fletcher32.c)."""
    first = second = 0xFFFF
    for (word,) in struct.iter_unpack("<H", data):
        first += word
        second += first
        first, second = (first & 0xFFFF) + (first >> 16), (second & 0xFFFF) + (second >> 16)
    first, second = (first & 0xFFFF) + (first >> 16), (second & 0xFFFF) + (second >> 16)
    return second << 16 | first
