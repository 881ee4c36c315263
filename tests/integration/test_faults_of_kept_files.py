"""Each file operation on what the server remembers in small files fails in turn, or is the last one of a killed server.

The server goes on; what stood stands or the new one, never a half; a file that cannot be read is one warning and no more;
nothing is left lying about; and what could not be written is written when the disk is well again.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from server.access.sessions import Sessions
from server.access.token import Right, Token
from server.access.tokens import Known
from server.coap.kept_pins import KeptPins
from server.coap.pins import Pins
from server.firmware.catalogue import Catalogue
from server.firmware.hashes import Hashes, HashFile
from server.firmware.holdings import Holdings
from server.firmware.image import Content, Stamp
from server.firmware.images import Content as Bytes
from server.firmware.latest import Latest
from server.firmware.places import Places
from server.firmware.precedence import Past
from server.steady import Steady
from tests.support.clock import Clock
from tests.support.faults import CHANGES, Faults, failing, kinds

MEMORY = Path("/dev/shm")
"""Where there is one, syncing costs nothing."""
LATER = 3700.0
"""Seconds after which everything is due."""
TOKEN, _ = Token.make("laptop", Right, dt.datetime.now(dt.UTC))
pytestmark = [
    pytest.mark.expects_log("every file is hashed again|it is decided anew|may have to begin anew|people log in again"),
    pytest.mark.expects_log("cannot be remembered in"),
]


class Kept(Protocol):
    """One life of a server, as far as it keeps one of the files; it is made as the server starts."""

    def known(self) -> frozenset[str]:
        """What it remembers."""

    def learn(self, what: str) -> None:
        """It is told something, and writes it down when it is due."""

    def go_on(self) -> None:
        """A while goes by."""


class KeptHashes:
    """The hashes of files, by inode."""

    def __init__(self, path: Path) -> None:
        self.clock, self.hashes = Clock(), Hashes()
        self.file = HashFile(path, Path("/srv/firmware"), self.hashes, self.clock)
        self.file.load()

    def known(self) -> frozenset[str]:
        return frozenset(content.head.decode().strip() for content in self.hashes.copy().values())

    def learn(self, what: str) -> None:
        self.hashes.learn(Stamp(len(what), 5000, 1, 1), Content("ab" * 32, what.ljust(16).encode()))
        self.file.save_when_due()

    def go_on(self) -> None:
        self.clock.now += LATER
        self.file.save_when_due()


class KeptHolders:
    """Who holds which path."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.holdings = Holdings(path, Path("/srv/firmware"), self.clock)
        self.catalogue = Catalogue(places=self.holdings.load())

    def known(self) -> frozenset[str]:
        return frozenset(self.catalogue.latest.left)

    def learn(self, what: str) -> None:
        left = {**self.catalogue.latest.left, what: Past(f"{what}/1", ("vendor", "class"), 3, self.clock())}
        self.catalogue = Catalogue(places=Places(latest=Latest(left=left)))
        self.holdings.save_when_due(self.catalogue)

    def go_on(self) -> None:
        self.clock.now += LATER
        self.holdings.save_when_due(self.catalogue)


class KeptTransfers:
    """Which transfer is about which image."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.pins = Pins(self.clock, 100, 1 << 20)
        self.kept = KeptPins(path, self.pins, lambda: 1000.0)
        self.kept.restore()

    def known(self) -> frozenset[str]:
        return frozenset(pin.path for pin in self.pins.all())

    def learn(self, what: str) -> None:
        self.pins.set(bytes(28), what, Bytes(bytes(100), "ab" * 32, b"etag"), 1)
        self.kept.save_when_due()

    def go_on(self) -> None:
        self.clock.now += 10
        self.kept.save_when_due()


class KeptSessions:
    """Who is logged in: `SESSIONS` has the texts that browsers keep."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.sessions = Sessions(path, Steady(self.clock, self.clock))

    def known(self) -> frozenset[str]:
        return frozenset(what for what, text in BROWSERS.items() if self.sessions.token(text, Known((TOKEN,))))

    def learn(self, what: str) -> None:
        BROWSERS[what] = self.sessions.begin(TOKEN)

    def go_on(self) -> None:
        self.clock.now += 61
        for text in BROWSERS.values():
            self.sessions.use(text)


BROWSERS: dict[str, str] = {}
"""What each browser keeps of its session."""
KINDS: dict[str, type[Kept]] = {
    "hashes": KeptHashes, "holders": KeptHolders, "transfers": KeptTransfers, "sessions": KeptSessions
}  # fmt: skip
OLD, NEW = frozenset({"a"}), frozenset({"a", "bb"})


