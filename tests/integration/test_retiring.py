"""Releases that go by themselves, out of a real folder and into a real history; only time and need are made up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from common.errors import StoreFull
from server.firmware.catalogue import Catalogue
from server.firmware.publishing import Publisher
from server.firmware.retention import Limits, Uses
from server.fleet.record.database import Database
from server.fleet.record.history import SCHEMA, History
from server.fleet.retiring import AGAIN, HOUR, Retiring, hour_of, size_of
from server.steady import Steady
from tests.support import documents
from tests.support.clock import Clock
from tests.support.coap import Parts, make_parts, settle
from tests.support.releases import suit_release, write_release
from tests.waiting import wait_until


@dataclass
class Folder:
    """A firmware folder with what watches it; `used` and `refuses` are up to the test."""

    parts: Parts
    history: History
    clock: Clock = field(default_factory=Clock)
    used: dict[str, str] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    step: float = 0.0
    """Seconds that each removal takes."""

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.parts.store, self.parts.live)

    def retiring(self, **limits: int) -> Retiring:
        return Retiring(Limits(**limits), self.parts.live, self.uses, self.remove, self.history, self.clock)

    def uses(self, current: Catalogue) -> Uses:
        return Uses(self.used, {r.publish_id for r in current.latest.holders.values()})

    def remove(self, publish_id: str) -> None:
        self.clock.now += self.step
        if publish_id in self.refuses:
            raise StoreFull("It may not be removed.")
        self.publisher.remove(publish_id)

    @property
    def left(self) -> set[str]:
        return set(self.parts.live.current.by_id)

    @property
    def problems(self) -> list[tuple[str, str]]:
        return [(problem.path, problem.message) for problem in self.parts.live.current.problems]


Make = Callable[[int], Folder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A folder with this many releases for one board."""
    database = Database(tmp_path / "history.db", SCHEMA, pytest.fail, retry=0.05)
    database.start()

    def made(count: int) -> Folder:
        for number in range(1, count + 1):
            suit_release(tmp_path / "fw" / f"v{number}", number, seed=number)
        history = History(database, Steady(Clock(), Clock()), 90)
        history.start()
        return Folder(make_parts(tmp_path / "fw"), history)

    yield made
    database.stop()


def numbered(*numbers: int) -> set[str]:
    return {f"v{number}" for number in numbers}


def test_each_one_that_goes_is_in_the_history_and_in_the_log_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    folder = make(5)
    folder.used = {"v2": "a device has it"}
    with caplog.at_level("INFO"):
        retiring = folder.retiring(keep=2)
        retiring.beat()
    assert folder.left == numbered(2, 4, 5)
    assert not (folder.parts.store.root / "v1").exists()
    wait_until(lambda: len(folder.history.since().events) == 2)
    told = [(e.kind, e.who, e.publish_id, e.what, e.details["limit"]) for e in folder.history.since().events]
    why = "2 newer for its vendor and class are ready (--keep 2)."
    assert told == [("retired", "retention", name, f"Removed {name}: {why}", "keep") for name in ("v1", "v3")]
    assert [r.getMessage() for r in caplog.records if "removed" in r.getMessage()] == [
        f"removed {name!r}: {why}" for name in ("v1", "v3")
    ]
    assert retiring.removed == {"keep": 2}
    folder.used = {}
    retiring.beat()
    assert folder.left == numbered(2, 4, 5), "the catalogue is the same"
    folder.clock.now += AGAIN
    retiring.beat()
    assert folder.left == numbered(4, 5), "nobody needs it any more"


@pytest.mark.expects_log("It may not be removed")
def test_one_that_cannot_be_removed_is_told_and_tried_again_and_holds_up_no_other(make: Make) -> None:
    folder = make(4)
    folder.refuses = {"v1"}
    retiring = folder.retiring(keep=1)
    retiring.beat()
    assert folder.left == numbered(1, 4)
    told = [("v1", "It should go by --keep, and cannot be removed. It may not be removed.")]
    assert folder.problems == told
    number = folder.parts.live.current.number
    folder.clock.now += AGAIN
    retiring.beat()
    assert (folder.problems, folder.parts.live.current.number) == (told, number), "it is told once"
    folder.refuses = set()
    settle(folder.parts.live)
    assert folder.problems == told, "a look at the folder does not forget it"
    folder.clock.now += AGAIN
    retiring.beat()
    assert (folder.left, folder.problems) == (numbered(4), [])


def old_copy(folder: Folder, number: int) -> None:
    """As `cp -a` brings a release of 2020 without vendor and class."""
    at = folder.parts.store.root / f"old{number}"
    write_release(at, number)
    for file in at.iterdir():
        os.utime(file, (1.6e9 + number, 1.6e9 + number))
    settle(folder.parts.live)


