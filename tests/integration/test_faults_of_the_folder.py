"""Each file operation of each act on the firmware folder fails in turn, or is the last one of a killed server.

The answer is a sentence that is true, the old state or the new one stands, nothing half is served, and the same act
does its work when the disk is well again.
"""

from __future__ import annotations

import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.errors import OtaError
from common.finding import Role
from common.release import State
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.image import ImageChanged
from server.firmware.publishing import Publisher
from server.firmware.store import STAGING, Store
from tests.support.clock import Clock
from tests.support.faults import CHANGES, ERRORS, Faults, failing
from tests.support.releases import RIOT, signed_release, write_release

MEMORY = Path("/dev/shm")
"""Where there is one, syncing costs nothing."""
Files = dict[Role, bytes]


class Gateway:
    """A firmware folder, and what a server has over it."""

    def __init__(self, root: Path) -> None:
        clock = Clock()
        self.root = root
        self.store = Store(root, 1 << 20, clock)
        self.store.prepare()
        self.live = LiveCatalogue(self.store, clock)
        self.live.refresh()
        self.publisher = Publisher(self.store, self.live)


Act = Callable[[Gateway, Files], object]


def publish(publish_id: str, manifest: bytes | None = None, alias: str = "") -> Act:
    def act(gateway: Gateway, files: Files) -> object:
        opened = {role: io.BytesIO(data) for role, data in files.items()}
        if manifest is not None:
            opened[Role.MANIFEST] = io.BytesIO(manifest)
        aliases = {Role.MANIFEST: alias} if alias else None
        return gateway.publisher.publish(publish_id, opened, manifest is not None, aliases)

    return act


@dataclass(frozen=True)
class Case:
    """An act on a release, and which folders are there before."""

    publish_id: str
    before: tuple[str, ...]
    act: Act


CASES = {
    "publish": Case("new/deep/9", ("plain",), publish("new/deep/9")),
    "publish forced": Case("fw/9", ("plain",), publish("fw/9", manifest=b"opaque")),
    "publish as in 2019": Case("new", (), publish("new", alias="app-riot.suitv4_signed.9.bin")),
    "publish again": Case("fw/app/1", ("plain",), publish("fw/app/1")),
    "remove": Case("fw/app/1", ("plain",), lambda g, _: g.publisher.remove("fw/app/1")),
    "remove one of RIOT's": Case("riot/7", ("riot",), lambda g, _: g.publisher.remove("riot/7")),
    "remove beside others": Case("mixed", ("mixed",), lambda g, _: g.publisher.remove("mixed")),
    "withdraw": Case("fw/app/1", ("plain",), lambda g, _: g.publisher.withdraw("fw/app/1")),
    "restore": Case("gone", ("gone",), lambda g, _: g.publisher.restore("gone")),
    "restore one of RIOT's": Case("old/8", ("old",), lambda g, _: g.publisher.restore("old/8")),
    "look": Case("", ("plain", "mixed"), lambda g, _: g.live.refresh()),
}


