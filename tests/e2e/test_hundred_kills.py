"""A hundred times kill -9 under load: what was acknowledged is there, what is served is whole, and the server starts.

Each cycle publishes, removes, drops files, fetches blocks and reads the history until a seeded moment. How long the
starts took is printed (pytest -rP) and not judged: a test does not know how busy its machine is.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support import coap
from tests.support.releases import suit_release
from tests.support.server import Server

LANES, KILLS = 2, 50
"""Servers at the same time, and how often each one is killed."""
KEPT = 4
"""Published releases that stay before the oldest is removed."""
Files = dict[str, bytes]


class Load:
    """All that people and devices do to the server, and what they were told. Threads: each act is one's own."""

    def __init__(self, server: Server, build: Path) -> None:
        self._server = server
        self._build = build
        self._number = 0
        self._dropping = 0
        self.acknowledged: dict[str, Files] = {}
        self.unsure: dict[str, Files] = {}
        """Published or removed with no answer: there as a whole, or not at all."""
        self.dropped: dict[str, list[Files]] = {}
        """The latest is last."""
        self.seen: dict[int, str] = {}
        """Events of the history that were read."""
        self.answers = 0
        self.blocks = 0
        self.wrong: list[str] = []

    def publish(self, session: requests.Session) -> None:
        """A new release; then the oldest goes."""
        self._number += 1
        publish_id = f"p/{self._number}"
        files = self._made(publish_id, self._number)
        self.unsure[publish_id] = files
        answer = session.post(f"{self._server.url}/publish", data={"publish_id": publish_id}, files=files, timeout=60)
        assert answer.status_code == 201, answer.text
        self.acknowledged[publish_id] = self.unsure.pop(publish_id)
        self.answers += 1
        if len(self.acknowledged) > KEPT:
            oldest = next(iter(self.acknowledged))
            self.unsure[oldest] = self.acknowledged.pop(oldest)
            answer = session.delete(f"{self._server.url}/api/v1/releases/{oldest}", timeout=60)
            assert answer.status_code == 200, answer.text
            del self.unsure[oldest]
            self.answers += 1

    def drop(self, _: requests.Session) -> None:
        """Somebody renames a finished folder into place, or writes a release file by file."""
        self._dropping += 1
        publish_id = f"d{self._dropping % 3}"
        files = self._made(publish_id, self._dropping)
        target = self._server.folder / publish_id
        self.dropped.setdefault(publish_id, []).append(files)
        shutil.rmtree(target, ignore_errors=True)
        if self._dropping % 2:
            (self._build / publish_id).rename(target)
        else:
            target.mkdir()
            for name, data in files.items():
                (target / name).write_bytes(data)
        time.sleep(0.05)

    def fetch(self, session: requests.Session) -> None:
        """A device fetches what it finds; whatever it gets is whole, and one of what was ever made."""
        listed = session.get(f"{self._server.url}/api/v1/releases", timeout=60).json()["releases"]
        with coap.peer(self._server.coap_port, timeout=1) as sock:
            mid = random.randrange(0x10000)
            for release in listed:
                for file in release["files"] if release["state"] == "ready" else ():
                    try:
                        body = coap.fetch(sock, file["coap_path"], 4, mid)
                    except AssertionError:
                        continue  # it went, or became another one
                    mid += 100
                    self.blocks += -(-len(body) // 256)
                    if not self._knows(release["publish_id"], file["role"], body):
                        self.wrong.append(f"{file['coap_path']} came as {len(body)} bytes that nobody made")

    def read(self, session: requests.Session) -> None:
        """What the history shows is on the disk."""
        after = max(self.seen, default=0)
        answer = session.get(f"{self._server.url}/api/v1/history", params={"since": after}, timeout=60)
        self.seen.update({event["id"]: event["what"] for event in answer.json()["events"]})

    def of(self, publish_id: str) -> list[Files]:
        """What the release of this name may be."""
        found = [self.acknowledged.get(publish_id), self.unsure.get(publish_id), *self.dropped.get(publish_id, [])]
        return [files for files in found if files is not None]

    def _knows(self, publish_id: str, role: str, body: bytes) -> bool:
        if publish_id.startswith("p/"):  # it may be gone from our books by now
            return body in _release(self._build, int(publish_id[2:])).values()
        return any(files.get(role) == body for files in self.of(publish_id))

    def _made(self, publish_id: str, number: int) -> Files:
        folder = self._build / publish_id
        shutil.rmtree(folder, ignore_errors=True)
        return suit_release(folder, number, board=publish_id[0], seed=number)


def _release(build: Path, number: int) -> Files:
    return suit_release(build / "again", number, board="p", seed=number)


@contextlib.contextmanager
def under(load: Load) -> Iterator[threading.Event]:
    """Everything goes on until the server is gone, which sets the event."""
    over = threading.Event()
    failed: list[BaseException] = []

    def worker(act: Callable[[requests.Session], None]) -> None:
        with requests.Session() as session:
            while not over.is_set():
                try:
                    act(session)
                except (requests.RequestException, OSError):
                    return  # the server is gone
                except BaseException as error:
                    failed.append(error)
                    return

    threads = [threading.Thread(target=worker, args=(act,)) for act in (load.publish, load.drop, load.fetch, load.read)]
    for thread in threads:
        thread.start()
    try:
        yield over
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def check(server: Server, load: Load) -> None:
    """After a start."""
    for publish_id in load.dropped:
        server.wait_ready(publish_id)
    found = requests.get(f"{server.url}/api/v1/releases", timeout=60).json()
    assert found["problems"] == []
    listed = {release["publish_id"]: release for release in found["releases"]}
    assert load.acknowledged.keys() <= listed.keys(), "an acknowledged publish was lost"
    assert listed.keys() <= load.acknowledged.keys() | load.unsure.keys() | load.dropped.keys(), "something came back"
    with coap.peer(server.coap_port) as sock:
        mid = 1
        for publish_id, release in listed.items():
            assert release["state"] == "ready", release
            served = {}
            for file in release["files"]:
                served[file["role"]] = coap.fetch(sock, file["coap_path"], 6, mid)
                mid += 10
            assert served in load.of(publish_id)[-1:], f"{publish_id} is not what it was"
    for publish_id in list(load.unsure):
        files = load.unsure.pop(publish_id)
        if publish_id in listed:
            load.acknowledged[publish_id] = files
    first = max(min(load.seen, default=0), max(load.seen, default=0) - 400)
    events = requests.get(f"{server.url}/api/v1/history", params={"since": max(0, first - 1)}, timeout=60).json()["events"]
    there = {event["id"]: event["what"] for event in events}
    assert {number: what for number, what in load.seen.items() if number >= first}.items() <= there.items()
    assert not list(server.state.glob("*.damaged-*"))
    assert [p.name for p in (server.folder / ".staging").iterdir()] == []


def lane(place: Path, seed: int) -> tuple[Load, list[tuple[float, float]]]:
    """One server's share of the kills; what was done to it, and how many seconds each start took, and how many of CPU."""
    chance, starts = random.Random(seed), []
    server = Server(place / "fw", place / "state")
    load = Load(server, place / "build")
    for kill in range(KILLS + 1):
        begin = time.monotonic()
        server.lines.clear()
        server.start()
        starts.append((time.monotonic() - begin, time.clock_gettime(~server.process.pid << 3 | 2)))  # its CPU's clock
        try:
            check(server, load)
            answers, wait = load.answers + chance.choice((0, 0, 1, 2)), chance.uniform(0, 0.03)
            if kill < KILLS:
                with under(load) as over:
                    while load.answers < answers and not over.wait(0.002):
                        assert server.process.poll() is None, server.log
                    over.wait(wait)
                    server.stop(signal.SIGKILL)
        finally:
            server.stop()
        assert "Traceback" not in server.log, server.log
    return load, starts


@pytest.mark.timeout(1800)
def test_nothing_that_was_acknowledged_is_lost_by_a_hundred_kills(tmp_path: Path) -> None:
    with ThreadPoolExecutor(LANES) as pool:
        lanes = [pool.submit(lane, tmp_path / str(seed), seed) for seed in range(LANES)]
        loads, times = zip(*(one.result() for one in lanes), strict=True)
    starts, cpu = zip(*(seconds for some in times for seconds in some), strict=True)
    assert [text for load in loads for text in load.wrong] == []
    answers, blocks, events = (sum(values) for values in zip(*((x.answers, x.blocks, len(x.seen)) for x in loads), strict=True))
    assert answers >= LANES * KILLS / 2
    assert blocks >= LANES * KILLS
    print(
        f"{LANES * KILLS} kills, {answers} publishes and removals acknowledged, {blocks} blocks fetched, {events} events read;"
        f" a start took {statistics.median(starts):.2f} s, the longest {max(starts):.2f} s;"
        f" of CPU {statistics.median(cpu):.2f} s, at most {max(cpu):.2f} s"
    )
