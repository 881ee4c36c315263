"""Rollouts over real processes: a bad release stops at the first device, a good one reaches all, also through kill -9."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from common import rollout_client as rollouts
from common.client import Client
from common.errors import InvalidRequest, NotFound
from common.rollout import WEAKER, Outcome, Rollout, RolloutPlan, RolloutState, WaveState
from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.integration.test_rehearsal import events, rehearsing, release
from tests.support.ports import free_port
from tests.support.server import Server
from tests.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """With the flags of the test's parameter."""
    flags = ["--patience", "30", "--coap-port", str(free_port()), *getattr(request, "param", ())]
    server = Server(tmp_path / "fw", tmp_path / "state", flags).start()
    release(server, "v2")
    try:
        yield server
    finally:
        server.stop()
        assert "Traceback" not in server.log, server.log


def devices(server: Server, count: int, speed: int, *flags: str) -> list[str]:
    return [
        "--count", str(count), "--address", "127.4.0.1", "--port", "0", "--server", f"127.0.0.1:{server.coap_port}",
        "--block", "256", "--speed", str(speed), *flags,
    ]  # fmt: skip


def followed(client: Client, rollout: Rollout) -> Rollout:
    """The last of it; fails when that takes too long."""
    end = time.monotonic() + 150
    for now in rollouts.watch(client, rollout, every=0.1):
        rollout = now
        assert time.monotonic() < end, now
        assert now.state is not RolloutState.PAUSED, now.reason
    return rollout


def triggers(said: Sequence[dict[str, Any]]) -> Counter[str]:
    return Counter(event["device"] for event in said if event["event"] == "triggered")


def sentences(server: Server) -> list[str]:
    page = requests.get(f"{server.url}/api/v1/history", params={"kind": "rollout"}, timeout=60).json()
    return [event["what"] for event in page["events"]]


@pytest.mark.parametrize("server", [["--patience", "8"]], indirect=True)
def test_a_bad_release_stops_in_wave_one(server: Server) -> None:
    with rehearsing(*devices(server, 50, 20, "--fault", "digest:50")) as (process, urls), Client(server.url) as client:
        rollout = followed(client, rollouts.begin(client, RolloutPlan("v2", tuple(urls))))
        process.send_signal(signal.SIGTERM)
        said = events(process)
    assert rollout.state is RolloutState.STOPPED
    assert [wave.state for wave in rollout.waves] == [WaveState.FAILED] + [WaveState.WAITING] * 3
    assert rollout.summary == "Stopped in wave 1 of 4: 1 device touched, 49 untouched."
    assert urls[0] in rollout.reason
    touched = {event["device"] for event in said}
    assert touched == {"127.4.0.1"}, "49 devices said nothing"
    wait_until(lambda: sentences(server)[-1:] == [rollout.reason], what="the reason in the history")


def test_a_good_release_reaches_all(server: Server) -> None:
    with rehearsing(*devices(server, 12, 20)) as (process, urls), Client(server.url) as client:
        begun = rollouts.begin(client, RolloutPlan("v2", tuple(urls), waves="1,50%,rest"))
        rollout = followed(client, begun)
        process.send_signal(signal.SIGTERM)
        said = events(process)
        assert rollouts.get(client, begun.id) == rollouts.all_rollouts(client)[0] == rollout
    assert rollout.succeeded
    assert [len(rollout.of_wave(n)) for n in (1, 2, 3)] == [1, 5, 6]
    assert rollout.count(Outcome.CONFIRMED) == rollout.touched == 12
    assert set(triggers(said).values()) == {1}

    def opened() -> list[str]:
        return [what.partition(":")[0] for what in sentences(server) if " opens with " in what]

    waves = [f"Wave {n} of 3 opens with {count} device{'s' if count > 1 else ''}" for n, count in ((1, 1), (2, 5), (3, 6))]
    wait_until(lambda: opened() == waves, what="the waves in the history")


