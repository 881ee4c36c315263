"""A device that is forgotten: what goes, what brings it back, and what does not; in a time that only the test moves."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from common.device_url import DeviceUrl
from common.errors import NotFound
from common.finding import Role
from common.notification import DeviceState
from common.transfer import Transfer, TransferState
from server.coap.blocks import Miss
from server.coap.source import source_of
from tests.fakes.asked_devices import Keeper
from tests.support.clock import Clock
from tests.support.device_world import ADDRESS, URL, World

START = 1_000_000.0


def transfer(world: World, state: TransferState = TransferState.RUNNING, part: int = 500, path: str = "v1/slot1") -> Transfer:
    """Begun at START, heard now."""
    now, began = (dt.datetime.fromtimestamp(time, dt.UTC) for time in (world.clock(), START))
    return Transfer(ADDRESS, "v1", Role.SLOT1, path, "b", part, 1000, part, 1000, None, None, 0, 0, state, began, now)


def is_known(world: World) -> bool:
    return [device.device for device in world.devices.all()] == [ADDRESS]


def test_all_that_is_known_of_it_goes_for_good(world: World, clock: Clock, keeper: Keeper) -> None:
    world.tell()
    world.devices.name(ADDRESS, "cellar", "kitchen")
    number = world.devices.number
    was = world.devices.forget(ADDRESS)
    assert (was.device, was.name, was.group) == (ADDRESS, "cellar", "kitchen")
    assert world.devices.all() == []
    assert world.devices.of_group("kitchen") == ()
    assert world.devices.trace(ADDRESS) is None
    assert world.devices.number > number
    with pytest.raises(NotFound, match=r"No device is known at 'fd00::2'\."):
        world.devices.forget(ADDRESS)
    assert World(clock, keeper).devices.all() == []


def test_heard_again_it_is_a_new_device(world: World) -> None:
    world.tell()
    world.devices.name(ADDRESS, "cellar", "kitchen")
    world.devices.forget(ADDRESS)
    world.fetch(Role.MANIFEST, TransferState.RUNNING)
    device = world.devices.get(ADDRESS)
    assert (device.name, device.group, device.url) == ("", "", None)
    world.devices.forget(ADDRESS)
    world.devices.register(URL)
    assert world.devices.get(ADDRESS).update is None


def test_a_transfer_that_ends_because_the_device_is_gone_does_not_bring_it_back(world: World) -> None:
    running = transfer(world)
    world.devices.beat([running], [])
    world.devices.forget(ADDRESS, [running])
    for state in (TransferState.RUNNING, TransferState.STALLED, TransferState.ABANDONED):
        world.clock.now += 100
        world.devices.beat([replace(running, state=state)], [])
        assert not is_known(world), state
    world.clock.now += 1
    world.devices.beat([transfer(world, part=600)], [])
    assert is_known(world), "it went on with the same transfer"


def test_what_it_asked_for_within_the_second_before_does_not_bring_it_back(world: World) -> None:
    world.devices.beat([transfer(world)], [])
    world.clock.now += 0.5
    ended = transfer(world, TransferState.DONE, 1000)
    world.devices.forget(ADDRESS, [ended])
    world.devices.beat([ended], [])
    assert not is_known(world)


def test_of_two_that_are_forgotten_each_keeps_its_time(world: World) -> None:
    first, other = transfer(world), replace(transfer(world), device="fd00::3")
    world.devices.beat([first, other], [])
    world.devices.forget(ADDRESS, [first, other])
    world.clock.now += 1
    again = transfer(world, part=600)
    world.devices.forget("fd00::3", [again, other])
    world.devices.beat([replace(other, state=TransferState.STALLED)], [])
    assert world.devices.all() == []
    world.devices.beat([again], [])
    assert is_known(world), "it was heard behind its own forgetting, and before the other's"


def test_a_transfer_of_before_says_nothing_of_a_device_that_came_back(world: World) -> None:
    running = transfer(world)
    world.devices.beat([running], [])
    world.devices.forget(ADDRESS, [running])
    world.devices.register(URL, board="board-a")
    world.devices.beat([replace(running, state=TransferState.ABANDONED)], [])
    assert world.devices.get(ADDRESS).update is None


def test_an_answer_that_was_asked_for_before_does_not_bring_it_back(world: World) -> None:
    world.devices.register(URL)
    world.devices.forget(ADDRESS)
    assert world.pool.work() == 1
    world.devices.beat([], [])
    assert world.devices.all() == []


def test_time_that_passes_and_paths_that_are_missed_do_not_bring_it_back(world: World) -> None:
    world.tell()
    world.pool.work()
    world.devices.forget(ADDRESS)
    world.devices.beat([], [Miss(source_of((ADDRESS, 40000, 0, 0)), "v1/manifest")])
    world.wait(700)
    assert world.devices.all() == []
    assert not world.devices.goes_on(ADDRESS, "v1")


def test_telling_it_again_brings_it_back(world: World) -> None:
    world.devices.register(URL)
    world.devices.forget(ADDRESS)
    world.devices.intend(DeviceUrl.parse("[fd00::2]/suit/trigger"), "v1")
    world.devices.told(URL, "v1", DeviceState.UNREACHABLE, "No answer.")
    assert is_known(world)
