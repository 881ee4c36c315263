"""What is told of transfers: real blocks out of a real folder, in a time that only the test moves."""

from __future__ import annotations

import datetime as dt
import gc
from dataclasses import replace
from pathlib import Path

import pytest

from common.transfer import Transfer, TransferState
from server.coap.pins import EXCHANGE_LIFETIME, Pin, Pins
from server.coap.source import Address, device_of, source_of
from server.fleet.transfers import STALLED, Transfers
from server.steady import Steady
from tests.support.clock import Clock
from tests.support.coap import Parts, block2, get, make_parts, settle
from tests.support.releases import write_release

DEVICE: Address = ("fd00::2", 40000, 0, 0)
OTHER_PORT: Address = ("fd00::2", 40001, 0, 0)
SIZE = 1024
"""16 blocks of 64 bytes."""


class Fleet:
    """A server's parts, and what is told of it; each block takes a second."""

    def __init__(self, folder: Path, most_pins: int = 100) -> None:
        write_release(folder / "v", size=SIZE)
        self.seconds = 1000.0
        self.parts: Parts = make_parts(folder, pins=Pins(lambda: self.seconds, most_pins, 1 << 20), clock=lambda: self.seconds)
        self.epoch = Clock().now
        self.steady = Steady(lambda: self.epoch + self.seconds, lambda: self.seconds)
        self.transfers = Transfers(self.parts.pins, self.parts.live, self.steady)
        self.mid = 0

    def ask(self, *numbers: int, path: str = "v/slot0", of: Address = DEVICE, seconds: float = 1.0) -> None:
        for number in numbers:
            self.mid += 1
            self.seconds += seconds
            assert self.parts.answer(get(path, block2(number, 2), mid=self.mid), of) is not None

    def only(self) -> Transfer:
        (transfer,) = self.transfers.all()
        return transfer


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_a_transfer_says_whose_it_is_and_how_far(fleet: Fleet) -> None:
    fleet.ask(*range(5))
    transfer = fleet.only()
    assert (transfer.device, transfer.publish_id, transfer.role, transfer.path) == ("fd00::2", "v", "slot0", "v/slot0")
    assert (transfer.blocks_done, transfer.blocks_total, transfer.bytes, transfer.size) == (5, 16, 320, 1024)
    assert (transfer.state, transfer.asked_again, transfer.gaps) == (TransferState.RUNNING, 0, 0)
    assert (transfer.last_seen - transfer.started).total_seconds() == 4
    assert transfer.bytes_per_second == 80  # 320 bytes in the 4 seconds since the first
    assert transfer.eta_seconds == (1024 - 320) / 80
    assert Transfer.from_json(transfer.to_json()) == transfer


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_a_clock_that_is_set_is_no_news_of_a_transfer_and_shows_when_it_was(fleet: Fleet, seconds: int) -> None:
    fleet.ask(0, 1, 2)
    fleet.transfers.look()
    before, known = fleet.only(), fleet.transfers.known()
    fleet.epoch += seconds
    fleet.steady.beat()
    assert fleet.transfers.look() == []
    assert fleet.transfers.known() == known
    by = dt.timedelta(seconds=seconds)
    assert fleet.only() == replace(before, started=before.started + by, last_seen=before.last_seen + by)
    fleet.ask(3)
    assert [t.started for t in fleet.transfers.look()] == [known[0].started], "it is the same transfer"


def test_the_rate_is_of_the_last_while(fleet: Fleet) -> None:
    for number in range(6):
        fleet.ask(number, seconds=20.0)
        fleet.transfers.look()
    for number in range(6, 14):
        fleet.ask(number, seconds=5.0)
        fleet.transfers.look()
    rate = fleet.only().bytes_per_second
    assert rate is not None
    assert rate == pytest.approx(64 / 5)


def test_it_stalls_goes_on_and_is_abandoned(fleet: Fleet) -> None:
    fleet.ask(0, 1, 2)
    fleet.seconds += STALLED
    assert fleet.only().state is TransferState.RUNNING
    fleet.seconds += 1
    stalled = fleet.only()
    assert (stalled.state, stalled.bytes_per_second, stalled.eta_seconds) == (TransferState.STALLED, None, None)
    fleet.ask(3)
    assert fleet.only().state is TransferState.RUNNING
    fleet.seconds += EXCHANGE_LIFETIME + 1
    assert fleet.only().state is TransferState.ABANDONED


def test_done_is_with_the_last_block_and_stays_so(fleet: Fleet) -> None:
    fleet.ask(*range(15))
    assert fleet.only().state is TransferState.RUNNING
    fleet.ask(15)
    assert (fleet.only().state, fleet.only().blocks_done) == (TransferState.DONE, 16)
    fleet.ask(15)
    fleet.seconds += EXCHANGE_LIFETIME + 1
    assert (fleet.only().state, fleet.only().asked_again) == (TransferState.DONE, 1)


@pytest.mark.parametrize("port", [DEVICE, OTHER_PORT], ids=["same port", "another port"])
def test_a_device_that_begins_anew_has_restarted_the_first_one(fleet: Fleet, port: Address) -> None:
    fleet.ask(*range(6))
    fleet.ask(*range(16), of=port)
    assert [t.state for t in fleet.transfers.all()] == [TransferState.DONE, TransferState.RESTARTED]
    assert [t.blocks_done for t in fleet.transfers.all()] == [16, 6]


def test_two_devices_behind_one_address_do_not_restart_each_other(fleet: Fleet) -> None:
    fleet.ask(*range(6))
    fleet.ask(*range(3), of=OTHER_PORT)
    fleet.ask(6)
    fleet.ask(3, of=OTHER_PORT)
    assert {t.state for t in fleet.transfers.all()} == {TransferState.RUNNING}


