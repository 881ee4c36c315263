"""RIOT's slot headers against the manifest: which start addresses fit which offsets, and whose header is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.finding import Role
from common.preflight import Check, check
from tests.support.made import KEYS, NUMBER, OFFSETS, SLOT0, SLOT1, STARTS, Envelope, files, fitting, found, image

MANIFEST, ZERO, ONE = Role


def one_slot(start: int, offset: int) -> Check:
    """A release of one image that starts there."""
    data = image(start)
    return check(files(Envelope(claimed=(data,), offsets=(offset,)), data), keys=KEYS)


@pytest.mark.parametrize("base", [0, 0x10000, 0x8000000, 0x20400000])
@pytest.mark.parametrize("header", [0x40, 0x100, 0x400, 0x800, 0x1000])
def test_any_flash_base_and_header_length(base: int, header: int) -> None:
    assert found(one_slot(base + 0x2000 + header, 0x2000)) == []


@pytest.mark.parametrize("start", [0x2000, 0x1FFF, 0x100, 0, 0x2020, 0x2041, 0x3040, 0x4000, 0x8002000, 0x8001100])
def test_addresses_that_no_board_has(start: int) -> None:
    result = one_slot(start, 0x2000)
    assert found(result) == [("start-address-offset", ZERO)]
    assert f"slot0 starts at address {start:#x}" in result.findings[0].message


def test_swapped_images_are_looked_at_in_their_own_slots() -> None:
    assert found(check(files(Envelope(), SLOT1, SLOT0), keys=KEYS)) == [("slots-swapped", None)]
    # A manifest that puts each into the other one's slot, and files that are given the other way round.
    crossed = files(Envelope(claimed=(SLOT1, SLOT0)), SLOT0, SLOT1)
    both = [("start-address-offset", ONE), ("start-address-offset", ZERO)]
    assert found(check(crossed, keys=KEYS)) == [("slots-swapped", None), *both]
    assert found(check(files(Envelope(claimed=(SLOT1, SLOT0)), SLOT1, SLOT0), keys=KEYS)) == both[::-1]


def test_without_offsets_only_the_headers_are_compared() -> None:
    same = image(STARTS[0], seed=3)
    assert found(check(files(b"opaque", SLOT0, same))) == [("same-start-address", None), ("not-suit", MANIFEST)]
    assert found(check(files(b"opaque", SLOT0, SLOT1))) == [("not-suit", MANIFEST)]
    assert found(check(files(b"opaque", SLOT0))) == [("not-suit", MANIFEST)]


def test_a_broken_header_is_not_looked_at_further() -> None:
    broken = image(STARTS[0], NUMBER - 9, size=616, checksum=1)
    assert found(check(files(Envelope(claimed=(SLOT0, broken)), SLOT0, broken), keys=KEYS)) == [("header-checksum", ONE)]


def test_a_sequence_number_that_no_header_can_have() -> None:
    result = check(fitting(number=1 << 40), keys=KEYS)
    assert found(result) == [("header-version-mismatch", None)]
    assert f"sequence number {1 << 40}" in result.findings[0].message


def test_a_head_that_was_not_read_says_nothing() -> None:
    whole = fitting()
    unread = replace(whole, images={role: replace(file, head=b"") for role, file in whole.images.items()})
    assert found(check(unread, keys=KEYS)) == []
    assert found(check(files(Envelope(claimed=(b"tiny",), offsets=OFFSETS), b"tiny"), keys=KEYS)) == [("header-missing", ZERO)]
    assert found(check(files(Envelope(claimed=(b"",), offsets=OFFSETS), b""), keys=KEYS)) == [("header-missing", ZERO)]
