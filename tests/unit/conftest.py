"""A firmware folder in the test's own folder, and its catalogue, in a time that only the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store
from tests.support.clock import Clock


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
