"""What a rehearsal device checks, in which order, with which number."""

from __future__ import annotations

from typing import Any

import pytest

from server.rehearsal.checks import Unfit, Wanted, check_image, check_manifest
from server.rehearsal.flash import Flash
from tests.support import made, suit
from tests.support.made import KEYS, NUMBER, OFFSETS, SLOT0, SLOT1, STRANGER

BOARD = "made-board"
WANTED = Wanted(BOARD, OFFSETS[1], 1, KEYS.fits)


def number_of(data: bytes, wanted: Wanted = WANTED) -> int:
    with pytest.raises(Unfit) as caught:
        check_manifest(data, wanted)
    return caught.value.number


def test_the_image_for_the_inactive_slot_is_chosen() -> None:
    manifest, image = check_manifest(bytes(made.Envelope()), WANTED)
    assert (manifest.sequence_number, image.offset, image.uri) == (NUMBER, OFFSETS[1], made.URIS[1])
    check_image(SLOT1, manifest, image)


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"padding": 300}, -1),
        ({"signer": None}, -6),
        ({"signer": STRANGER}, -6),
        ({"tampered": True}, -6),
        ({"number": 1}, -5),
        ({"offsets": (0x1000, 0x30000)}, -4),
        ({"uris": (None, None)}, -1),
    ],
)
def test_what_is_wrong_has_riots_number(changes: dict[str, Any], number: int) -> None:
    assert number_of(bytes(made.Envelope(**changes))) == number


def test_the_first_check_that_fails_is_told() -> None:
    other = Wanted("another", 0, NUMBER, KEYS.fits)
    assert number_of(bytes(made.Envelope(signer=STRANGER)), other) == -6
    assert number_of(bytes(made.Envelope()), other) == -5
    assert number_of(bytes(made.Envelope()), Wanted("another", OFFSETS[1], 1)) == -4


def test_what_is_no_manifest_cannot_be_read() -> None:
    assert number_of(b"opaque") == number_of(b"\xa2\x02\x40") == -1


@pytest.mark.parametrize(
    ("version", "spoil", "number"), [(NUMBER, b"", -7), (NUMBER, None, -1), (NUMBER + 1, b"same", -7)]
)
def test_an_image_that_is_another_one(version: int, spoil: bytes | None, number: int) -> None:
    image = made.image(made.STARTS[1], version)
    manifest, claim = check_manifest(bytes(made.Envelope(claimed=(SLOT0, image))), WANTED)
    body = image if spoil == b"same" else image[:-1] if spoil is None else image[:-1] + bytes((image[-1] ^ 1,))
    with pytest.raises(Unfit) as caught:
        check_image(body, manifest, claim)
    assert caught.value.number == number


def test_a_reboot_starts_the_highest_version() -> None:
    flash = Flash(OFFSETS, 1)
    flash.boot()
    assert (flash.active, flash.version, flash.offset) == (0, 1, OFFSETS[1])
    assert flash.write(b"no header" * 3) is None
    assert flash.write(SLOT1) is not None
    assert (flash.active, flash.highest) == (0, NUMBER)
    flash.boot()
    assert (flash.active, flash.version, flash.offset) == (1, NUMBER, OFFSETS[0])
    flash.erase()
    flash.boot()
    assert flash.active == 1


def test_another_vendor_is_refused() -> None:
    slots = [suit.Slot(SLOT0, OFFSETS[0], made.URIS[0]), suit.Slot(SLOT1, OFFSETS[1], made.URIS[1])]
    data = suit.draft_09(suit.riot_body(slots, NUMBER, "b", "elsewhere.org"), made.SIGNER)
    assert number_of(data, Wanted("b", OFFSETS[1], 1)) == -4
