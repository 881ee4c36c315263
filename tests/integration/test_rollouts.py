"""Rollouts over the real notifier, devices, history and database: each decision, and what is left of it after an end."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.device_url import DeviceUrl
from common.errors import InvalidRelease, InvalidRequest, NotFound, ReleaseNotFound, StoreFull
from common.finding import Role
from common.notification import BatchState, DeviceResult, DeviceState, Notification, Nul
from common.release import Release, State
from common.rollout import Accept, Outcome, Rollout, RolloutState, WaveState
from common.transfer import Transfer, TransferState
from common.waves import Waves
from server.fleet.devices.devices import Devices
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.register import Register
from server.fleet.devices.trace import Trace
from server.fleet.devices.verdicts import Patience
from server.fleet.fleet import SCHEMA
from server.fleet.notifying.batch_file import Batches
from server.fleet.notifying.notifier import Notifier
from server.fleet.notifying.teller import Notice
from server.fleet.record.database import Database
from server.fleet.record.history import History
from server.fleet.rollouts.rollout_file import RolloutFile
from server.fleet.rollouts.rollouts import Rollouts
from server.steady import Steady
from tests.support.clock import Clock, SystemClock
from tests.waiting import wait_until

NUMBERS = range(1, 7)
URLS = tuple(DeviceUrl.parse(f"10.0.0.{n}/fw") for n in NUMBERS)


class Killed(BaseException):
    """The process ends here."""


class AtOnce(Executor):
    """Runs everything in the thread that asks for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class FakeProber:
    """Devices show the release that is named in `runs`; what is not in it shows nothing."""

    def __init__(self) -> None:
        self.runs: dict[str, bool] = {}

    def is_of_use(self, listing: bytes) -> bool:  # noqa: ARG002
        return True

    def show(self, device: DeviceUrl, release: Release | None) -> Shown:  # noqa: ARG002
        return Shown(True, version=self.runs.get(device.host))

    def board(self, device: DeviceUrl) -> str | None:  # noqa: ARG002
        return None


