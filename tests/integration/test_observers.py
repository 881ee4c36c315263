"""Devices that wait for a manifest to change: told over a real socket, by a clock that the test moves."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.coap import datagram, registrations
from server.coap.datagram import Datagram
from server.coap.pins import EXCHANGE_LIFETIME
from server.coap.source import source_of
from tests.support.coap import Parts, block2, get, make_parts, settle, settle_loopback
from tests.support.releases import write_release

REGISTER, DEREGISTER = (datagram.OBSERVE, b""), (datagram.OBSERVE, b"\x01")
PATH = "board/1/manifest"
DAY = 24 * 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Device:
    """A peer with a socket of its own; its requests are handed to the parts, answers by themselves come over the socket."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0))
        self.socket.setblocking(False)

    def ask(self, data: bytes) -> Datagram | None:
        answer = self._parts.answer(data, self.socket.getsockname())
        return datagram.parse(answer) if answer is not None else None

    def register(self, path: str = PATH, *options: tuple[int, bytes], token: bytes = b"t", mid: int = 1) -> Datagram:
        answer = self.ask(get(path, REGISTER, *options, token=token, mid=mid))
        assert answer is not None
        return answer

    def told(self) -> Datagram | None:
        """The next notification that has arrived, if any."""
        settle_loopback(self.socket.family)
        try:
            return datagram.parse(self.socket.recv(2000))
        except BlockingIOError:
            return None

    def settle(self, kind: int, mid: int) -> None:
        message = datagram.parse(datagram.empty(kind, mid))
        assert message is not None
        self._parts.service.observers.settled(source_of(self.socket.getsockname()), message)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts(tmp_path: Path, clock: Clock) -> Parts:
    write_release(tmp_path / "board" / "1", seed=1)
    return make_parts(tmp_path, clock=clock)


@pytest.fixture
def device(parts: Parts) -> Iterator[Device]:
    device = Device(parts)
    yield device
    device.socket.close()


def replace_manifest(parts: Parts, data: bytes, publish_id: str = "board/1") -> None:
    path = parts.store.root / publish_id / "manifest"
    path.with_suffix(".part").write_bytes(data)
    os.replace(path.with_suffix(".part"), path)
    settle(parts.live)


def tell(parts: Parts, clock: Clock, seconds: float = 0.2) -> None:
    clock.now += seconds
    parts.service.observers.look()


def sequence(message: Datagram) -> int:
    [value] = message.values(datagram.OBSERVE)
    return int.from_bytes(value, "big")


def test_an_observer_gets_what_is_there_and_then_what_is_new(parts: Parts, clock: Clock, device: Device) -> None:
    first = device.register()
    assert (first.dotted_code, first.payload) == ("2.05", b"opaque manifest 1")
    tell(parts, clock)
    assert device.told() is None
    replace_manifest(parts, b"new")
    tell(parts, clock)
    told = device.told()
    assert told is not None
    assert (told.type, told.dotted_code, told.token, told.payload) == (datagram.CON, "2.05", b"t", b"new")
    assert told.values(datagram.ETAG) == [parts.live.current.images[PATH].etag]
    assert told.values(datagram.CONTENT_FORMAT) == [b"\x2a"]
    assert sequence(told) > sequence(first)
    device.settle(datagram.ACK, told.mid)
    tell(parts, clock, 100)
    assert device.told() is None


def test_the_latest_manifest_of_a_folder_can_be_waited_for(parts: Parts, clock: Clock, device: Device) -> None:
    assert device.register("board/latest/manifest").payload == b"opaque manifest 1"
    write_release(parts.store.root / "board" / "2", seed=2)
    os.utime(parts.store.root / "board" / "2" / "manifest", (2e9, 2e9))
    settle(parts.live)
    tell(parts, clock)
    told = device.told()
    assert told is not None
    assert told.payload == b"opaque manifest 2"


