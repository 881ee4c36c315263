"""Releases that go by themselves, as the real server does it: dropped, in use, over a restart, and with a quota."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from server.fleet.devices.known import Known
from server.fleet.devices.register import Register
from server.fleet.devices.verdicts import begin
from server.fleet.fleet import SCHEMA
from server.fleet.record.database import Database
from tests.e2e.test_monitors import health, value
from tests.support.coap import ask, block2, fetch, get, peer
from tests.support.releases import suit_release, write_release
from tests.support.server import Server, running
from tests.waiting import wait_until


def left(server: Server) -> set[str]:
    return {r["publish_id"] for r in requests.get(f"{server.url}/api/v1/releases", timeout=60).json()["releases"]}


def retired(server: Server) -> list[dict[str, Any]]:
    found = requests.get(f"{server.url}/api/v1/history?kind=retired", timeout=60).json()["events"]
    return sorted(found, key=lambda event: event["publish_id"])


def drop(server: Server, folder: str, *numbers: int) -> None:
    """Releases for the board that the folder is named after; each is served before the next one comes."""
    for number in numbers:
        suit_release(server.folder / folder / str(number), number, folder, seed=number)
        wait_until(lambda name=f"{folder}/{number}": f"release '{name}' is ready" in server.log)  # type: ignore[misc]


def settles(server: Server, *expected: str) -> None:
    wait_until(lambda: left(server) == set(expected), what=f"{expected} to be left")


def test_five_are_dropped_and_two_stay(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state", "--keep", "2") as server:
        (server.folder / "a").mkdir()
        (server.folder / "a" / "notes.txt").write_text("no release")
        for number in range(5):
            write_release(server.folder / f"opaque{number}", number)
        drop(server, "a", 1, 2, 3, 4, 5)
        drop(server, "b", 1)
        settles(server, "a/4", "a/5", "b/1", *(f"opaque{number}" for number in range(5)))
        why = "2 newer for its vendor and class are ready (--keep 2)."
        wait_until(lambda: len(retired(server)) == 3)
        assert [(e["who"], e["what"]) for e in retired(server)] == [("retention", f"Removed a/{n}: {why}") for n in (1, 2, 3)]
        wait_until(lambda: server.log.count(f"removed 'a/1': {why}") == 1, what="the line in the log")
        assert value(server, "ota_releases_retired_total", limit="keep") == 3
        assert (server.folder / "a" / "notes.txt").read_text() == "no release"
        assert not (server.folder / "a" / "1").exists()
        with peer(server.coap_port) as sock:
            assert fetch(sock, "a/latest/manifest") == (server.folder / "a" / "5" / "manifest").read_bytes()
        drop(server, "a", 2)
        wait_until(lambda: len(retired(server)) == 4, what="an old one that comes back to go again")
        assert health(server)[1]["problems"] == []


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    with (
        running(tmp_path / "fw", tmp_path / "state", "--keep", "1") as server,
        peer(server.coap_port) as device,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        drop(server, "fetched", 1)
        data = (server.folder / "fetched" / "1" / "slot0").read_bytes()
        first = ask(device, get("fetched/1/slot0", block2(0, 4))).payload
        drop(server, "rolled", 1)
        silent.bind(("127.9.9.9", 0))
        form = {"publish_id": "rolled/1", "urls": f"127.9.9.9:{silent.getsockname()[1]}/fw"}
        begun = requests.post(f"{server.url}/api/v1/rollouts", data=form, timeout=60)
        assert begun.status_code == 201, begun.text
        drop(server, "fetched", 2, 3)
        drop(server, "rolled", 2, 3)
        settles(server, "fetched/1", "fetched/3", "rolled/1", "rolled/3")
        rest = ask(device, get("fetched/1/slot0", block2(1, 4), mid=2)).payload
        assert first + rest == data[:512]
        wait_until(lambda: [e["publish_id"] for e in retired(server)] == ["fetched/2", "rolled/2"], what="the history of both")


def test_a_start_knows_its_devices_before_it_removes_anything(tmp_path: Path) -> None:
    database = Database(tmp_path / "state" / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    Register(database).keep(Known("fd00::7", completed="v1"))
    Register(database).keep(Known("fd00::8", trace=begin("v2", 1.0)))
    database.stop()
    for number in range(1, 6):
        suit_release(tmp_path / "fw" / f"v{number}", number, seed=number)
        jump = 4_000_000_000 if number == 1 else 1000 - number
        os.utime(tmp_path / "fw" / f"v{number}" / "manifest", (jump, jump))
    with running(tmp_path / "fw", tmp_path / "state", "--keep", "1") as server:
        settles(server, "v1", "v2", "v5")
    with running(tmp_path / "fw", tmp_path / "state", "--keep", "1", "--quota", "500") as server:
        wait_until(lambda: health(server)[1]["notes"])
        code, found = health(server)
        assert (code, found["status"]) == (200, "ok")
        assert "its quota is 500 (--quota). Nothing more is removed by itself" in found["notes"][0]
        page = requests.get(server.url, headers={"Accept": "text/html"}, timeout=60).text
        assert "v1 (fd00::7 has it)" in page.replace("<wbr>", "")
        assert left(server) == {"v1", "v2", "v5"}


def test_a_start_that_does_not_know_its_devices_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "fleet.db").write_bytes(b"no database" * 1000)
    for number in (1, 2):
        suit_release(tmp_path / "fw" / f"v{number}", number, seed=number)
    with running(tmp_path / "fw", tmp_path / "state", "--keep", "1") as server:
        wait_until(lambda: health(server)[1]["notes"])
        assert "what devices use is not known" in health(server)[1]["notes"][0]
        assert left(server) == {"v1", "v2"}


def test_a_quota_takes_the_oldest(tmp_path: Path) -> None:
    for number in range(1, 5):
        write_release(tmp_path / "fw" / f"v{number}", number, size=5000)
        os.utime(tmp_path / "fw" / f"v{number}" / "manifest", (number, number))
    with running(tmp_path / "fw", tmp_path / "state", "--quota", "25000") as server:
        settles(server, "v3", "v4")
        wait_until(lambda: len(retired(server)) == 2)
        assert value(server, "ota_folder_bytes") < 25000
