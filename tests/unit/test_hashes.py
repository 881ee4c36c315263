"""Hashes that are remembered from one start to the next, and whatever may have become of their file."""

from __future__ import annotations

import logging
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from server.firmware import hashes as module
from server.firmware.hashes import PAUSE, PAUSE_FAILED, Hashes, HashFile
from server.firmware.image import Content, Stamp

FOLDER = Path("/srv/firmware")
NOT_USED = "every file is hashed again"
NOT_WRITTEN = "the hashes cannot be remembered"


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def stamp(number: int) -> Stamp:
    return Stamp(number, 5000, 1_700_000_000_000_000_000 + number, -number)


def content(number: int) -> Content:
    return Content(f"{number:064x}", bytes(range(number, number + 16)))


def known(*numbers: int) -> Hashes:
    hashes = Hashes()
    for number in numbers:
        hashes.learn(stamp(number), content(number))
    return hashes


def loaded(path: Path, folder: Path = FOLDER) -> dict[Stamp, Content]:
    hashes = Hashes()
    HashFile(path, folder, hashes, Clock()).load()
    return hashes.copy()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hashes"


def test_there_and_back(path: Path) -> None:
    HashFile(path, FOLDER, known(1, 2, 3), Clock()).save()
    assert loaded(path) == {stamp(n): content(n) for n in (1, 2, 3)}
    assert [p.name for p in path.parent.iterdir()] == ["hashes"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_nothing_to_speak_of(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert loaded(path) == {}
    assert caplog.records == []


def test_what_is_known_by_now_stands(path: Path) -> None:
    HashFile(path, FOLDER, known(1), Clock()).save()
    hashes = Hashes()
    hashes.learn(stamp(1), content(99))
    HashFile(path, FOLDER, hashes, Clock()).load()
    assert hashes.get(stamp(1)) == content(99)


def test_it_is_written_when_something_was_learnt_and_not_too_often(path: Path) -> None:
    clock, hashes = Clock(), known(1)
    file = HashFile(path, FOLDER, hashes, clock)
    file.save_when_due()
    assert loaded(path).keys() == {stamp(1)}
    hashes.learn(stamp(2), content(2))
    file.save_when_due()
    assert loaded(path).keys() == {stamp(1)}
    clock.now += PAUSE
    file.save_when_due()
    assert loaded(path).keys() == {stamp(1), stamp(2)}
    hashes.learn(stamp(3), content(3))
    file.save()
    assert len(loaded(path)) == 3
    before = path.stat()
    hashes.forget([stamp(1)])
    file.save()
    assert path.stat() == before


def test_what_was_loaded_is_not_written_again(path: Path) -> None:
    HashFile(path, FOLDER, known(1), Clock()).save()
    before, hashes = path.stat(), Hashes()
    file = HashFile(path, FOLDER, hashes, Clock())
    file.load()
    file.save()
    assert path.stat() == before


def test_it_is_bounded_and_the_latest_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 3)
    HashFile(path, FOLDER, known(1, 2, 3, 4, 5), Clock()).save()
    assert loaded(path).keys() == {stamp(3), stamp(4), stamp(5)}


def test_a_time_that_does_not_fit_is_left_out(path: Path) -> None:
    hashes = known(1)
    hashes.learn(Stamp(2, 1, 1 << 63, 0), content(2))
    HashFile(path, FOLDER, hashes, Clock()).save()
    assert loaded(path).keys() == {stamp(1)}


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


def _replace(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


ODD: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text('{"version_42/slot0": {"sha256": 7}}'),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a flipped bit": _flip,
    "cut off": lambda path: os.truncate(path, path.stat().st_size - 1),
    "cut off after a record": lambda path: os.truncate(path, path.stat().st_size - 80),
    "its head alone": lambda path: os.truncate(path, 30),
    "a record more": lambda path: path.write_bytes(path.read_bytes() + bytes(80)),
    "endless": lambda path: os.truncate(path, 1 << 40),
    "writable by others": lambda path: path.chmod(0o666),
    "a pipe": _replace(os.mkfifo),
    "a link": lambda path: (path.rename(path.with_name("real")), path.symlink_to("real")),
    "a folder": _replace(os.mkdir),
}


@pytest.mark.expects_log(NOT_USED)
@pytest.mark.parametrize("odd", ODD)
def test_a_file_that_is_none_of_ours_is_ignored_with_one_line_and_made_again(
    path: Path, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    HashFile(path, FOLDER, known(1, 2), Clock()).save()
    ODD[odd](path)
    assert loaded(path) == {}
    [record] = caplog.records
    assert (record.levelname, NOT_USED in record.getMessage()) == ("WARNING", True)
    if path.is_dir():
        path.rmdir()
    HashFile(path, FOLDER, known(1), Clock()).save()
    assert loaded(path).keys() == {stamp(1)}


def test_it_holds_for_one_firmware_folder_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    HashFile(path, FOLDER, known(1), Clock()).save()
    assert loaded(path, Path("/srv/other")) == {}
    assert f"(they are of another firmware folder): {NOT_USED}" in caplog.text
    path.write_bytes(path.read_bytes().replace(b"hashes 3", b"hashes 2"))
    assert loaded(path) == {}
    assert f"(they are of another version): {NOT_USED}" in caplog.text
    assert {record.levelname for record in caplog.records} == {"INFO"}


@contextmanager
def no_room(_: Path) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def no_folder(path: Path) -> Iterator[None]:
    shutil.rmtree(path.parent)
    yield
    path.parent.mkdir()


@contextmanager
def something_in_the_way(path: Path) -> Iterator[None]:
    beside = path.with_name("hashes.new")
    beside.mkdir()
    yield
    beside.rmdir()


@pytest.mark.expects_log(NOT_WRITTEN)
@pytest.mark.parametrize("trouble", [no_room, no_folder, something_in_the_way])
def test_what_cannot_be_written_costs_one_line(
    path: Path, trouble: Callable[[Path], AbstractContextManager[None]], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    file = HashFile(path, FOLDER, known(1), clock)
    with trouble(path):
        for _ in range(3):
            file.save_when_due()
            clock.now += PAUSE_FAILED
        file.save()
        assert not path.exists()
    assert [r.levelname for r in caplog.records if NOT_WRITTEN in r.getMessage()] == ["WARNING"]
    file.save_when_due()
    clock.now += PAUSE_FAILED
    file.save_when_due()
    assert loaded(path).keys() == {stamp(1)}
    assert [p.name for p in path.parent.iterdir()] == ["hashes"]
