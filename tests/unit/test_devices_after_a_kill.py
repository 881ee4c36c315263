"""What is made of devices that were in the middle when the server ended, however it ended, and was started again."""

from __future__ import annotations

import pytest

from common.device import UpdateState
from common.finding import Role
from common.notification import DeviceState
from server.fleet.devices.facts import Shown
from tests.fakes.asked_devices import Keeper
from tests.support.clock import Clock
from tests.support.device_world import ADDRESS, CONFIRMED, DONE, FAILED, PATIENCE, RUNNING, SILENT, URL, World


@pytest.mark.parametrize("seen", [(), (Role.MANIFEST,), (Role.MANIFEST, Role.SLOT1)])
def test_what_was_done_in_the_last_second_before_a_kill_is_proven_all_the_same(
    world: World, clock: Clock, keeper: Keeper, seen: tuple[Role, ...]
) -> None:
    world.tell()
    for role in seen:
        world.fetch(role, RUNNING)
    again = World(clock, keeper)  # it has fetched the rest, and nobody knows
    again.prober.shown = [Shown(False), Shown(True, 1)]
    again.wait(PATIENCE.stall + 3)
    assert again.verdict == CONFIRMED
    assert again.devices.get(ADDRESS).completed == "v1"


def test_a_question_from_before_its_time_was_over_is_not_the_last_one(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.fetch(Role.SLOT1, RUNNING)
    again = World(clock, keeper)
    again.prober.shown = [Shown(False), Shown(True, 1)]
    clock.now += 1
    again.devices.beat([], [])
    clock.now += PATIENCE.stall
    again.devices.beat([], [])
    again.pool.work()  # the first question's answer: it was installing then
    again.wait(3)
    assert again.verdict == CONFIRMED


@pytest.mark.parametrize(("lost", "verdict"), [(2, CONFIRMED), (3, FAILED)])
def test_one_lost_question_is_no_verdict_after_a_kill(
    world: World, clock: Clock, keeper: Keeper, lost: int, verdict: tuple[UpdateState, bool]
) -> None:
    world.tell()
    world.fetch(Role.SLOT1, RUNNING)
    again = World(clock, keeper)
    again.prober.shown = [Shown(True, 0), *[Shown(False)] * lost, Shown(True, 1)]
    again.wait(PATIENCE.stall + 6)
    assert again.verdict == verdict


def test_who_was_heard_since_the_kill_is_asked_once(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.fetch(Role.SLOT1, RUNNING)
    again = World(clock, keeper)
    again.wait(3)
    again.fetch(Role.SLOT1, RUNNING)
    again.prober.asked.clear()
    again.prober.shown = [Shown(False)]
    again.wait(PATIENCE.stall + 3)
    assert again.verdict == FAILED
    assert again.prober.asked == ["fd00::2"]


def test_a_device_that_cannot_be_asked_is_judged_without(world: World, clock: Clock, keeper: Keeper) -> None:
    world.devices.intend(URL, "v1", Shown(True, 0))
    world.fetch(Role.SLOT1, RUNNING)
    world.devices.told(URL, "v1", DeviceState.UNREACHABLE, "No answer.")
    again = World(clock, keeper)
    again.wait(PATIENCE.stall + 3)
    assert (again.verdict, again.prober.asked) == (FAILED, [])


@pytest.mark.parametrize(("fetched", "slot"), [(Role.SLOT0, 1), (Role.SLOT1, 0), (Role.MANIFEST, 0)])
def test_another_slot_than_the_one_that_it_fetched_proves_nothing_after_a_kill(
    world: World, clock: Clock, keeper: Keeper, fetched: Role, slot: int
) -> None:
    world.tell()
    world.fetch(fetched, RUNNING)
    again = World(clock, keeper)
    again.prober.shown = [Shown(True, slot)]
    again.wait(PATIENCE.stall + 3)
    assert again.verdict == FAILED


def test_a_device_that_was_told_and_has_all_is_not_told_again_after_a_kill(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.download()
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    again = World(clock, keeper)
    assert again.devices.expect(ADDRESS, "v1") is True
    assert again.verdict == CONFIRMED


def test_after_a_restart_every_wait_begins_anew(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.fetch(Role.MANIFEST, DONE)
    world.fetch(Role.SLOT1, RUNNING)
    for part in range(60):  # nothing of this is worth writing down
        clock.now += 60
        world.fetch(Role.SLOT1, RUNNING, part=part / 60)
    again = World(clock, keeper)
    again.devices.beat([], [])
    assert again.verdict == (UpdateState.FETCHING_SLOT1, False), "it was heard a minute ago"
    again.wait(PATIENCE.stall + 3)
    assert again.verdict == FAILED


def test_a_device_that_has_it_is_asked_after_a_long_outage_of_the_server(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.download()
    clock.now += 86400
    again = World(clock, keeper)
    again.prober.shown = [Shown(True, 1)]
    again.wait(2)
    assert again.verdict == CONFIRMED


def test_a_device_that_was_being_told_when_the_server_was_killed_is_no_riddle_for_ever(
    world: World, clock: Clock, keeper: Keeper
) -> None:
    world.devices.intend(URL, "v1")
    again = World(clock, keeper)
    again.wait(PATIENCE.begin + 1)
    assert again.verdict == SILENT
