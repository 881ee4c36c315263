"""One act of notifying: whose turn it is, how long the rest takes, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.device_url import DeviceUrl
from common.notification import BatchState, DeviceState, Nul
from server.fleet.notifying.batch import Batch, Turn
from server.fleet.notifying.batch_file import SCHEMA, Batches
from server.fleet.notifying.teller import Notice
from server.fleet.record.database import Database
from tests.support.clock import Clock

URLS = [DeviceUrl.parse(f"[fd00::{n}]/suit/trigger") for n in range(1, 5)]
WAITING, UNKNOWN, ACCEPTED = DeviceState.WAITING, DeviceState.UNKNOWN, DeviceState.ACCEPTED
CANCELLED, REFUSED, LOST = DeviceState.CANCELLED, DeviceState.REFUSED, DeviceState.UNREACHABLE
DAY = 86400.0


@pytest.fixture
def batch() -> Batch:
    return Batch.of("b1", "v1", URLS, Nul.AUTO, "10.0.0.9")


@pytest.fixture
def batches(tmp_path: Path, clock: Clock) -> Iterator[Batches]:
    database = Database(tmp_path / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    yield Batches(database, clock)
    database.stop()


def settle(batches: Batches) -> None:
    batches._database.commit(lambda _: None)


def ended(batch: Batch, row: int, state: DeviceState = ACCEPTED) -> None:
    batch.rows[row] = replace(batch.rows[row], state=state, code="2.01", message="So.")


def states(batch: Batch) -> list[DeviceState]:
    return [row.state for row in batch.rows]


def test_devices_come_in_their_order(batch: Batch) -> None:
    assert batch.next() == 0
    batch.turns[0] = Turn(1.0)
    batch.asking.add(1)
    batch.ready[2] = (Notice(URLS[2], b"", "", None), 1.0)
    assert batch.next() == 3
    ended(batch, 3)
    assert batch.next() is None
    assert (batch.waiting, batch.over) == (3, False)


def test_a_turn_ends_when_the_radio_is_free(batch: Batch) -> None:
    busy = {"fd00::1", "fd00::2"}
    batch.turns |= {0: Turn(10.0, "fd00::1", True), 1: Turn(10.0, "fd00::2"), 2: Turn(10.0, None, True), 3: Turn(None, "x", True)}
    assert batch.end_turns(busy.__contains__, 14.0) == [2, 3], "of one that began before the server did, nothing is measured"
    assert batch.lasted == [4.0]
    busy.clear()
    assert batch.end_turns(busy.__contains__, 16.0) == [0], "one that is still being told keeps its turn"
    assert (batch.lasted, list(batch.turns)) == ([4.0, 6.0], [1])


def test_the_rest_takes_as_long_as_the_others_did(batch: Batch) -> None:
    assert batch.shown(2).eta_seconds is None
    batch.lasted += [10.0, 30.0]
    assert batch.shown(2).eta_seconds == 40.0  # four devices, two at a time, 20 s each
    assert batch.shown(8).eta_seconds == 20.0
    ended(batch, 0)
    batch.turns[0] = Turn(0.0, "x", True)
    assert batch.shown(1).eta_seconds == 80.0, "one that still fetches is to be waited for"
    batch.state = BatchState.PAUSED
    assert batch.shown(2).eta_seconds is None
    batch.state = BatchState.RUNNING
    batch.turns.clear()
    for row in range(4):
        ended(batch, row)
    assert (batch.shown(2).eta_seconds, batch.shown(2).state, batch.over) == (None, BatchState.DONE, True)


def test_cancelling_leaves_those_that_are_being_told(batch: Batch) -> None:
    ended(batch, 0)
    batch.turns[1] = Turn(1.0)
    batch.ready[2] = (Notice(URLS[2], b"", "", None), 1.0)
    assert batch.cancel() == [2, 3]
    assert states(batch) == [ACCEPTED, WAITING, CANCELLED, CANCELLED]
    assert (batch.state, batch.ready, batch.next()) == (BatchState.CANCELLED, {}, None)
    assert batch.shown(8).state is BatchState.CANCELLED


def test_a_batch_comes_back_as_it_was(batch: Batch, batches: Batches) -> None:
    batches.add(batch)
    batch.turns |= {row: Turn(1.0, f"fd00::{row + 1}") for row in range(3)}
    for row in range(3):
        batches.intend(batch, row)
    ended(batch, 0)
    ended(batch, 1, REFUSED)
    batch.state = BatchState.PAUSED
    batches.keep(batch, [0, 1])
    settle(batches)
    (again,) = batches.load()
    assert (again.id, again.publish_id, again.devices, again.nul, again.who) == ("b1", "v1", tuple(URLS), Nul.AUTO, "10.0.0.9")
    assert again.state is BatchState.PAUSED
    assert states(again) == [ACCEPTED, REFUSED, UNKNOWN, WAITING]
    assert again.rows[:2] == batch.rows[:2]
    assert again.turns == {0: Turn(None, "fd00::1", True), 2: Turn(None, "fd00::3", False)}
    assert again.addresses == {0: "fd00::1", 1: "fd00::2", 2: "fd00::3"}
    assert again.next() == 3


def test_a_device_that_was_not_told_after_all_waits_as_if_nothing_had_been(batch: Batch, batches: Batches) -> None:
    batches.add(batch)
    batch.turns[0] = Turn(1.0, "fd00::1")
    batches.intend(batch, 0)
    batches.keep(batch, [0])  # it waits again
    settle(batches)
    (again,) = batches.load()
    assert states(again) == [WAITING] * 4
    assert again.turns == {}


def test_what_is_over_is_not_gone_on_with_but_found(batch: Batch, batches: Batches, clock: Clock) -> None:
    batches.add(batch)
    for row in range(4):
        ended(batch, row, LOST)
    batches.keep(batch, range(4))
    cancelled = Batch.of("b2", "v1", URLS, Nul.NO, "x")
    batches.add(cancelled)
    batches.keep(cancelled, cancelled.cancel())
    settle(batches)
    assert list(batches.load()) == []
    found = batches.find("b1")
    assert found is not None
    assert states(found) == [LOST] * 4
    assert batches.find("b3") is None
    clock.now += 31 * DAY
    assert list(batches.load()) == []
    assert batches.find("b1") is None, "a month is enough"


@pytest.mark.parametrize("state", [BatchState.RUNNING, BatchState.PAUSED])
def test_one_that_is_not_over_goes_on_however_long_ago_it_began(
    batch: Batch, batches: Batches, clock: Clock, state: BatchState
) -> None:
    batch.state = state
    batches.add(batch)
    ended(batch, 0, ACCEPTED)
    batches.keep(batch, [0])
    settle(batches)
    for days in (40 * DAY, -400 * DAY, 20 * 365 * DAY):
        clock.now += days
        (again,) = batches.load()
        assert (again.id, again.state, states(again)) == (batch.id, state, [ACCEPTED, *[WAITING] * 3])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE batches SET nul = 'perhaps' WHERE id = 'b1'",
        "UPDATE batch_rows SET device = '[fd00::1' WHERE batch = 'b1' AND row = 2",
        "UPDATE batch_rows SET state = 'asleep' WHERE batch = 'b1' AND row = 2",
    ],
)
def test_a_damaged_batch_takes_no_other_with_it(batch: Batch, batches: Batches, change: str) -> None:
    batches.add(batch)
    batches.add(Batch.of("b2", "v1", URLS, Nul.NO, "x"))
    batches._database.commit(lambda c: c.execute(change))
    assert [one.id for one in batches.load()] == ["b2"]