def test_a_large_manifest_is_told_by_its_first_block_and_fetched_whole(parts: Parts, clock: Clock, device: Device) -> None:
    assert device.register(PATH, block2(0, 1)).payload == b"opaque manifest 1"
    data = bytes(range(200))
    replace_manifest(parts, data)
    tell(parts, clock)
    told = device.told()
    assert told is not None
    assert (told.payload, told.block2) == (data[:32], datagram.Block(0, True, 1))
    device.settle(datagram.ACK, told.mid)
    replace_manifest(parts, b"and again another one, before the rest was fetched")
    body = told.payload
    for number in range(1, 7):
        answer = device.ask(get(PATH, block2(number, 1), mid=50 + number))
        assert answer is not None
        body += answer.payload
    assert body == data


def test_what_is_not_acknowledged_is_sent_again_and_then_the_observer_is_dropped(
    parts: Parts, clock: Clock, device: Device
) -> None:
    device.register()
    replace_manifest(parts, b"new")
    tell(parts, clock)
    first = device.told()
    assert first is not None
    sent = 1
    for _ in range(200):
        tell(parts, clock, 0.5)
        again = device.told()
        if again is not None:
            assert again == first
            sent += 1
    assert sent == 5  # MAX_RETRANSMIT times again
    assert len(parts.service.observers) == 0


def test_a_newer_change_takes_the_place_of_one_under_way(parts: Parts, clock: Clock, device: Device) -> None:
    device.register()
    replace_manifest(parts, b"second")
    tell(parts, clock)
    old = device.told()
    replace_manifest(parts, b"third")
    tell(parts, clock)
    assert old is not None
    assert device.told() is None  # it goes when the old one would be sent again (RFC 7641, 4.5.2)
    device.settle(datagram.ACK, old.mid)
    tell(parts, clock, 5)
    new = device.told()
    assert new is not None
    assert new.payload == b"third"
    device.settle(datagram.ACK, new.mid)
    tell(parts, clock, 60)
    assert device.told() is None
    assert len(parts.service.observers) == 1


def test_a_reset_ends_it(parts: Parts, clock: Clock, device: Device) -> None:
    device.register()
    replace_manifest(parts, b"new")
    tell(parts, clock)
    told = device.told()
    assert told is not None
    device.settle(datagram.RST, told.mid)
    assert len(parts.service.observers) == 0


def test_deregistering_ends_it_and_registering_again_does_not_double_it(parts: Parts, device: Device) -> None:
    device.register()
    device.register(mid=2)
    assert len(parts.service.observers) == 1
    device.register(token=b"other", mid=3)
    assert len(parts.service.observers) == 2
    answer = device.ask(get(PATH, DEREGISTER, token=b"t", mid=4))
    assert answer is not None
    assert (answer.dotted_code, answer.values(datagram.OBSERVE)) == ("2.05", [])
    assert len(parts.service.observers) == 1


def test_a_silent_observer_is_asked_once_a_day_whether_it_is_there(parts: Parts, clock: Clock, device: Device) -> None:
    device.register()
    tell(parts, clock, DAY - 1)
    assert device.told() is None
    tell(parts, clock, 62)
    told = device.told()
    assert told is not None
    device.settle(datagram.ACK, told.mid)
    tell(parts, clock, DAY - 1)
    assert device.told() is None


def test_who_waits_for_what_is_removed_is_told_so_and_a_replacement_in_time_is_no_removal(
    parts: Parts, clock: Clock, device: Device
) -> None:
    device.register()
    parts.store.remove("board/1")
    parts.live.refresh()
    tell(parts, clock)
    tell(parts, clock, 5)
    assert device.told() is None
    write_release(parts.store.root / "board" / "1", seed=7)
    settle(parts.live)
    tell(parts, clock)
    told = device.told()
    assert told is not None
    assert told.payload == b"opaque manifest 7"
    device.settle(datagram.ACK, told.mid)
    parts.store.remove("board/1")
    parts.live.refresh()
    tell(parts, clock)
    tell(parts, clock, 11)
    gone = device.told()
    assert gone is not None
    assert (gone.dotted_code, gone.values(datagram.OBSERVE)) == ("4.04", [])
    device.settle(datagram.ACK, gone.mid)
    assert len(parts.service.observers) == 0