@dataclass(frozen=True)
class Shown:
    """What a server serves, and what it says of releases."""

    served: dict[str, bytes]
    states: dict[str, State]

    @classmethod
    def of(cls, store: Store, current: Catalogue) -> Shown:
        served = {}
        for path, image in current.images.items():
            try:
                served[path] = store.read(image)
            except (ImageChanged, OSError):
                pass  # a device is told that it is gone
        return cls(served, {i: r.state for i, r in current.by_id.items()})

    def of_release(self, publish_id: str) -> dict[str, bytes]:
        """The files of one release, by the paths that every release has."""
        paths = [f"{publish_id}/{role}" for role in Role]
        return {path: self.served[path] for path in paths if path in self.served}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Those of the release that is published."""
    folder = tmp_path_factory.mktemp("build")
    return {Role(name): data for name, data in signed_release(folder, 1, "fw/app/1").items()}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What may be in the folder before."""
    root = tmp_path_factory.mktemp("templates")
    signed_release(root / "plain" / "fw" / "app" / "1", 1, "fw/app/1")
    for folder in ("riot", "old"):
        for number in (7, 8):
            signed_release(root / folder / folder, number, folder, board=folder, names=RIOT, seed=number)
        shutil.copyfile(root / folder / folder / "riot.suit.7.bin", root / folder / folder / "riot.suit.latest.bin")
    (root / "old" / "old" / ".withdrawn").touch()
    write_release(root / "mixed" / "mixed", 3)
    (root / "mixed" / "mixed" / ".forced").touch()
    (root / "mixed" / "mixed" / "notes.txt").write_text("mine")
    signed_release(root / "gone" / "gone", 4, "gone", board="gone")
    (root / "gone" / "gone" / ".withdrawn").touch()
    return root


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@dataclass
class Trial:
    """One act over and over, each time in a fresh folder."""

    name: str
    files: Files
    templates: Path
    place: Path

    def __post_init__(self) -> None:
        self.publish_id, self.act = CASES[self.name].publish_id, CASES[self.name].act
        gateway = self.fresh()
        self.old = Shown.of(gateway.store, gateway.live.current)
        self.act(gateway, self.files)
        self.new = self.next_start()

    @property
    def root(self) -> Path:
        return self.place / "fw"

    def fresh(self) -> Gateway:
        shutil.rmtree(self.root, ignore_errors=True)
        for name in CASES[self.name].before:
            shutil.copytree(self.templates / name, self.root, dirs_exist_ok=True)
        return Gateway(self.root)

    def next_start(self) -> Shown:
        """What a server shows that is started now; it leaves nothing in .staging."""
        gateway = Gateway(self.root)
        assert list((self.root / STAGING).iterdir()) == []
        return Shown.of(gateway.store, gateway.live.current)

    def is_whole(self, seen: Shown) -> bool:
        """The old state or the new one; of a removal that was broken off, none of it is served and the rest can be removed."""
        if self.name.startswith("remove") and seen.states.get(self.publish_id) is State.WITHDRAWN:
            return not seen.of_release(self.publish_id)
        return seen in (self.old, self.new)

    def is_not_half(self, seen: Shown) -> bool:
        """Each release is served whole, as it was or as it is to be, or not at all."""
        for publish_id in self.old.states | self.new.states:
            found = seen.of_release(publish_id)
            if found and found not in (self.old.of_release(publish_id), self.new.of_release(publish_id)):
                return False
        return all(data in (self.old.served.get(path), self.new.served.get(path)) for path, data in seen.served.items())

    def complaints(self, gateway: Gateway, answer: object) -> Iterator[str]:
        """What is wrong after an act whose answer, or exception, is given."""
        if isinstance(answer, Exception) and not isinstance(answer, OtaError) and self.name != "look":
            yield f"the answer is {answer!r}"
        current = gateway.live.current
        now = Shown.of(gateway.store, current)
        if not (self.name.startswith("remove") and isinstance(answer, OtaError)):  # files that went make the watcher look again
            if not self.is_not_half(now):
                yield f"a half release is served: {now}"
            if now not in (self.old, self.new) and not (current.unsettled or current.pending):
                yield "it does not look again soon"
        later = Shown.of(gateway.store, gateway.live.refresh())
        if not self.is_whole(later):
            yield f"neither the old nor the new state stands: {later.states}, {sorted(later.served)}"
        if isinstance(answer, Exception) and "Nothing was" in str(answer) and later != self.old:
            yield f"it was changed, though the answer is: {answer}"
        if not isinstance(answer, Exception) and later != self.new:
            yield "it was not done, though that is the answer"

    def again(self, gateway: Gateway) -> Iterator[str]:
        """What is wrong when the disk is well."""
        try:
            self.act(gateway, self.files)
        except OtaError as error:
            if "There is no release" not in str(error):
                yield f"the same act is refused then: {error}"
        if self.next_start() != self.new:
            yield "the same act does not do it then"


@pytest.mark.timeout(1800)
@pytest.mark.expects_log("in the firmware folder")
@pytest.mark.parametrize("name", CASES)
def test_each_file_operation_fails_in_turn(templates: Path, place: Path, files: Files, name: str, long: bool) -> None:
    trial = Trial(name, files, templates, place)
    wrong, over = [], False
    for number in itertools.count(1):
        code = ERRORS[number % len(ERRORS)]
        some = [(code, False), (ERRORS[number // 3 % 3], True)][: 2 if number % 3 == 0 else 1]
        for code, lasting in itertools.product(ERRORS, (False, True)) if long else some:
            gateway = trial.fresh()
            answer: object = None
            with failing(Faults(number, code, lasting)) as faults:
                try:
                    answer = trial.act(gateway, files)
                except Exception as error:
                    answer = error
            if not faults.at:
                over = True
                break
            found = [*trial.complaints(gateway, answer), *trial.again(gateway)]
            wrong += [f"{faults.at}{' and from then on' if lasting else ''}: {text}" for text in found]
        if over:
            break
    assert not wrong, "\n".join(wrong)


@pytest.mark.expects_log("in the firmware folder")
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("publish again", "look")])
def test_a_kill_at_each_file_operation_leaves_the_old_state_or_the_new_one(
    templates: Path, place: Path, files: Files, name: str
) -> None:
    trial = Trial(name, files, templates, place)
    wrong = []
    for number in itertools.count(1):
        gateway = trial.fresh()
        child = os.fork()
        if child == 0:
            try:
                with failing(Faults(number, instead=lambda: os._exit(1), only=CHANGES)):
                    trial.act(gateway, files)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        seen = trial.next_start()
        if not trial.is_whole(seen):
            wrong.append(f"killed before operation {number}: {seen.states}, {sorted(seen.served)}")
        if status == 0:
            assert seen == trial.new
            break
        wrong += [f"killed before operation {number}: {text}" for text in trial.again(Gateway(trial.root))]
    assert not wrong, "\n".join(wrong)
