"""The names that other programs make while they copy."""

from __future__ import annotations

import pytest

from server.firmware.copying import about_conflict, arriving_as


@pytest.mark.parametrize(
    ("name", "final"),
    [
        (".syncthing.slot0.tmp", "slot0"),
        (".syncthing.slot0.1700000100.bin.tmp", "slot0.1700000100.bin"),
        (".slot1.AbC123", "slot1"),
        (".slot0.1700000100.bin.x9Y8z7", "slot0.1700000100.bin"),
        (".slot1.swp", None),
        (".forced.1700000100", None),
        ("slot1", None),
    ],
)
def test_the_name_that_a_file_will_have(name: str, final: str | None) -> None:
    assert arriving_as(name) == final


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("slot0.sync-conflict-20261123-155109-J35G5MY", "'slot0'"),
        ("riot.suit.17.sync-conflict-20261123-155109-J35G5MY.bin", "'riot.suit.17.bin'"),
        ("slot0.sync-conflict-20261123-155109.bin", "'slot0.bin'"),
        ("slot0.sync-conflict-by-hand", "the file that it is a copy of"),
    ],
)
def test_a_conflict_names_the_file_and_what_to_do(name: str, original: str) -> None:
    message = about_conflict(name)
    assert f"changed {original} at the same time" in message
    assert "rename it to that name, else delete it" in message