def test_one_that_has_just_come_is_not_the_oldest_whatever_its_modification_times_say(make: Make) -> None:
    folder = make(0)
    for number in (1, 2, 3):
        write_release(folder.parts.store.root / f"v{number}", number)
        os.utime(folder.parts.store.root / f"v{number}" / "manifest", (1.7e9 + number, 1.7e9 + number))
    settle(folder.parts.live)
    retiring = folder.retiring(quota=size_of(folder.parts.live.current) + 100)
    retiring.beat()
    folder.clock.now += 1
    old_copy(folder, 4)
    retiring.beat()
    assert folder.left == {"v2", "v3", "old4"}, "what was there goes by its modification time"
    folder.clock.now += 1
    folder.used = dict.fromkeys(folder.left - {"old4"}, "a device has it")
    old_copy(folder, 3)
    retiring.beat()
    assert folder.left == {"v2", "v3", "old3"}, "the one that came last stays, though it is older"


def test_when_it_came_is_known_after_a_start_too(make: Make) -> None:
    folder = make(0)
    before = time.time_ns() // HOUR
    old_copy(folder, 1)
    current = folder.parts.live.current
    assert before <= hour_of(current, current.by_id["old1"]) <= time.time_ns() // HOUR


@pytest.mark.expects_log("its quota is 100")
def test_a_quota_that_cannot_be_met_is_told_until_it_is(make: Make) -> None:
    folder = make(3)
    (folder.parts.store.root / "notes.txt").write_bytes(bytes(5000))
    settle(folder.parts.live)
    folder.used = {"v1": "a device has it"}
    retiring = folder.retiring(quota=100)
    retiring.beat()
    assert folder.left == numbered(1, 3)
    [(path, message)] = folder.problems
    assert path == ""
    assert "v1 (a device has it)" in message
    assert "5000 bytes are of no release" in message
    assert (folder.parts.store.root / "notes.txt").exists()
    folder.used = {}
    folder.clock.now += AGAIN
    retiring.beat()
    assert folder.left == numbered(3)
    assert retiring.size == size_of(folder.parts.live.current) > 5000


def test_many_are_removed_in_the_course_of_some_beats(make: Make) -> None:
    folder = make(6)
    folder.step = 0.15
    retiring = folder.retiring(keep=1)
    retiring.beat()
    assert folder.left == numbered(3, 4, 5, 6)
    folder.step = 100.0
    retiring.beat()
    assert folder.left == numbered(4, 5, 6), "one goes, however long it takes"
    folder.step = 0.0
    retiring.beat()
    assert folder.left == numbered(6)


@pytest.mark.expects_log("what devices use is not known")
def test_nothing_goes_while_it_is_not_known_who_needs_it(make: Make) -> None:
    folder = make(3)
    retiring = folder.retiring(keep=1)
    retiring.knows = False
    retiring.beat()
    assert folder.left == numbered(1, 2, 3)
    assert [path for path, _ in folder.problems] == [""]


@contextmanager
def without_room(folder: Folder, path: Path) -> Iterator[None]:
    """Nothing can be recorded: the file's place is taken."""
    os.rename(path, path.with_suffix(".away"))
    path.mkdir()
    folder.history.record("k", "lost")
    wait_until(lambda: folder.history.trouble)
    yield
    path.rmdir()
    os.rename(path.with_suffix(".away"), path)
    wait_until(lambda: not folder.history.trouble)


@pytest.mark.expects_log("cannot be recorded")
def test_nothing_goes_that_cannot_be_written_down(make: Make, tmp_path: Path) -> None:
    folder = make(3)
    retiring = folder.retiring(keep=1)
    with without_room(folder, tmp_path / "history.db"):
        retiring.beat()
        assert folder.left == numbered(1, 2, 3)
    retiring.beat()
    assert folder.left == numbered(3)


@pytest.mark.expects_log("more than --max-image-size")
def test_what_the_folder_holds_is_counted_once(make: Make) -> None:
    folder = make(1)
    root = folder.parts.store.root
    data = write_release(root / "plain")
    os.link(root / "plain" / "slot0", root / "plain.bin")
    with (root / "large").open("wb") as file:
        file.truncate((16 << 20) + 1)
    settle(folder.parts.live)
    release = folder.parts.live.current.by_id["v1"]
    assert size_of(folder.parts.live.current) == release.size + sum(map(len, data.values())) + (16 << 20) + 1


NOT_COUNTED = {
    ".stversions/old": "`.stversions`",
    ".staging/half": "`.staging`",
    "slot0~": "`*~`",
    "slot0.part": "`*.part`",
    "slot0.filepart": "`*.filepart`",
    "slot0.sync-conflict-20260101-010101-ABCDEFG": "conflict copies",
    os.fsdecode(b"slot\xff"): "names that are not UTF-8",
}
"""What lies there, and how the README calls it."""


@pytest.mark.expects_log("rename")
def test_what_is_not_counted_is_what_the_readme_names(make: Make) -> None:
    folder = make(1)
    before = size_of(folder.parts.live.current)
    for name in NOT_COUNTED:
        path = folder.parts.store.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(10_000))
    settle(folder.parts.live)
    assert size_of(folder.parts.live.current) == before
    said = documents.section("What is removed by itself").partition("Not counted is")[2].partition("Whatever is set")[0]
    assert [called for called in NOT_COUNTED.values() if called not in said] == []
