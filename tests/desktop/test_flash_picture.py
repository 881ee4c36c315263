"""The picture of the flash: slots by the manifest's offsets, images by their files, and all of it in words too."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtGui import QColor, QPalette
from pytestqt.qtbot import QtBot

from common.checked import CheckedImage, CheckedManifest
from common.finding import Role
from common.riotboot import Header
from desktop.bundle import Bundle, PickedFile
from desktop.window.files.flash_picture import FlashPicture, slots_of
from desktop.window.widgets.shades import AMBER, RED, blend, tone

SMALL, LARGE = 60_000, 150_000


def image(role: Role | None, offset: int | None, size: int | None = SMALL) -> CheckedImage:
    return CheckedImage(role, offset, "sha-256", "00", size, None)


def manifest(*images: CheckedImage, number: int = 42, encrypted: bool = False) -> CheckedManifest:
    return CheckedManifest("draft-09", number, None, None, None, ("00",), "absent", (), encrypted, images)


def picked(size: int = SMALL, header: Header | None = None) -> PickedFile:
    return PickedFile(Path("/build/image.bin"), size, "00", b"", 0.0, header, False, (1,))


BOTH = manifest(image(Role.SLOT0, 0x1000), image(Role.SLOT1, 0x20800))
GOOD = Bundle({Role.SLOT0: picked(header=Header(42, 0x1100, 1, 1)), Role.SLOT1: picked(header=Header(42, 0x20900, 1, 1))})


@pytest.fixture
def picture(qtbot: QtBot) -> FlashPicture:
    picture = FlashPicture()
    qtbot.addWidget(picture)
    picture.resize(700, 160)
    picture.show()
    return picture


def colours(picture: FlashPicture) -> list[str]:
    shot = picture._bar.grab().toImage()
    return [QColor(shot.pixel(x, shot.height() * 4 // 5)).name() for x in range(shot.width())]


def test_slots_lie_by_offset_and_end_where_the_next_begins() -> None:
    low, high = slots_of(manifest(image(Role.SLOT0, 0x20800), image(Role.SLOT1, 0x1000)), Bundle())
    assert (low.role, low.offset, low.room) == (Role.SLOT1, 0x1000, 0x1F800)
    assert (high.role, high.offset, high.room) == (Role.SLOT0, 0x20800, 0x1F800)


@pytest.mark.parametrize(
    "said", [None, manifest(), manifest(image(Role.SLOT0, None)), manifest(image(None, 0x1000))], ids=["none", "0", "no", "other"]
)
def test_without_slots_a_sentence_stands_there(picture: FlashPicture, said: CheckedManifest | None) -> None:
    picture.show_images(BOTH, GOOD)
    picture.show_images(said, GOOD)
    assert picture.empty.isVisible()
    assert not picture._bar.isVisible()
    assert not picture.legends
    assert picture.accessibleDescription() == picture.empty.text() != ""


def test_the_words_of_a_good_release(picture: FlashPicture) -> None:
    picture.show_images(BOTH, GOOD)
    assert not picture.empty.isVisible()
    assert [legend.text().splitlines() for legend in picture.legends] == [
        ["slot0 at offset 0x1000", "60.0 kB of 129.0 kB", "header: version 42, starts at 0x1100"],
        ["slot1 at offset 0x20800", "60.0 kB of 129.0 kB", "header: version 42, starts at 0x20900"],
    ]
    assert picture.accessibleDescription().startswith("slot0 at offset 0x1000; 60.0 kB of 129.0 kB; header: version 42")


@pytest.mark.parametrize(
    ("file", "said", "line"),
    [
        (None, BOTH, "no file for it yet; the manifest names 60.0 kB"),
        (None, manifest(image(Role.SLOT0, 0, None)), "no file for it yet"),
        (picked(SMALL + 1), BOTH, "60001 bytes, and the manifest names 60000"),
        (picked(LARGE), BOTH, "21.0 kB too large for its slot"),
        (picked(), BOTH, "no RIOT header"),
        (picked(header=Header(42, 0x1100, 1, 2)), BOTH, "its RIOT header is damaged"),
        (picked(header=Header(41, 0x1100, 1, 1)), BOTH, "header: version 41, and the manifest has 42"),
        (picked(), manifest(image(Role.SLOT0, 0), encrypted=True), "encrypted: its header cannot be read"),
        (picked(), manifest(image(Role.SLOT0, 0)), "60.0 kB"),
    ],
)
def test_what_is_odd_is_said(picture: FlashPicture, file: PickedFile | None, said: CheckedManifest, line: str) -> None:
    picture.show_images(said, Bundle({Role.SLOT0: file} if file else {}))
    assert line in picture.legends[0].text().splitlines()


def test_the_bar_is_to_scale(picture: FlashPicture) -> None:
    picture.show_images(BOTH, GOOD)
    seen, palette = colours(picture), picture.palette()
    filled = blend(palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.Base), 0.35)
    share = sum(colour == filled.name() for colour in seen) / len(seen)
    assert share == pytest.approx(2 * SMALL / 0x40000, abs=0.03)
    assert tone(palette, RED).name() not in seen
    assert tone(palette, AMBER).name() not in seen


@pytest.mark.usefixtures("dark")
def test_what_is_too_large_is_red_and_an_odd_header_amber_in_the_dark_too(picture: FlashPicture) -> None:
    picture.show_images(BOTH, Bundle({Role.SLOT1: picked(LARGE, Header(41, 0x20900, 1, 1))}))
    seen, palette = colours(picture), picture.palette()
    assert tone(palette, RED).name() in seen
    assert tone(palette, AMBER).name() in seen


@pytest.mark.parametrize(
    "said",
    [
        manifest(image(Role.SLOT0, 0, 0)),
        manifest(image(Role.SLOT0, 0x1000), image(Role.SLOT1, 0x1000)),
        manifest(image(Role.SLOT0, 2**62), image(Role.SLOT1, 2**63, 2**63)),
    ],
    ids=["nothing", "twice", "vast"],
)
def test_odd_offsets_are_drawn_somehow(picture: FlashPicture, said: CheckedManifest) -> None:
    picture.show_images(said, GOOD)
    assert not picture.grab().isNull()
    assert picture.legends
