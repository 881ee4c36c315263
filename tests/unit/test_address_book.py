"""The devices that are kept by name: changes, the file, CSV to and fro."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ConfigError, StoreFull
from desktop import address_book
from desktop.address_book import MAX_SAID, AddressBook, Device, from_csv, load, save

LAMP = Device("Lamp", "[fd00::2]/suit/trigger", "hall", "by the door")
DOOR = Device("Door", "[fe80::2%wpan0]/suit/trigger", "hall", "")
PUMP = Device("Pump", "10.0.0.7:5684/fw", "cellar", "Größe 7")
BOOK = AddressBook((LAMP, DOOR, PUMP))
WORDS = st.text(st.characters(min_codepoint=33, blacklist_categories=("C", "Z")), max_size=12)


def test_changes() -> None:
    assert AddressBook().add(LAMP).add(DOOR).add(PUMP) == BOOK
    other = Device("Lamp 2", "coap://[fd00:0::2]:5683/suit/trigger")
    assert BOOK.holding(other.url) == LAMP
    assert BOOK.add(other).devices == (other, DOOR, PUMP)
    assert BOOK.replace(DOOR, other).devices == (LAMP, other, PUMP)
    assert BOOK.replace(other, LAMP) is BOOK
    assert BOOK.remove(DOOR).devices == (LAMP, PUMP)
    assert BOOK.remove([DOOR, PUMP, other]).devices == (LAMP,)
    assert len(BOOK) == 3
    empty = Device("", "")
    assert len(BOOK.add(empty).add(Device("", "", "new"))) == 5
    assert BOOK.merged(AddressBook((other, DOOR))).devices == (other, DOOR, PUMP)


def test_filter() -> None:
    assert BOOK.filter("HALL").devices == (LAMP, DOOR)
    assert BOOK.filter("hall wpan0").devices == (DOOR,)
    assert BOOK.filter("größe").devices == (PUMP,)
    assert BOOK.filter("") == BOOK
    assert not BOOK.filter("nothing").devices


def test_the_file_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "devices.json"
    assert load(path) == AddressBook()
    save(BOOK, path)
    assert load(path) == BOOK

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFull, match="No space left"):
        save(AddressBook(), path)
    assert load(path) == BOOK
    assert os.listdir(path.parent) == ["devices.json"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'{"devices": 5}', b'{"devices": [5]}', b'{"devices": [{"name": "a"}]}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_damaged_file_is_kept(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "devices.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"devices\.json\.damaged"):
        load(path)
    assert (tmp_path / "devices.json.damaged").read_bytes() == data
    assert load(path) == AddressBook()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(StoreFull):
        save(BOOK, tmp_path / "x" / ".." / ".." / tmp_path.name)


def test_unknown_keys_of_a_newer_file_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "devices.json"
    path.write_text('{"version": 2, "devices": [{"name": "a", "url": "b", "colour": 5}]}')
    assert load(path).devices == (Device("a", "b"),)


def test_csv_to_and_fro() -> None:
    assert BOOK.to_csv().splitlines()[0] == "name,url,group,note"
    assert from_csv(BOOK.to_csv()) == (BOOK, ())


@given(WORDS, WORDS, WORDS)
def test_every_text_survives_csv(name: str, group: str, note: str) -> None:
    book = AddressBook((Device(name, LAMP.url, group, note),))
    assert from_csv(book.to_csv()) == (book, ())


def test_a_spreadsheet_carries_nothing_out() -> None:
    text = AddressBook((Device('=HYPERLINK("x")', LAMP.url, "+1", "@a"),)).to_csv()
    assert not any(cell.startswith(("=", "+", "@")) for cell in text.replace('"', "").split(","))


@pytest.mark.parametrize(
    "text",
    [
        "fd00::2\n10.0.0.7\n",
        "\ufeffURL;Note;Name\r\nfd00::2;;\r\n10.0.0.7;;\r\n",
        "device url\tname\nfd00::2\t\n10.0.0.7\t\n",
        ",[fd00::2]/suit/trigger\n\n,10.0.0.7,,\n",
    ],
)
def test_csv_as_others_write_it(text: str) -> None:
    book, said = from_csv(text)
    assert [d.url for d in book.devices] == ["[fd00::2]/suit/trigger", "10.0.0.7/suit/trigger"]
    assert not said


def test_lines_that_are_left_out_are_named() -> None:
    book, said = from_csv("name,url\na,fd00::2\nb,http://x\nc,\nd,[fd00:0::2]\n")
    assert [d.name for d in book.devices] == ["a"]
    assert [line.split(" was")[0] for line in said] == ["Line 3", "Line 4", "Line 5"]
    assert "only coap is known" in said[0]
    _, said = from_csv("url\n" + "http://x\n" * 100)
    assert len(said) == MAX_SAID + 1
    assert "80 more lines" in said[-1]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "name,url,group,note\n", "x" * 90_000, "x" * 200_000, "url\n" + "y" * 200_000, "\0"]
)
def test_csv_that_is_none(text: str) -> None:
    book, said = from_csv(text)
    assert not book.devices
    assert len(said) == 1
    assert len(said[0]) < 400


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_book, "MAX_DEVICES", 2)
    book, said = from_csv("url\nfd00::1\nfd00::2\nfd00::3\nfd00::4\n")
    assert len(book) == 2
    assert said == ("From line 4 on nothing was read: the book takes 2 devices.",)
    monkeypatch.setattr(address_book, "MAX_BYTES", 10)
    assert "was not read" in from_csv("url\nfd00::1")[1][0]


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    from_csv(text)