def test_it_goes_on_where_it_was_after_kill_9(server: Server) -> None:
    with rehearsing(*devices(server, 12, 5, "--block", "64", "--delay", "0.1")) as (process, urls):
        with Client(server.url) as client:
            rollout = rollouts.begin(client, RolloutPlan("v2", tuple(urls), waves="1,50%,rest"))

            def in_the_middle() -> bool:
                wave = rollouts.get(client, rollout.id).of_wave(2)
                return any("fetching slot" in row.reason for row in wave)

            wait_until(in_the_middle, 60, "the middle of wave two")
        server.stop(signal.SIGKILL)
        server.lines.clear()
        server.start()
        with Client(server.url) as client:
            again = rollouts.get(client, rollout.id)
            assert again.opened == 2
            assert again.count(Outcome.CONFIRMED, 1) == 1
            rollout = followed(client, again)
        process.send_signal(signal.SIGTERM)
        said = events(process)
    assert rollout.succeeded, rollout
    assert rollout.count(Outcome.CONFIRMED) == 12
    for device, count in triggers(said).items():
        asked = [event["event"] for event in said if event["device"] == device]
        first = asked.index("triggered")
        between = asked[first + 1 : asked.index("triggered", first + 1)] if count > 1 else []
        assert not [event for event in between if event.startswith("fetch")], (device, asked)


def test_the_api_of_forms_and_json(server: Server) -> None:
    base = f"{server.url}/api/v1/rollouts"
    with RiotDevice() as device, RiotDevice(Behaviour(silent=True)) as silent:
        requests.post(f"{server.url}/notify", data={"publish_id": "v2", "urls": device.url}, timeout=60)
        name = {"name": "stove", "group": "küche"}
        assert requests.put(f"{server.url}/api/v1/devices/::1", json=name, timeout=60).ok
        form = {
            "publish_id": "v2", "group": "küche", "urls": f"{silent.url}, 127.4.9.2", "waves": "1,rest", "share": "90 %",
            "stop_after": "2", "accept": "downloaded",
        }  # fmt: skip
        made = requests.post(base, data=form, timeout=60)
        assert made.status_code == 201, made.text
        rollout = Rollout.from_json(made.json())
        assert made.headers["Location"] == f"/api/v1/rollouts/{rollout.id}"
        assert (rollout.share, rollout.stop_after, rollout.caution) == (0.9, 2, WEAKER)
        assert [len(wave["devices"]) for wave in made.json()["waves"]] == [1, 2]
        assert rollout.devices[-1].device == device.url
        one = f"{base}/{rollout.id}"
        assert requests.post(one, data={"state": "paused"}, timeout=60).json()["state"] == "paused"
        known = requests.get(one, timeout=60)
        again = requests.get(one, headers={"If-None-Match": known.headers["ETag"]}, timeout=60)
        assert again.status_code in (200, 304), "whether it is known already depends on the device"
        assert requests.get(base, timeout=60).json()["rollouts"][0]["id"] == rollout.id
        with Client(server.url) as client:
            assert rollouts.resume(client, rollout.id).state is RolloutState.RUNNING
            assert rollouts.pause(client, rollout.id).state is RolloutState.PAUSED
            assert rollouts.stop(client, rollout.id).state is RolloutState.STOPPED
            with pytest.raises(InvalidRequest, match="stopped for good"):
                rollouts.resume(client, rollout.id)
            with pytest.raises(NotFound):
                rollouts.get(client, "nothing")
    good = {"publish_id": "v2", "urls": ["127.4.9.3"]}
    for wrong, status, word in (
        ({"urls": []}, 400, "urls"),
        ({"urls": [3]}, 400, "urls"),
        ({"urls": ["http://x"]}, 400, "coap"),
        ({"group": "nobody"}, 400, "nobody"),
        ({"waves": "5,1"}, 400, "follows"),
        ({"share": "0"}, 400, "share"),
        ({"share": "101 %"}, 400, "share"),
        ({"share": "nan"}, 400, "share"),
        ({"stop_after": 0}, 400, "stop_after"),
        ({"accept": "all"}, 400, "accept"),
        ({"wave": "1"}, 400, "wave"),
        ({"publish_id": "v3"}, 404, "v3"),
        ({"urls": [f"127.4.9.1:{port}" for port in range(1, 1002)]}, 400, "1001 devices"),
    ):
        answer = requests.post(base, json=good | wrong, timeout=60)
        assert (answer.status_code, word in answer.json()["message"]) == (status, True), answer.text
    assert requests.post(base, data="nothing", timeout=60).status_code == 400
    assert requests.post(f"{base}/{rollout.id}", json={"state": "odd"}, timeout=60).status_code == 400
    assert requests.post(base, json=good, headers={"Origin": "http://evil.example"}, timeout=60).status_code == 403
