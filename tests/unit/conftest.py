"""A firmware folder and its catalogue, and the devices' side of a fleet, in a time that only the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store
from tests.fakes.asked_devices import Keeper
from tests.support.clock import Clock
from tests.support.device_world import World


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    store = Store(tmp_path, 100_000, clock)
    store.prepare()
    return store


@pytest.fixture
def live(store: Store, clock: Clock) -> LiveCatalogue:
    return LiveCatalogue(store, clock)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def world(clock: Clock, keeper: Keeper) -> World:
    return World(clock, keeper)