def test_what_the_radio_lost_is_counted(fleet: Fleet) -> None:
    fleet.ask(0, 1, 1, 2, 2, 2, 3)
    assert (fleet.only().asked_again, fleet.only().blocks_done) == (3, 4)


def test_a_device_that_goes_on_after_the_servers_start_has_what_came_before(fleet: Fleet) -> None:
    fleet.ask(*range(9, 16))
    assert (fleet.only().state, fleet.only().blocks_done) == (TransferState.DONE, 16)


def test_a_poll_that_is_answered_2_03_and_one_of_nothing_are_no_transfers(fleet: Fleet) -> None:
    etag = fleet.parts.live.current.images["v/slot0"].etag
    assert fleet.parts.answer(get("v/slot0", (4, etag), mid=7), DEVICE) is not None
    assert fleet.parts.answer(get("v/none", mid=8), DEVICE) is not None
    assert fleet.parts.answer(get(".well-known/core", mid=9), DEVICE) is not None
    assert fleet.transfers.all() == []


def test_a_device_that_polls_is_told_of_once(fleet: Fleet) -> None:
    for _ in range(5):
        fleet.ask(*range(16))
    assert [t.state for t in fleet.transfers.all()] == [TransferState.DONE, TransferState.DONE]  # the last, and the one before


def test_what_ended_is_told_of_for_an_hour(fleet: Fleet) -> None:
    fleet.ask(*range(16))
    fleet.seconds += 3601
    assert fleet.transfers.all() == []
    fleet.ask(*range(16), of=OTHER_PORT)  # which makes room
    assert len(fleet.transfers.all()) == 2
    fleet.seconds += 3601
    fleet.ask(0, of=OTHER_PORT)
    fleet.seconds += 1
    assert [t.blocks_done for t in fleet.transfers.all()] == [1, 16]


def test_a_look_tells_only_what_changed(fleet: Fleet) -> None:
    assert fleet.transfers.look() == []
    fleet.ask(0, 1)
    assert [t.blocks_done for t in fleet.transfers.look()] == [2]
    assert fleet.transfers.look() == []
    fleet.ask(*range(2, 16))
    fleet.ask(0, of=OTHER_PORT)
    assert [(t.blocks_done, t.state) for t in fleet.transfers.look()] == [(16, TransferState.DONE), (1, TransferState.RUNNING)]
    fleet.seconds += STALLED + 1
    assert [t.state for t in fleet.transfers.look()] == [TransferState.STALLED]


def test_what_went_is_told_by_a_look_once_though_others_asked_before_and_is_let_go_of(fleet: Fleet) -> None:
    device: Address = ("fd00::77", 40000, 0, 0)
    fleet.ask(0, of=device)
    (first,) = fleet.transfers.look()
    fleet.ask(0, of=device)  # begins anew
    assert len(fleet.transfers.all()) == 2
    told = fleet.transfers.look()
    assert [t.state for t in told] == [TransferState.RESTARTED, TransferState.RUNNING]
    assert [(t.started, t.state) for t in fleet.transfers.over] == [(first.started, TransferState.RESTARTED)]
    assert (fleet.transfers.look(), fleet.transfers.over) == ([], [])
    assert _pins_in_memory(device) == 1


def test_a_flood_of_ends_leaves_nothing_behind(fleet: Fleet) -> None:
    device: Address = ("fd00::78", 40000, 0, 0)
    fleet.ask(0, of=device)
    fleet.transfers.look()
    fleet.ask(*[0] * 5000, of=device, seconds=0.0)  # more than the pins remember
    fleet.transfers.look()
    assert _pins_in_memory(device) == 1


def _pins_in_memory(device: Address) -> int:
    gc.collect()
    return sum(isinstance(one, Pin) and one.source == source_of(device) for one in gc.get_objects())


def test_one_that_had_to_make_room_is_abandoned(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, most_pins=2)
    fleet.ask(0, 1)
    fleet.ask(0, of=("fd00::3", 1, 0, 0))
    fleet.ask(0, of=("fd00::4", 1, 0, 0))
    assert [(t.device, t.state) for t in fleet.transfers.all()] == [
        ("fd00::4", TransferState.RUNNING), ("fd00::3", TransferState.ABANDONED), ("fd00::2", TransferState.RUNNING),
    ]  # fmt: skip


def test_a_file_of_no_release_has_neither_id_nor_role(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(bytes(SIZE))
    settle(fleet.parts.live)
    fleet.ask(0, path="notes")
    assert (fleet.only().publish_id, fleet.only().role) == (None, None)


def test_a_release_that_was_replaced_meanwhile_is_not_named(fleet: Fleet, tmp_path: Path) -> None:
    fleet.ask(0, 1)
    write_release(tmp_path / "v", seed=2, size=SIZE)
    settle(fleet.parts.live)
    fleet.ask(2)
    assert fleet.only().publish_id is None


@pytest.mark.parametrize(
    ("address", "device"),
    [
        (("fd00::2", 1, 0, 0), "fd00::2"),
        (("::ffff:10.0.0.7", 1, 0, 0), "10.0.0.7"),
        (("10.0.0.7", 1), "10.0.0.7"),
        (("fe80::2", 1, 0, 1), "fe80::2%lo"),
        (("fe80::2", 1, 0, 65000), "fe80::2%65000"),
    ],
)
def test_a_device_is_an_address_and_a_zone(address: Address, device: str) -> None:
    assert device_of(source_of(address)) == device
