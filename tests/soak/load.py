"""Everybody who wants something of the server, each in a thread that goes on until the soak is over."""

from __future__ import annotations

import random
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests

from tests.fakes.riot_fetch import FetchFailed, fetch
from tests.soak.filling import fill
from tests.support.coap import get
from tests.support.releases import signed_release, write_release
from tests.support.server import Server

STABLE = "stable/fw"
"""The release that stays, for the devices that are slow."""
_KEPT = 10
_SENDERS = 64
"""Ports that junk comes from."""


class Load:
    """Threads: `start` and `stop` belong to one owner; each act of `_ACTS` runs in its own."""

    def __init__(self, server: Server, build: Path, seed: int = 1) -> None:
        self._server = server
        self._build = build
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._published: dict[str, dict[str, bytes]] = {}
        self._number = 0
        self._senders = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(_SENDERS)]
        self.stable: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        """What must not happen, as sentences."""

    def start(self) -> None:
        """Publish what stays, fill what has a bound, and let everybody begin."""
        self.stable = write_release(self._server.folder / STABLE, size=40_000)
        self._server.wait_ready(STABLE)
        fill(self._server, f"{STABLE}/slot0")
        acts = [self._publish, self._flood, self._listen, self._poll, self._refused, self._notify, self._drop]
        for seed, act in enumerate([*acts, *[self._device] * 4]):
            self._threads.append(threading.Thread(target=self._go_on, args=(act, seed)))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them all."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        for sock in self._senders:
            sock.close()

    def _go_on(self, act: Callable[[requests.Session, random.Random], float], seed: int) -> None:
        chance = random.Random(seed)
        with requests.Session() as session:
            while not self._over.is_set():
                try:
                    pause = act(session, chance)
                except requests.RequestException as error:
                    self.counts["requests broken off"] += 1
                    if not self._over.is_set() and self._server.process.poll() is not None:
                        self.wrong.append(f"the server is gone: {error}")
                        return
                    pause = 1.0
                except Exception as error:
                    self.wrong.append(f"{act.__name__}: {error!r}")
                    pause = 1.0
                self._over.wait(pause)

    def _device(self, _: requests.Session, chance: random.Random) -> float:
        """One that fetches over a radio that loses, in blocks of some size."""
        known = [(f"{name}/{role}", data) for name, files in list(self._published.items()) for role, data in files.items()]
        path, data = chance.choice(known) if known and chance.random() < 0.5 else (f"{STABLE}/slot0", self.stable["slot0"])
        block, loss = chance.choice((64, 256, 1024)), chance.choice((0.0, 0.05, 0.15))
        try:
            body = fetch(
                ("::1", self._server.coap_port), path, block, loss=loss, seed=chance.randrange(1 << 30), ack_timeout=0.1,
                on_block=lambda _: self.counts.update(["blocks"]),
            )  # fmt: skip
        except FetchFailed:
            self.counts["fetches given up"] += 1  # a release may be removed before its first block
            if path.startswith(STABLE) and not loss:
                self.wrong.append(f"{path} could not be fetched without any loss")
            return 0.1
        self.counts["fetches"] += 1
        if body != data:
            self.wrong.append(f"{path} came as {len(body)} other bytes")
        return 0.02

    def _publish(self, session: requests.Session, _: random.Random) -> float:
        self._number += 1
        name = f"p/{self._number}"
        files = signed_release(self._build, self._number, name)
        answer = session.post(f"{self._server.url}/publish", data={"publish_id": name}, files=files, timeout=60)
        self._expect(answer, 201)
        self._published[name] = files
        self.counts["published"] += 1
        if len(self._published) > _KEPT:
            oldest = next(iter(self._published))
            del self._published[oldest]
            self._expect(session.delete(f"{self._server.url}/api/v1/releases/{oldest}", timeout=60), 200)
            self.counts["removed"] += 1
        return 0.5

    def _drop(self, _: requests.Session, chance: random.Random) -> float:
        target = self._server.folder / "dropped" / str(chance.randrange(3))
        shutil.rmtree(target, ignore_errors=True)
        write_release(target, seed=chance.randrange(1 << 20))
        self.counts["dropped"] += 1
        return 2.0

    def _flood(self, _: requests.Session, chance: random.Random) -> float:
        """Junk and requests whose answers nobody takes, from many ports."""
        valid = get(f"{STABLE}/slot0", mid=chance.randrange(0x10000), token=chance.randbytes(4))
        sock = chance.choice(self._senders)
        for _n in range(200):
            data = bytearray(chance.choice((valid, chance.randbytes(chance.randrange(64)))))
            if data and chance.random() < 0.7:
                data[chance.randrange(len(data))] = chance.randrange(256)
            sock.sendto(data, ("::1", self._server.coap_port))
        self.counts["junk"] += 200
        return 0.2

    def _listen(self, session: requests.Session, chance: random.Random) -> float:
        """A page that listens to events for a while, and leaves."""
        end = time.monotonic() + chance.uniform(1, 8)
        with session.get(f"{self._server.url}/api/v1/events", stream=True, timeout=30) as answer:
            if answer.status_code == 503:
                return 1.0  # those who left have not been missed yet
            self._expect(answer, 200)
            for line in answer.iter_lines():
                self.counts["event lines"] += bool(line)
                if time.monotonic() > end or self._over.is_set():
                    return 0.1
        return 0.1

    def _poll(self, session: requests.Session, chance: random.Random) -> float:
        paths = ("/", "/devices", "/works", "/healthz", "/metrics", "/api/v1/releases", "/api/v1/transfers", "/api/v1/history")
        path = chance.choice(paths)
        self._expect(session.get(self._server.url + path, timeout=60), 200)
        self.counts["pages"] += 1
        return 0.1

    def _refused(self, session: requests.Session, _: random.Random) -> float:
        """A foreign site's form, a release that is none, one that is not there."""
        foreign = session.post(f"{self._server.url}/publish", headers={"Origin": "http://evil.example"}, timeout=60)
        self._expect(foreign, 403)
        self._expect(session.post(f"{self._server.url}/publish", data={"publish_id": "x"}, timeout=60), 400)
        self._expect(session.delete(f"{self._server.url}/api/v1/releases/nothing", timeout=60), 404)
        self.counts["refused"] += 3
        return 0.3

    def _notify(self, session: requests.Session, chance: random.Random) -> float:
        """A device that refuses by silence: its port is closed."""
        device = f"127.{chance.randrange(1, 5)}.0.1:9/suit/trigger"
        form = {"publish_id": STABLE, "urls": device}
        answer = session.post(f"{self._server.url}/notify", data=form, headers={"Prefer": "respond-async"}, timeout=60)
        self._expect(answer, 202)
        self.counts["notified"] += 1
        return 3.0

    def _expect(self, answer: requests.Response, status: int) -> None:
        if answer.status_code != status:
            self.wrong.append(f"{answer.request.method} {answer.url}: {answer.status_code}, not {status}: {answer.text[:200]}")
