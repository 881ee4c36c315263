"""Devices are forgotten over HTTP: with who did it in the history, for good, and never while somebody here waits for them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from common.client import Client
from common.errors import InvalidRequest, NotFound
from common.fleet_client import FleetClient
from server.coap import datagram
from server.coap.datagram import Datagram, parse
from server.fleet.devices.known import Known
from server.fleet.devices.register import Register
from server.fleet.fleet import SCHEMA
from server.fleet.record.database import Database
from tests.fakes.riot_device import RiotDevice
from tests.support.coap import ask, block2, get
from tests.support.releases import suit_release, write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

HOST = "127.8.1.1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        write_release(server.folder / "v1")
        server.wait_ready("v1")
        yield server


def known(server: Server) -> set[str]:
    return {d["device"] for d in requests.get(f"{server.url}/api/v1/devices", timeout=60).json()["devices"]}


def forget(server: Server, address: str = HOST) -> requests.Response:
    return requests.delete(f"{server.url}/api/v1/devices/{address}", timeout=60)


def events(server: Server, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{server.url}/api/v1/history", params=query, timeout=60).json()["events"]
    return found


def notify(server: Server, url: str, publish_id: str = "v1") -> str:
    form = {"publish_id": publish_id, "urls": url}
    answer = requests.post(f"{server.url}/notify", data=form, headers={"Prefer": "respond-async"}, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def block(server: Server, number: int, host: str = HOST) -> None:
    """As a device at this address asks for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.settimeout(60)
        sock.connect(("127.0.0.1", server.coap_port))
        ask(sock, get("v1/slot0", block2(number, 2)))


def test_it_is_gone_for_good_and_the_history_says_who_did_it(server: Server, tmp_path: Path) -> None:
    for host in (HOST, "127.8.1.2"):
        block(server, 0, host)
    wait_until(lambda: known(server) == {HOST, "127.8.1.2"})
    named = requests.put(f"{server.url}/api/v1/devices/{HOST}", json={"name": "cellar", "group": "house"}, timeout=60)
    assert named.status_code == 200, named.text
    answer = forget(server)
    assert (answer.status_code, answer.json()) == (200, {"forgotten": HOST})
    again = forget(server)
    assert (again.status_code, again.json()["error"]) == (404, "not-found")
    assert known(server) == {"127.8.1.2"}
    wait_until(lambda: events(server, kind="forgotten"))
    [event] = events(server, kind="forgotten")
    assert (event["who"], event["device"]) == ("127.0.0.1", HOST)
    assert event["what"] == f"Forgot {HOST}, which was called 'cellar'."
    assert {"named", "forgotten"} <= {e["kind"] for e in events(server, device=HOST)}, "what happened with it stays"
    wait_until(lambda: f"127.0.0.1: Forgot {HOST}, which was called 'cellar'." in server.log, what="the line in the log")
    server.stop(signal.SIGKILL)
    with running(tmp_path / "fw", tmp_path / "state") as after:
        assert known(after) == {"127.8.1.2"}
        block(after, 1)
        wait_until(lambda: HOST in known(after), what="the device to be heard again")
        assert requests.get(f"{after.url}/api/v1/devices/{HOST}", timeout=60).json()["name"] == ""


def test_a_stream_says_which_device_is_forgotten(server: Server) -> None:
    with requests.get(f"{server.url}/api/v1/events", stream=True, timeout=60) as answer:
        lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        heard: list[str] = []

        def hear(event: str) -> str:
            while f"event: {event}" not in heard:
                heard.append(next(lines))
            heard.clear()
            return str(next(lines))

        assert hear("devices") == 'data: {"devices": []}', "the first list, though it is empty"
        block(server, 0)
        assert HOST in hear("devices")
        assert forget(server).status_code == 200
        assert hear("forgotten") == f'data: {{"forgotten": ["{HOST}"]}}'


