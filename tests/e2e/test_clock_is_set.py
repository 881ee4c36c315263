"""The real server while its machine's clock is set by hours and years: NTP's first step, and a person's mistake."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from common import rollout_client as rollouts
from common.client import Client
from common.device import Device
from common.rollout import RolloutPlan, RolloutState
from tests.fakes.wrong_clock import VARIABLE, set_clock
from tests.integration.test_rehearsal import rehearsing, release
from tests.support.access import add_token
from tests.support.server import Server
from tests.waiting import wait_until

HOURS = 7200.0
YEARS = 20 * 365 * 86400.0


class Machine:
    """A server, and the clock of its machine."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wrong"
        set_clock(self._file, -HOURS)
        environment = {VARIABLE: str(self._file)}
        flags, module = ["--patience", "60"], "tests.fakes.wrong_clock"
        self.server = Server(folder / "fw", folder / "state", flags, environment=environment, module=module)

    def set(self, wrong: float) -> None:
        """Let the clock be so many seconds ahead; it has been noticed when this returns."""
        before = self._noticed()
        set_clock(self._file, wrong)
        wait_until(lambda: self._noticed() > before, what="the clock's step to be noticed")

    def _noticed(self) -> int:
        return self.server.log.count("the system's clock was set")

    def events(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]]
        found = requests.get(f"{self.server.url}/api/v1/history", params={"limit": 5000, **query}, timeout=60).json()["events"]
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Its clock is slow."""
    machine = Machine(tmp_path)
    machine.server.start()
    try:
        yield machine
    finally:
        machine.server.stop()
        assert "Traceback" not in machine.server.log, machine.server.log


def test_a_rollout_goes_on_while_the_clock_is_set_ahead_and_back(machine: Machine) -> None:
    server, began = machine.server, time.time()
    release(server, "v2")
    flags = ["--count", "3", "--address", "127.11.0.1", "--port", "0", "--block", "128", "--speed", "10", "--delay", "0.5"]
    with rehearsing(*flags, "--server", f"127.0.0.1:{server.coap_port}") as (_, urls), Client(server.url) as client:
        number = rollouts.begin(client, RolloutPlan("v2", tuple(urls), waves="1,rest")).id

        def fetching() -> set[str]:
            return {row.device for row in rollouts.get(client, number).devices if "fetching slot" in row.reason}

        wait_until(lambda: len(fetching()) == 1, what="the first one to be in the middle of its image")
        machine.set(0)
        wait_until(lambda: fetching() & set(urls[1:]), what="one of the second wave")
        machine.set(-HOURS)
        wait_until(lambda: rollouts.get(client, number).over, 120, "the end")
        assert rollouts.get(client, number).state is RolloutState.DONE, rollouts.get(client, number)
    machine.set(0)
    found = requests.get(f"{server.url}/api/v1/devices", timeout=60).json()["devices"]
    assert all(device.last_seen and device.last_seen.timestamp() >= began for device in map(Device.from_json, found))
    told = Counter((event["device"], event["kind"], event["what"]) for event in machine.events() if event["device"])
    assert set(told.values()) == {1}, "nothing is told twice"


def test_a_clock_that_is_years_ahead_for_seconds_costs_neither_the_history_nor_a_login(machine: Machine) -> None:
    server, token = machine.server, add_token(machine.server.state)
    with requests.Session() as browser:
        browser.headers["Origin"] = server.url

        def is_in() -> bool:
            return browser.post(f"{server.url}/withdraw", data={"publish_id": "none"}, timeout=60).status_code == 404

        assert not is_in()
        assert browser.post(f"{server.url}/login", data={"token": token}, timeout=60).ok
        assert is_in()
        wait_until(lambda: machine.events(kind="login"), what="the login to be in the history")
        before = machine.events()
        machine.set(YEARS)
        assert is_in()
        machine.set(0)
        assert is_in()
    assert machine.events() == before
