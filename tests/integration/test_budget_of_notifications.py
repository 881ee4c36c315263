"""Notifying with a radio budget: real CoAP to devices on the loopback interface, and what they fetch told by the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from common.device_url import DeviceUrl
from common.errors import NotFound
from common.notification import BatchState, DeviceState, Notification, Nul
from server.coap.client import CoapClient, Timing
from server.coap.urls import CoapUrls
from server.fleet.notifying.batch import Batch, Turn
from server.fleet.notifying.batch_file import SCHEMA, Batches
from server.fleet.notifying.notifier import Notifier
from server.fleet.notifying.teller import Teller
from server.fleet.record.database import Database
from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.support.clock import Clock
from tests.waiting import wait_until

PATIENT = Timing(ack_timeout=10)
"""What is asked is sent once, however slow the machine is."""
WAITING, UNKNOWN, ACCEPTED = DeviceState.WAITING, DeviceState.UNKNOWN, DeviceState.ACCEPTED
CANCELLED, LOST = DeviceState.CANCELLED, DeviceState.UNREACHABLE


class Gateway:
    """A notifier over a real socket and a real file. A device that was told uses the radio until the test ends that."""

    def __init__(self, path: Path, clock: Callable[[], float], most: int | None, timing: Timing) -> None:
        self.database = Database(path, SCHEMA, pytest.fail)
        self.client = CoapClient(timing)
        self.expected: list[tuple[str, str]] = []
        self.free: set[str] = set()
        """Addresses of devices that have all that they wanted."""
        teller = Teller(self.client, CoapUrls(None, 7777))
        self.notifier = Notifier(teller, self.client.stop, self._goes_on, most, Batches(self.database, clock), clock=clock)
        self.database.start()
        self.client.start()

    def _goes_on(self, address: str, publish_id: str) -> bool:
        assert publish_id == "v1"
        return address not in self.free

    def expect(self, address: str, publish_id: str) -> bool:
        self.expected.append((address, publish_id))
        return False

    def start(self, devices: list[RiotDevice]) -> str:
        return self.notifier.start("v1", [DeviceUrl.parse(device.url) for device in devices], Nul.AUTO).id

    def end(self, *devices: RiotDevice) -> None:
        """They have fetched all."""
        self.free |= {device.host for device in devices}
        self.notifier.pump()

    def now(self, number: str) -> Notification:
        found = self.notifier.get(number)
        assert found is not None
        return found

    def states(self, number: str) -> list[DeviceState]:
        return [row.state for row in self.now(number).results]

    def stop(self) -> None:
        self.notifier.stop()
        self.database.stop()


@contextmanager
def running(folder: Path, clock: Callable[[], float], most: int | None = 2, timing: Timing = PATIENT) -> Iterator[Gateway]:
    gateway = Gateway(folder / "fleet.db", clock, most, timing)
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(tmp_path: Path, clock: Clock) -> Iterator[Gateway]:
    with running(tmp_path, clock) as gateway:
        yield gateway


@pytest.fixture
def devices() -> Iterator[list[RiotDevice]]:
    with ExitStack() as stack:
        yield [stack.enter_context(RiotDevice(host=f"127.8.0.{n}")) for n in range(1, 7)]


def told(devices: list[RiotDevice]) -> list[int]:
    """Which of them were, by their place."""
    return [n for n, device in enumerate(devices) if device.payloads]


def asked(devices: list[RiotDevice]) -> list[int]:
    """Which of them were asked anything at all."""
    return [n for n, device in enumerate(devices) if device.requests]


def test_never_more_than_so_many_are_told_at_once(gateway: Gateway, devices: list[RiotDevice]) -> None:
    number = gateway.start(devices)
    for turn in range(5):
        wait_until(lambda turn=turn: gateway.states(number).count(ACCEPTED) == turn + 2)  # type: ignore[misc]
        wait_until(lambda turn=turn: len(asked(devices)) == min(6, turn + 6), what="the next ones to be asked")  # type: ignore[misc]
        gateway.notifier.pump()
        assert len(told(devices)) == turn + 2
        busy = [devices[n] for n in told(devices) if devices[n].host not in gateway.free]
        assert len(busy) == 2
        gateway.end(busy[0])
    wait_until(lambda: gateway.now(number).state is BatchState.DONE)
    assert [len(device.payloads) for device in devices] == [1] * 6


def test_a_device_that_is_switched_off_takes_nobodys_turn(tmp_path: Path, devices: list[RiotDevice], clock: Clock) -> None:
    again_and_again = Timing(ack_timeout=0.3, max_retransmit=9)
    with running(tmp_path, clock, timing=again_and_again) as gateway:
        with ExitStack() as stack:
            off = [stack.enter_context(RiotDevice(Behaviour(silent=True), host=f"127.8.1.{n}")) for n in range(1, 3)]
            number = gateway.start([*off, *devices[:2]])
            wait_until(lambda: gateway.states(number)[2:] == [ACCEPTED] * 2)
            assert gateway.states(number)[:2] == [WAITING] * 2, "they are still waited for"
        wait_until(lambda: gateway.states(number)[:2] == [LOST] * 2, what="the next datagram to find their ports closed")


def test_paused_and_resumed(gateway: Gateway, devices: list[RiotDevice]) -> None:
    number = gateway.start(devices)
    wait_until(lambda: gateway.states(number).count(ACCEPTED) == 2)
    assert gateway.notifier.set_state(number, BatchState.PAUSED).state is BatchState.PAUSED
    gateway.end(*devices)
    gateway.notifier.pump()
    assert len(told(devices)) == 2
    assert gateway.now(number).eta_seconds is None
    assert gateway.notifier.set_state(number, BatchState.RUNNING).state is BatchState.RUNNING
    wait_until(lambda: gateway.now(number).state is BatchState.DONE)
    assert [len(device.payloads) for device in devices] == [1] * 6


def test_what_a_device_said_long_ago_is_asked_again(gateway: Gateway, devices: list[RiotDevice], clock: Clock) -> None:
    number = gateway.start(devices[:3])
    wait_until(lambda: gateway.states(number).count(ACCEPTED) == 2 and len(asked(devices)) == 3)
    (last,) = (device for device in devices[:3] if not device.payloads)
    wait_until(lambda: gateway.notifier._batches[number].ready, what="it to be ready")
    clock.now += 3600
    gateway.end(*devices)
    wait_until(lambda: gateway.now(number).state is BatchState.DONE)
    assert [request.path for request in last.requests] == [".well-known/core"] * 2 + ["suit/trigger"]


def test_cancelled_for_good(gateway: Gateway, devices: list[RiotDevice]) -> None:
    number = gateway.start(devices)
    wait_until(lambda: gateway.states(number).count(ACCEPTED) == 2)
    cancelled = gateway.notifier.set_state(number, BatchState.CANCELLED)
    assert (cancelled.state, cancelled.done) == (BatchState.CANCELLED, True)
    gateway.end(*devices)
    assert gateway.notifier.set_state(number, BatchState.RUNNING).state is BatchState.CANCELLED
    gateway.notifier.pump()
    assert sorted(gateway.states(number)) == [ACCEPTED] * 2 + [CANCELLED] * 4
    assert len(told(devices)) == 2
    with pytest.raises(NotFound, match="no such notification"):
        gateway.notifier.set_state("nothing", BatchState.PAUSED)


def test_the_eta_is_of_what_the_others_took(gateway: Gateway, devices: list[RiotDevice], clock: Clock) -> None:
    number = gateway.start(devices)
    wait_until(lambda: gateway.states(number).count(ACCEPTED) == 2)
    assert gateway.now(number).eta_seconds is None, "nothing is known yet"
    clock.now += 30
    gateway.end(*(devices[n] for n in told(devices)))
    wait_until(lambda: gateway.states(number).count(ACCEPTED) == 4)
    assert gateway.now(number).eta_seconds == 60.0  # four are left, two at a time, 30 s each


def test_a_restart_goes_on_with_those_that_wait(tmp_path: Path, devices: list[RiotDevice], clock: Clock) -> None:
    with running(tmp_path, clock) as first:
        number = first.start(devices)
        wait_until(lambda: first.states(number).count(ACCEPTED) == 2)
        first.database.commit(lambda _: None)
    before = told(devices)
    with running(tmp_path, clock) as second:
        second.notifier.resume(second.expect)
        assert second.expected == []
        second.notifier.pump()
        assert told(devices) == before, "the two that were told have their turns still"
        second.end(*devices)
        wait_until(lambda: second.now(number).state is BatchState.DONE)
        assert second.states(number) == [ACCEPTED] * 6
    assert [len(device.payloads) for device in devices] == [1] * 6
    with running(tmp_path, clock) as third:
        third.notifier.resume(third.expect)
        assert third.notifier.all() == []


def killed_while_telling(folder: Path, clock: Clock, devices: list[RiotDevice]) -> str:
    """The intents for the first two are on the disk, and no more is known."""
    database = Database(folder / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    batch = Batch.of("the-batch", "v1", [DeviceUrl.parse(device.url) for device in devices], Nul.AUTO, "somebody")
    batches = Batches(database, clock)
    batches.add(batch)
    for row in (0, 1):
        batch.turns[row] = Turn(0.0, devices[row].host)
        batches.intend(batch, row)
    database.stop()
    return batch.id


def test_of_those_that_were_being_told_only_who_asks_for_nothing_is_told_again(
    tmp_path: Path, devices: list[RiotDevice], clock: Clock
) -> None:
    number = killed_while_telling(tmp_path, clock, devices[:4])
    with running(tmp_path, clock) as gateway:
        gateway.notifier.resume(gateway.expect)
        assert gateway.expected == [("127.8.0.1", "v1"), ("127.8.0.2", "v1")]
        assert gateway.states(number) == [UNKNOWN, UNKNOWN, WAITING, WAITING]
        wait_until(lambda: asked(devices) == [2, 3], what="the others to be asked")
        gateway.end(*devices)
        assert told(devices) == [], "the two may use the radio: nobody else's turn has come"
        gateway.notifier.told_after_all("127.8.0.1", "v1", was_told=True)
        assert gateway.states(number)[0] is ACCEPTED
        gateway.notifier.told_after_all("127.8.0.2", "v1", was_told=False)
        wait_until(lambda: gateway.now(number).state is BatchState.DONE)
        assert gateway.states(number) == [ACCEPTED] * 4
    assert [len(device.payloads) for device in devices[:4]] == [0, 1, 1, 1]


def test_who_has_shown_that_it_was_told_is_not_told_again(tmp_path: Path, devices: list[RiotDevice], clock: Clock) -> None:
    number = killed_while_telling(tmp_path, clock, devices[:2])
    with running(tmp_path, clock) as gateway:
        gateway.notifier.resume(lambda _address, _publish_id: True)
        assert gateway.states(number) == [ACCEPTED] * 2
        assert gateway.now(number).state is BatchState.DONE
    assert asked(devices) == []


def test_a_cancelled_batch_tells_nobody_again(tmp_path: Path, devices: list[RiotDevice], clock: Clock) -> None:
    number = killed_while_telling(tmp_path, clock, devices[:2])
    with running(tmp_path, clock) as gateway:
        gateway.notifier.resume(gateway.expect)
        gateway.notifier.set_state(number, BatchState.CANCELLED)
        for device in devices[:2]:
            gateway.notifier.told_after_all(device.host, "v1", was_told=False)
        assert gateway.states(number) == [CANCELLED] * 2
    assert asked(devices) == []


def test_batches_go_on_while_others_resume(tmp_path: Path, devices: list[RiotDevice], clock: Clock) -> None:
    """What is resumed is changed by others as soon as they see it."""
    killed_while_telling(tmp_path, clock, devices)
    with running(tmp_path, clock) as gateway:
        gateway.end(*devices)
        stop = threading.Event()

        def pump() -> None:
            while not stop.is_set():
                gateway.notifier.pump()

        other = threading.Thread(target=pump)
        other.start()
        try:
            gateway.notifier.resume(gateway.expect)
        finally:
            stop.set()
            other.join()
