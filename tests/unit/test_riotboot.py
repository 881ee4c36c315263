"""RIOT's slot header: the samples' images carry real ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from common import riotboot

BOARD = Path(__file__).parents[1] / "samples" / "riot" / "fw" / "sample" / "samr21-xpro"


@pytest.mark.parametrize("version", [1700000100, 1700000200])
def test_the_samples(version: int) -> None:
    slots = [riotboot.parse((BOARD / f"slot{number}.{version}.bin").read_bytes()) for number in (0, 1)]
    for header in slots:
        assert header is not None
        assert (header.version, header.intact) == (version, True)
    first, second = slots
    assert first is not None
    assert second is not None
    assert second.start_address - first.start_address == 133120 - 4096


@pytest.mark.parametrize("head", [b"", b"RIOT", b"RIOT" + bytes(11), b"TOIR" + bytes(12), b"\x7fELF" + bytes(60)])
def test_no_header(head: bytes) -> None:
    assert riotboot.parse(head) is None


@pytest.mark.parametrize("place", range(4, 16))
def test_a_flipped_bit_breaks_it(place: int) -> None:
    head = bytearray((BOARD / "slot0.1700000100.bin").read_bytes()[: riotboot.HEADER_BYTES])
    head[place] ^= 1
    header = riotboot.parse(bytes(head))
    assert header is not None
    assert not header.intact


def test_what_follows_the_header_does_not_matter() -> None:
    data = (BOARD / "slot0.1700000100.bin").read_bytes()
    assert riotboot.parse(data) == riotboot.parse(data[: riotboot.HEADER_BYTES])


def plain_fletcher32(data: bytes) -> int:
    """By the definition: both sums modulo 65535, from 65535 on (which is 0, written as it is)."""
    first = second = 0
    for (word,) in struct.iter_unpack("<H", data):
        first = (first + word) % 65535
        second = (second + first) % 65535
    return (second or 65535) << 16 | (first or 65535)


@pytest.mark.parametrize(
    ("data", "checksum"),
    [(b"abcdef", 0x56502D2A), (b"abcdefgh", 0xEBE19591), (b"", 0xFFFFFFFF), (bytes(12), 0xFFFFFFFF), (b"\xff" * 12, 0xFFFFFFFF)],
)
def test_fletcher32(data: bytes, checksum: int) -> None:
    # The first two are the usual test vectors: a sum that begins at 0xffff is one that begins at 0, modulo 65535.
    assert riotboot.fletcher32(data) == checksum == plain_fletcher32(data)


def test_fletcher32_is_the_definitions() -> None:
    for seed in range(200):
        data = bytes((seed * 31 + place * place * 7) % 256 for place in range(12))
        assert riotboot.fletcher32(data) == plain_fletcher32(data)