def test_one_that_is_waited_for_stays(server: Server) -> None:
    with RiotDevice(host=HOST) as device:
        told = f"{server.url}/api/v1/notifications/{notify(server, device.url)}"
        wait_until(lambda: requests.get(told, timeout=60).json()["results"][0]["state"] == "accepted", what="its answer")
        wait_until(lambda: HOST in known(server))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.8.1.3", 0))
            url = f"127.8.1.3:{silent.getsockname()[1]}"
            block(server, 0, "127.8.1.3")
            wait_until(lambda: "127.8.1.3" in known(server))
            number = notify(server, url)
            refused = forget(server, "127.8.1.3")
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid-request")
            says = "A notification of v1, which is running, still waits for 127.8.1.3: cancel it first, or let it end."
            assert refused.json()["message"] == says
            cancel = {"state": "cancelled"}
            requests.post(f"{server.url}/api/v1/notifications/{number}", data=cancel, timeout=60).raise_for_status()
            assert forget(server, "127.8.1.3").status_code == 200
        plan = {"publish_id": "v1", "urls": [device.url]}
        rollout = requests.post(f"{server.url}/api/v1/rollouts", json=plan, timeout=60).json()["id"]
        with Client(server.url) as client, pytest.raises(InvalidRequest) as error:
            FleetClient(client).forget_device(HOST)
        says = f"The rollout {rollout} of v1, which is running, still waits for {HOST}: stop it first, or let it end."
        assert str(error.value) == says
        stop = {"state": "stopped"}
        requests.post(f"{server.url}/api/v1/rollouts/{rollout}", json=stop, timeout=60).raise_for_status()
        with Client(server.url) as client:
            fleet = FleetClient(client)
            wait_until(lambda: all(n.done for n in fleet.notifications()), what="whoever is being told to be told")
            fleet.forget_device(HOST)
            with pytest.raises(NotFound, match=f"No device is known at '{HOST}'"):
                fleet.forget_device(HOST)


def test_its_registration_ends_and_a_new_one_brings_it_back(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind((HOST, 0))
        device.settimeout(60)

        def post(path: str, mid: int) -> Datagram:
            """As devices do, which answer a ping with a reset (RFC 7252, 4.3)."""
            query = ((datagram.URI_QUERY, b"ep=node"),) if path == "rd" else ()
            device.sendto(get(path, *query, mid=mid, code=2), ("127.0.0.1", server.coap_port))
            answers: dict[int, Datagram] = {}
            pinged = path != "rd"
            while mid not in answers or not pinged:
                data, source = device.recvfrom(2000)
                message = parse(data)
                assert message is not None
                if message.type == datagram.CON:
                    device.sendto(datagram.encode(Datagram(datagram.RST, 0, message.mid, b"", (), b"")), source)
                    pinged = pinged or not message.code  # it is asked for its board, too
                else:
                    answers[message.mid] = message
            return answers[mid]

        for mid in (1, 11):
            answer = post("rd", mid)
            assert answer.dotted_code == "2.01"
            place = "/".join(part.decode() for part in answer.values(8))
            wait_until(lambda: HOST in known(server), what="the device to be known")
            assert post(place, mid + 1).dotted_code == "2.04"
            assert forget(server).status_code == 200
            assert post(place, mid + 2).dotted_code == "4.04"
            assert known(server) == set()


def test_a_release_that_only_the_forgotten_one_needs_may_go(tmp_path: Path) -> None:
    database = Database(tmp_path / "state" / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    Register(database).keep(Known("fd00::9", completed="a/1"))
    database.stop()
    with running(tmp_path / "fw", tmp_path / "state", "--keep", "1") as server:
        for number in (1, 2, 3):
            suit_release(server.folder / "a" / str(number), number, "a", seed=number)
            wait_until(lambda name=f"a/{number}": f"release '{name}' is ready" in server.log)  # type: ignore[misc]
        wait_until(lambda: [e["publish_id"] for e in events(server, kind="retired")] == ["a/2"])
        assert forget(server, "fd00::9").status_code == 200
        suit_release(server.folder / "a" / "4", 4, "a", seed=4)
        wait_until(lambda: [e["publish_id"] for e in events(server, kind="retired")][1:] == ["a/1", "a/3"])