class Trial:
    """One of the files in a folder of its own, over and over."""

    def __init__(self, name: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.kind, self.path, self._caplog = KINDS[name], folder / name, caplog
        BROWSERS.clear()
        self.kind(self.path).learn("a")
        self._old = self.path.read_bytes()
        assert self.read() == OLD

    def fresh(self) -> Kept:
        """A server that started where the old file is."""
        for left in self.path.parent.iterdir():
            left.unlink()
        self.path.write_bytes(self._old)
        self.path.chmod(0o600)
        kept = self.kind(self.path)
        self._caplog.clear()
        return kept

    def read(self) -> frozenset[str]:
        """What a server remembers that starts now."""
        return self.kind(self.path).known()

    @property
    def warnings(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records if record.levelno >= logging.WARNING]

    def complaints_of_start(self) -> Iterator[str]:
        """What is wrong with what the next server finds."""
        self._caplog.clear()
        if (found := self.read()) not in (OLD, NEW):
            yield f"{set(found)} is remembered"
        if self.warnings:
            yield f"the next start says {self.warnings}"
        if len(left := list(self.path.parent.iterdir())) > 2:
            yield f"{left} are left"

    def complaints_of_the_end(self) -> Iterator[str]:
        """What is wrong when the disk is well again and the server goes on."""
        if (found := self.read()) != NEW:
            yield f"{set(found)} is written down then"
        if (left := [path.name for path in self.path.parent.iterdir()]) != [self.path.name]:
            yield f"{left} are left then"


@pytest.fixture
def trial(request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Trial]:
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        yield Trial(request.param, Path(folder), caplog)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("trial", KINDS, indirect=True)
def test_each_operation_of_writing_fails_in_turn(trial: Trial, long: bool) -> None:
    wrong: list[str] = []
    for number in itertools.count(1):
        for faults in kinds(number, long):
            kept, before = trial.fresh(), descriptors()
            with failing(faults):
                kept.learn("bb")
            found = [f"{trial.warnings} is said"] if len(trial.warnings) > 1 else []
            if descriptors() != before:
                found.append("a descriptor is left open")
            found += trial.complaints_of_start()
            kept.go_on()
            found += trial.complaints_of_the_end()
            wrong += [f"{faults.at}{' and from then on' if faults.lasting else ''}: {text}" for text in found]
        if not faults.at:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 5


@pytest.mark.parametrize("trial", KINDS, indirect=True)
def test_each_operation_of_reading_fails_in_turn(trial: Trial, caplog: pytest.LogCaptureFixture, long: bool) -> None:
    wrong: list[str] = []
    for number in itertools.count(1):
        for faults in kinds(number, long):
            trial.fresh()
            before, content = descriptors(), trial.path.read_bytes()
            with failing(faults):
                kept = trial.kind(trial.path)
                found = kept.known()
            if found not in (OLD, frozenset()):
                wrong.append(f"{faults.at}: {set(found)} is remembered")
            if len(trial.warnings) != (found != OLD):
                wrong.append(f"{faults.at}: {set(found)} is remembered, and {trial.warnings} said")
            if descriptors() != before or trial.path.read_bytes() != content:
                wrong.append(f"{faults.at}: a descriptor is left open, or the file is another one")
            caplog.clear()
            if trial.read() != OLD or trial.warnings:
                wrong.append(f"{faults.at}: the start after that does not have it")
        if not faults.at:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 3


@pytest.mark.parametrize("trial", KINDS, indirect=True)
def test_a_kill_at_each_operation_leaves_the_old_file_or_the_new_one(trial: Trial) -> None:
    wrong: list[str] = []
    for number in itertools.count(1):
        kept = trial.fresh()
        child = os.fork()
        if child == 0:
            try:
                with failing(Faults(number, instead=lambda: os._exit(1), only=CHANGES, half=True)):
                    kept.learn("bb")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        found = list(trial.complaints_of_start())
        after = trial.kind(trial.path)
        after.learn("bb")
        found += trial.complaints_of_the_end()
        wrong += [f"killed before operation {number}: {text}" for text in found]
        if status == 0:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 4


@pytest.mark.parametrize("trial", KINDS, indirect=True)
def test_a_part_of_a_file_is_none(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    whole = trial.path.read_bytes()
    for length in range(len(whole)):
        for part in (whole[:length], whole[:length].ljust(len(whole), b"\0")):
            if part.strip() == whole.strip():
                continue
            trial.path.write_bytes(part)
            caplog.clear()
            assert (trial.read(), len(trial.warnings)) == (frozenset(), 1), part


def test_who_logged_out_is_not_back_after_a_kill(tmp_path: Path, caplog: pytest.LogCaptureFixture, long: bool) -> None:
    caplog.set_level(logging.INFO)
    trial = Trial("sessions", tmp_path, caplog)
    for number in itertools.count(1):
        for faults in kinds(number, long):
            kept = trial.fresh()
            assert isinstance(kept, KeptSessions)
            with failing(faults):
                kept.sessions.end(BROWSERS["a"])
            if not faults.lasting:  # or nothing can be done about the file
                assert trial.read() == frozenset(), faults.at
        if not faults.at:
            return