class FakeTeller:
    """Devices answer as `answers` has it, else 2.01; one in `held` answers when the event is set."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.told: list[str] = []
        self.answers: dict[str, DeviceState] = {}
        self.held: dict[str, threading.Event] = {}

    def locate(self, device: DeviceUrl) -> DeviceUrl:
        return replace(device, host="10.0.0.1") if device.host == "cellar" else device

    def prepare(self, publish_id: str, device: DeviceUrl, target: DeviceUrl, nul: Nul) -> Notice:  # noqa: ARG002
        return Notice(target, b"", "", None)

    def intend(self, publish_id: str, notice: Notice) -> None:
        self._devices.intend(notice.target, publish_id)

    def tell(self, publish_id: str, device: DeviceUrl, notice: Notice) -> DeviceResult:
        target = notice.target
        self.told.append(device.host)
        if device.host in self.held:
            self.held[device.host].wait(20)
        result = DeviceResult(str(device), self.answers.get(device.host, DeviceState.ACCEPTED), None, "So it was.")
        self._devices.told(target, publish_id, result.state, result.message)
        return result


class DyingNotifier(Notifier):
    """The server is killed when the intent is on the disk, and nobody was told."""

    def start(self, *_: Any, **__: Any) -> Notification:
        raise Killed


class World:
    """All parts of one start of the server over one file."""

    def __init__(self, path: Path, clock: Clock, most: int | None, notifier: type[Notifier]) -> None:
        self.clock, self.wall = clock, SystemClock(clock)
        self.steady = steady = Steady(self.wall, clock)
        self.database = Database(path, SCHEMA, pytest.fail)
        self.history = History(self.database, steady, 90)
        self.prober = FakeProber()
        self.state = State.READY
        self.devices = Devices(self.prober, AtOnce(), self.release, Register(self.database), steady, Patience(600))  # type: ignore[arg-type]
        self.teller = FakeTeller(self.devices)
        batches = Batches(self.database, clock)
        at_once = 32 if most is None else most  # with one at a time, the first device is the first
        self.notifier = notifier(self.teller, lambda: None, self.devices.goes_on, most, batches, at_once)  # type: ignore[arg-type]
        self.rollouts = Rollouts(self.notifier, self.devices, self.history, RolloutFile(self.database), self.release, steady)

    def release(self, publish_id: str) -> Release | None:
        if publish_id == "gone":
            return None
        now = dt.datetime.fromtimestamp(self.clock(), dt.UTC)
        return Release(publish_id, now, self.state, ())

    def start(self) -> None:
        self.database.start()
        self.history.start()
        self.devices.start()
        self.devices.listen(self._changed)
        self.rollouts.start()
        self.notifier.resume(self.devices.expect)

    def stop(self) -> None:
        self.rollouts.stop()
        self.notifier.stop()
        self.database.stop()

    def _changed(self, known: Known, before: Trace | None) -> None:
        """As in server/fleet/fleet.py."""
        assert known.trace is not None
        if known.trace.state == "failed":
            self.rollouts.failed(known.trace.publish_id)
        if before is not None and before.state == "notified" != known.trace.state:
            was_told = known.trace.state not in ("silent", "failed")
            if was_told and known.url is not None and not known.answered:
                self.devices.register(known.url)
            self.notifier.told_after_all(known.address, known.trace.publish_id, was_told)
        self.notifier.pump()

    def create(self, waves: str = "1,50%,rest", publish_id: str = "v2", **more: Any) -> Rollout:
        return self.rollouts.create(publish_id, URLS, Waves.parse(waves), who="me", **more)

    def fetched(self, number: int, publish_id: str = "v2", proof: bool | None = True) -> None:
        """The device has its image, and shows the release, the old one, or nothing at all."""
        host = f"10.0.0.{number}"
        self.clock.now += 1
        now = dt.datetime.fromtimestamp(self.clock(), dt.UTC)
        if proof is not None:
            self.prober.runs[host] = proof
        self.devices.beat(
            [Transfer(host, publish_id, Role.SLOT0, "x", "00", 1, 1, 9, 9, None, None, 0, 0, TransferState.DONE, now, now)], []
        )
        self.clock.now += 30
        self.devices.beat([], [])
        self.notifier.pump()
        self.rollouts.beat()

    def told(self, *hosts: int) -> None:
        """Wait until exactly these were told, by the last part of their address, and their answers are known."""
        wanted = {f"10.0.0.{n}" for n in hosts}
        wait_until(lambda: set(self.teller.told) >= wanted, what=f"{wanted} to be told")
        wait_until(lambda: not self.waiting(), what="their answers")
        self.rollouts.beat()
        assert sorted(self.teller.told) == sorted(wanted), "nobody twice"

    def waiting(self) -> bool:
        return any(not n.done for n in self.notifier.all() if n.state is BatchState.RUNNING)

    def now(self) -> Rollout:
        return self.rollouts.all()[0]

    def sentences(self) -> list[tuple[str, str]]:
        self.database.commit(lambda _: None)
        return [(event.who, event.what) for event in self.history.since(kind="rollout").events]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def running(path: Path, clock: Clock, most: int | None = None, notifier: type[Notifier] = Notifier) -> Iterator[World]:
    world = World(path / "fleet.db", clock, most, notifier)
    world.start()
    try:
        yield world
    finally:
        world.stop()


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[World]:
    with running(tmp_path, clock) as world:
        yield world


def test_wave_after_wave_each_with_its_reason_in_the_history(world: World) -> None:
    world.create()
    world.told(1)
    assert (world.now().opened, world.now().touched) == (1, 1)
    world.fetched(1)
    world.told(1, 2, 3)
    world.fetched(2)
    assert world.now().opened == 2
    world.fetched(3)
    world.told(*NUMBERS)
    for number in (4, 5, 6):
        world.fetched(number)
    assert world.now().succeeded
    assert [wave["confirmed"] for wave in world.now().to_json()["waves"]] == [1, 2, 3]
    who, what = zip(*world.sentences(), strict=True)
    assert who == ("me", "server", "server", "server", "server")
    assert what == (
        "Rollout of v2 to 6 devices in waves of 1, 2, 3: the next one opens at 100 %, 1 failed stop it.",
        "Wave 1 of 3 opens with 1 device: the rollout begins.",
        "Wave 2 of 3 opens with 2 devices: 1 of 1 device in wave 1 confirmed (needed: 1).",
        "Wave 3 of 3 opens with 3 devices: 2 of 2 devices in wave 2 confirmed (needed: 2).",
        "Done: 6 of 6 devices confirmed.",
    )


def nth(address: str) -> int:
    """Which device it is: whoever is ready first has its turn first."""
    return int(address.rpartition(".")[2])


@pytest.mark.parametrize("wrong", [0.0, 7200.0, -7200.0])
def test_a_refusal_stops_it_before_the_next_device_of_the_same_wave(tmp_path: Path, clock: Clock, wrong: float) -> None:
    with running(tmp_path, clock, most=1) as world:
        world.wall.wrong = wrong  # the clock was set since the start
        world.steady.beat()
        world.create("rest")
        wait_until(lambda: len(world.teller.told) == 1, what="the first one")
        first = world.teller.told[0]
        wait_until(lambda: world.notifier.all()[0].results[nth(first) - 1].state is DeviceState.ACCEPTED, what="its answer")
        world.teller.answers.update({f"10.0.0.{n}": DeviceState.REFUSED for n in range(1, 7) if n != nth(first)})
        world.fetched(nth(first))
        wait_until(lambda: world.now().over, what="the end")
        second = world.teller.told[1]
        world.told(nth(first), nth(second))
        assert (world.now().state, world.now().touched, world.now().untouched) == (RolloutState.STOPPED, 2, 4)
        assert f"{second}/fw" in world.now().reason
        others = [row for row in world.now().devices if row.device not in (f"{first}/fw", f"{second}/fw")]
        assert {row.reason for row in others} == {"Cancelled before it was told."}


def test_an_unreachable_one_pauses_it_and_a_person_lets_it_go_on(world: World) -> None:
    world.teller.answers["10.0.0.1"] = DeviceState.UNREACHABLE
    world.create()
    world.told(1)
    assert (world.now().state, world.now().waves[0].state) == (RolloutState.PAUSED, WaveState.FAILED)
    assert world.now().devices[0].outcome is Outcome.SILENT
    resumed = world.rollouts.resume(world.now().id, "you")
    assert (resumed.state, resumed.opened) == (RolloutState.RUNNING, 2)
    world.told(1, 2, 3)
    assert [who for who, _ in world.sentences()][-2:] == ["you", "server"]


def test_downloads_are_enough_only_where_that_was_asked_for(world: World) -> None:
    world.create(accept=Accept.DOWNLOADED)
    world.told(1)
    world.fetched(1, proof=None)
    assert world.now().devices[0].outcome is Outcome.DOWNLOADED
    world.told(1, 2, 3)
    assert "this is weaker" in world.sentences()[0][1]
    world.rollouts.end(world.now().id, "me")
    other = world.rollouts.create("v3", URLS[3:], Waves.parse("1"))
    wait_until(lambda: "10.0.0.4" in world.teller.told, what="the first one")
    wait_until(lambda: not world.waiting(), what="its answer")
    world.fetched(4, "v3", proof=None)
    assert world.rollouts.get(other.id).state is RolloutState.PAUSED


def test_one_that_is_confirmed_already_is_not_told_again(world: World) -> None:
    world.notifier.start("v2", URLS[1:2])
    world.told(2)
    world.fetched(2)
    world.teller.told.clear()
    world.create()
    world.told(1)
    world.fetched(1)
    world.told(1, 3)
    assert (world.now().devices[1].outcome, world.now().devices[1].told) == (Outcome.CONFIRMED, False)


def test_all_confirmed_already_means_done_at_once(world: World) -> None:
    world.notifier.start("v2", URLS)
    world.told(*NUMBERS)
    for number in NUMBERS:
        world.fetched(number)
    done = world.create()
    assert (done.succeeded, done.touched) == (True, 0)


def test_a_failure_of_before_is_none_of_this_rollout(world: World) -> None:
    world.teller.answers["10.0.0.1"] = DeviceState.REFUSED
    first = world.create()
    world.told(1)
    assert world.rollouts.get(first.id).state is RolloutState.STOPPED
    world.teller.answers.clear()
    world.teller.told.clear()
    world.clock.now += 10
    world.create()
    world.told(1)
    assert world.now().state is RolloutState.RUNNING
    world.fetched(1)
    assert world.now().opened == 2


def test_another_release_in_between_is_a_failure(world: World) -> None:
    world.create()
    world.told(1)
    world.fetched(1, "v3")
    assert world.now().state is RolloutState.STOPPED
    assert "gone on to another release, v3" in world.now().reason


def test_a_device_by_its_name_is_followed(world: World) -> None:
    world.rollouts.create("v2", [DeviceUrl.parse("cellar/fw")], Waves())
    wait_until(lambda: world.teller.told == ["cellar"] and not world.waiting(), what="it to be told")
    world.fetched(1)
    assert world.now().succeeded


def test_a_pause_in_the_middle_of_a_wave_and_a_stop(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock, most=1) as world:
        number = world.create("rest").id
        world.rollouts.beat()
        wait_until(lambda: len(world.teller.told) == 1)
        assert world.rollouts.pause(number, "me").reason == "Paused by me."
        world.fetched(nth(world.teller.told[0]))
        assert len(world.teller.told) == 1
        world.rollouts.resume(number, "me")
        wait_until(lambda: len(world.teller.told) == 2)
        assert world.rollouts.end(number, "me").state is RolloutState.STOPPED
        world.fetched(nth(world.teller.told[1]))
        assert len(world.teller.told) == 2
        assert world.now().count(Outcome.CONFIRMED) == 2, "those that were told are followed"
        for act in (world.rollouts.pause, world.rollouts.resume, world.rollouts.end):
            with pytest.raises(InvalidRequest, match="stopped for good"):
                act(number, "me")
        with pytest.raises(NotFound):
            world.rollouts.pause("nothing", "me")


def test_a_release_that_is_withdrawn_opens_no_wave(world: World) -> None:
    world.create()
    world.told(1)
    world.state = State.WITHDRAWN
    world.fetched(1)
    assert (world.now().state, world.now().opened) == (RolloutState.PAUSED, 1)
    assert "Paused before wave 2 of 3: 'v2' is withdrawn" in world.now().reason
    assert world.rollouts.resume(world.now().id, "me").state is RolloutState.PAUSED
    world.state = State.READY
    assert world.rollouts.resume(world.now().id, "me").opened == 2


def test_what_cannot_be_begun(world: World) -> None:
    with pytest.raises(ReleaseNotFound):
        world.create(publish_id="gone")
    with pytest.raises(InvalidRequest, match="No device"):
        world.rollouts.create("v2", [], Waves())
    world.create()
    with pytest.raises(InvalidRequest, match="stop that one first"):
        world.create()
    world.state = State.WITHDRAWN
    with pytest.raises(InvalidRelease):
        world.create()
    world.state = State.READY
    world.database.stop()
    with pytest.raises(StoreFull):
        world.rollouts.create("v2", [DeviceUrl.parse("10.0.9.9")], Waves())


def test_a_wave_whose_intent_was_written_and_nothing_else_is_begun_once(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock, notifier=DyingNotifier) as world, pytest.raises(Killed):
        world.create()
    for _ in range(2):
        with running(tmp_path, clock) as world:
            world.rollouts.beat()
            wait_until(lambda world=world: not world.waiting())  # type: ignore[misc]
            told = world.teller.told
            world.rollouts.beat()
            assert (world.now().opened, world.now().touched) == (1, 1)
        if _ == 0:
            assert told == ["10.0.0.1"]
    assert told == [], "a second start tells nobody again"


def test_a_paused_one_whose_wave_was_never_begun_waits_for_a_person(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock, notifier=DyingNotifier) as world:
        with pytest.raises(Killed):
            world.create()
        number = world.now().id
        world.rollouts.pause(number, "me")
    with running(tmp_path, clock) as world:
        world.rollouts.beat()
        assert world.teller.told == []
        world.rollouts.resume(number, "me")
        world.told(1)


def test_it_goes_on_with_what_was_known_and_tells_again_only_who_stayed_silent(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock) as world:
        world.create()
        world.told(1)
        world.fetched(1)
        wait_until(lambda: len(world.teller.told) == 3 and not world.waiting())
        world.rollouts.beat()
    with running(tmp_path, clock) as world:
        world.rollouts.beat()
        assert (world.now().opened, world.now().touched, world.now().count(Outcome.CONFIRMED)) == (2, 3, 1)
        world.fetched(2)
        world.fetched(3)
        world.told(4, 5, 6)


def test_who_was_being_told_at_the_end_is_unknown(tmp_path: Path, clock: Clock) -> None:
    """The server ends between the intent and the answer."""
    with running(tmp_path, clock) as world:
        answer = world.teller.held["10.0.0.1"] = threading.Event()
        world.create()
        wait_until(lambda: bool(world.teller.told))
        world.database.stop()  # nothing that comes from here on is remembered
        answer.set()
    with running(tmp_path, clock) as world:
        world.rollouts.beat()
        assert (world.now().devices[0].outcome, world.now().touched) == (Outcome.UNKNOWN, 1)
        assert world.teller.told == []
        world.fetched(1)
        world.told(2, 3)


def test_who_stayed_silent_after_the_end_is_told_again(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock) as world:
        answer = world.teller.held["10.0.0.1"] = threading.Event()
        world.create()
        wait_until(lambda: bool(world.teller.told))
        world.database.stop()
        answer.set()
    with running(tmp_path, clock) as world:
        clock.now += 1000
        world.devices.beat([], [])
        world.told(1)
        assert world.now().devices[0].outcome is Outcome.PENDING
        world.fetched(1)
        world.told(1, 2, 3)


def test_a_stop_holds_though_the_batch_had_not_heard_of_it(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock, most=1) as world:
        number = world.create("rest").id
        wait_until(lambda: len(world.teller.told) == 1)
        world.rollouts.beat()
        batch = world.now().waves[0].notification
        world.rollouts.end(number, "me")
        row = (BatchState.RUNNING.value, batch)
        world.database.commit(lambda c: c.execute("UPDATE batches SET state = ? WHERE id = ?", row))
        world.database.commit(lambda c: c.execute("UPDATE batch_rows SET state = 'waiting' WHERE row > 0"))
    with running(tmp_path, clock, most=None) as world:
        world.rollouts.beat()
        assert [n.state for n in world.notifier.all()] == [BatchState.CANCELLED]
        assert world.teller.told == []
        assert world.now().state is RolloutState.STOPPED


def test_who_was_being_told_when_it_was_stopped_is_not_called_untouched(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock, most=1) as world:
        answer = world.teller.held["10.0.0.1"] = threading.Event()
        number = world.create("rest").id
        wait_until(lambda: bool(world.teller.told))
        world.rollouts.end(number, "me")
        world.database.stop()
        answer.set()
    with running(tmp_path, clock) as world:
        assert (world.now().devices[0].outcome, world.now().touched) == (Outcome.UNKNOWN, 1)
        world.fetched(1)
        assert (world.now().devices[0].outcome, world.teller.told) == (Outcome.CONFIRMED, [])


def test_only_so_many_that_are_over_are_kept(tmp_path: Path, clock: Clock) -> None:
    with running(tmp_path, clock) as world:
        for n in range(33):
            made = world.rollouts.create("v2", [DeviceUrl.parse(f"10.1.0.{n + 1}")], Waves())
            world.rollouts.end(made.id, "me")
        last = world.create()
        assert len(world.rollouts.all()) == 31
    with running(tmp_path, clock) as world:
        assert len(world.rollouts.all()) == 31
        assert world.now().id == last.id