def test_only_manifests_can_be_observed(parts: Parts, device: Device) -> None:
    for path in ("board/1/slot0", ".well-known/core"):
        assert device.register(path).values(datagram.OBSERVE) == []
    assert device.register("board/3/manifest").dotted_code == "4.04"
    assert len(parts.service.observers) == 0


def test_a_flood_of_registrations_pushes_out_nobody_who_is_known_to_be_there(parts: Parts, clock: Clock, device: Device) -> None:
    device.register()
    replace_manifest(parts, b"new")
    tell(parts, clock)
    told = device.told()
    assert told is not None
    device.settle(datagram.ACK, told.mid)
    for number in range(3 * registrations.MOST):
        parts.answer(get(PATH, REGISTER, token=b"t", mid=1), (f"fd00::{number // 100:x}", 1 + number, 0, 0))
    assert len(parts.service.observers) == registrations.MOST
    clock.now += EXCHANGE_LIFETIME + 1
    parts.answer(get(PATH, DEREGISTER, token=b"t", mid=9), device.socket.getsockname())
    assert len(parts.service.observers) == registrations.MOST - 1


def test_one_address_has_a_share_and_its_oldest_goes(parts: Parts, clock: Clock, device: Device) -> None:
    for number in range(registrations.MOST_OF_A_HOST + 50):
        assert sequence(device.register(token=b"%d" % number, mid=number))
    assert len(parts.service.observers) == registrations.MOST_OF_A_HOST
    replace_manifest(parts, b"new")
    tell(parts, clock)
    tokens = {told.token for told in iter(device.told, None)}
    assert len(tokens) == registrations.MOST_OF_A_HOST
    assert b"0" not in tokens


def test_a_notification_does_not_move_a_transfer_under_way_before_it_is_acknowledged(
    parts: Parts, clock: Clock, device: Device
) -> None:
    replace_manifest(parts, b"O" * 100)
    device.register(PATH, block2(0, 0), mid=10)

    def block(number: int, mid: int) -> bytes:
        answer = device.ask(get(PATH, block2(number, 0), mid=mid))
        assert answer is not None
        return answer.payload[:1]

    assert block(1, 11) == b"O"
    replace_manifest(parts, b"N" * 100)
    tell(parts, clock)
    told = device.told()
    assert told is not None
    assert block(2, 12) == b"O"  # it may have been lost
    device.settle(datagram.ACK, told.mid)
    assert block(1, 13) == b"N"


def test_what_comes_back_at_the_last_moment_is_told(parts: Parts, clock: Clock, device: Device) -> None:
    device.register()
    parts.store.remove("board/1")
    parts.live.refresh()
    tell(parts, clock)
    tell(parts, clock, 11)
    gone = device.told()
    assert gone is not None
    assert gone.dotted_code == "4.04"
    write_release(parts.store.root / "board" / "1", seed=1)
    settle(parts.live)
    tell(parts, clock)
    tell(parts, clock, 5)
    back = device.told()
    assert back is not None
    assert back.payload == b"opaque manifest 1"


def test_an_unreadable_manifest_is_read_once_a_second_for_all(parts: Parts, clock: Clock, device: Device) -> None:
    for number in range(20):
        device.register(token=b"%d" % number, mid=number)
    replace_manifest(parts, b"new")
    reads = []

    def read(image: object) -> bytes:
        reads.append(image)
        raise OSError

    parts.cache._read = read
    for _ in range(30):
        tell(parts, clock, 0.1)
    assert 2 <= len(reads) <= 5
    parts.cache._read = parts.store.read
    tell(parts, clock, 2)
    assert device.told() is not None


def test_notifications_keep_to_the_budget_of_their_address(tmp_path: Path, clock: Clock) -> None:
    write_release(tmp_path / "board" / "1", seed=1)
    parts = make_parts(tmp_path, clock=clock, rate=100)
    for number in range(200):
        parts.answer(get(PATH, REGISTER, token=b"%d" % number, mid=number), ("2001:db8::1", 1 + number, 0, 0))
    replace_manifest(parts, bytes(1000))
    tell(parts, clock)
    budget = parts.service.budget
    assert budget is not None
    assert budget.refused >= 198
