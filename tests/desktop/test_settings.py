"""What is remembered comes back in a new process, whatever became of the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PyQt5.QtCore import QByteArray

from desktop.window.settings import RECENT_SETS, Settings

ROOT = Path(__file__).parents[2]


def test_at_first_there_is_nothing() -> None:
    settings = Settings()
    assert settings.servers == ()
    assert settings.server == ""
    assert settings.recent == ()
    assert settings.geometry is None
    assert settings.state is None
    assert settings.devices == ""


def test_the_file_lies_in_the_tests_own_folder(tmp_path: Path) -> None:
    assert tmp_path in Settings().path.parents


def test_the_server_that_is_used_comes_first_and_each_stands_once() -> None:
    settings = Settings()
    for url in ("http://a", "http://b", " http://a ", ""):
        settings.use_server(url)
    assert settings.servers == ("http://a", "http://b")
    assert settings.server == "http://a"
    settings.forget_server("http://a")
    assert settings.servers == ("http://b",)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("http://ann:pw@host:81/ota", "http://host:81/ota"), ("ann:pw@host", "host"), ("http://[fd00::1", "http://[fd00::1")],
)
def test_a_password_is_not_written_down(typed: str, kept: str) -> None:
    settings = Settings()
    settings.use_server(typed)
    assert settings.server == kept
    assert settings.save()
    assert "pw@" not in settings.path.read_text()


def test_recent_are_ten_the_last_first_and_each_once() -> None:
    settings = Settings()
    for number in range(12):
        settings.add_recent([Path(f"/set{number}/a"), Path(f"/set{number}/b")])
    settings.add_recent([Path("/set5/b"), Path("/set5/a")])
    settings.add_recent([])
    sets = settings.recent
    assert len(sets) == RECENT_SETS
    assert sets[0] == (Path("/set5/b"), Path("/set5/a"))
    assert sets[1] == (Path("/set11/a"), Path("/set11/b"))
    assert len({frozenset(one) for one in sets}) == RECENT_SETS
    settings.forget_recent()
    assert settings.recent == ()


def test_all_of_it_comes_back_in_another_process(tmp_path: Path) -> None:
    settings = Settings()
    odd = Path(os.fsdecode(b"/with \xff,; \"quotes\" and \xc3\xbc"))
    settings.servers = ["http://one"]
    settings.add_recent([odd])
    settings.geometry, settings.state = QByteArray(b"\0geometry\xff"), QByteArray(b"state")
    settings.devices = "[fd00::2]/suit/trigger, fe80::2%wpan0"
    assert settings.save()
    program = (
        "import os, sys\nfrom PyQt5.QtCore import QSettings\nfrom desktop.window.settings import Settings\n"
        "QSettings.setPath(QSettings.IniFormat, QSettings.UserScope, sys.argv[1])\ns = Settings()\n"
        "print((s.servers, [[os.fsencode(p) for p in one] for one in s.recent],"
        " bytes(s.geometry), bytes(s.state), s.devices))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "settings")]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=90).stdout
    assert said.strip() == str((
        ("http://one",), [[os.fsencode(odd)]], b"\0geometry\xff", b"state", "[fd00::2]/suit/trigger, fe80::2%wpan0",
    ))


@pytest.mark.parametrize("damage", ["[[[", "{}", "3", "[1, null, {}]", '"text"', "[[1], []]", "[" * 100_000])
def test_damage_is_as_if_nothing_had_been_set(damage: str) -> None:
    settings = Settings()
    for key in ("servers", "recent-sets", "devices", "window/geometry", "window/state"):
        settings._store.setValue(key, damage)
    assert settings.servers == ()
    assert settings.recent == ()
    assert settings.geometry is None
    assert settings.state is None
    assert settings.devices in ("", "text")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("a file where the folder should be")
    settings = Settings()
    settings.use_server("http://a")
    assert not settings.save()
    assert settings.server == "http://a"
