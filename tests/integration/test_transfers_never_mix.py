"""Fifty devices download while releases are replaced, removed and published again as fast as it goes."""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from common.release import Role
from server.coap import datagram
from server.firmware.publishing import Publisher
from tests.support.coap import block2, get, make_parts, serving
from tests.support.releases import image

DEVICES = 50
FILES_EACH = 20
IDS = ("board/a", "board/b", "board/c")
RETRY = 0.3
"""Seconds; a real device waits 2, and so would the test."""


def version(publish_id: str, number: int) -> bytes:
    """The slot of one version: of another length and other bytes than the one before."""
    return image(3000 + 16 * (number % 5), zlib.crc32(f"{publish_id} {number}".encode()))


@dataclass
class Device:
    """Stop-and-wait, no token, one port for all its files; it asks again when nothing comes back."""

    port: int
    rng: random.Random
    sock: socket.socket = field(init=False)
    mid: int = field(init=False)
    path: str = ""
    szx: int = 0
    body: bytes = b""
    request: bytes = b""
    due: float = 0.0
    files: list[tuple[str, bytes]] = field(default_factory=list)
    missing: int = 0

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sock.connect(("::1", self.port))
        self.sock.setblocking(False)
        self.mid = self.rng.randrange(0x10000)

    def begin(self) -> None:
        self.path = f"{self.rng.choice(IDS)}/slot0"
        self.szx = self.rng.choice((2, 3, 4, 5))
        self.body = b""
        self._ask()

    def _ask(self) -> None:
        self.mid = self.mid + 1 & 0xFFFF
        self.request = get(self.path, block2(len(self.body) // (16 << self.szx), self.szx), mid=self.mid)
        self.send()

    def send(self) -> None:
        self.due = time.monotonic() + RETRY
        self.sock.send(self.request)

    def receive(self) -> None:
        answer = datagram.parse(self.sock.recv(2000))
        assert answer is not None
        if answer.mid != self.mid:
            return  # of a repetition
        if answer.dotted_code == "4.04":
            assert not self.body, "a transfer under way was ended by a removal"
            self.missing += 1
            self.begin()
            return
        assert answer.dotted_code == "2.05"
        block = answer.block2
        assert block is not None
        assert block.number * block.size == len(self.body)
        self.body += answer.payload
        if block.more:
            if len(self.body) % (64 << self.szx) == 0 and self.szx > 2 and self.rng.random() < 0.2:
                self.szx -= 1  # a block number of half the size is twice as high
            self._ask()
        else:
            self.files.append((self.path, self.body))
            self.begin()


def test_every_completed_file_is_wholly_one_image_that_was_published(tmp_path: Path) -> None:
    parts = make_parts(tmp_path, cache_limit=7000)  # two images; the transfers under way need more
    publisher = Publisher(parts.store, parts.live)
    published: dict[str, set[bytes]] = {f"{publish_id}/slot0": set() for publish_id in IDS}
    done = threading.Event()
    changes = 0

    def publish(publish_id: str, number: int) -> None:
        slot = version(publish_id, number)
        published[f"{publish_id}/slot0"].add(slot)
        files = {}
        for role, data in ((Role.MANIFEST, b"manifest %d" % number), (Role.SLOT0, slot)):
            path = tmp_path.parent / f"{tmp_path.name}-{role}"
            path.write_bytes(data)
            files[role] = path.open("rb")
        try:
            publisher.publish(publish_id, files, force=False)
        finally:
            for file in files.values():
                file.close()

    def change() -> None:
        nonlocal changes
        rng = random.Random(3)
        number = 0
        while not done.is_set():
            number += 1
            publish_id = rng.choice(IDS)
            publisher.remove(publish_id)
            if number % 10 == 0:
                done.wait(0.02)  # so that devices find it missing
            publish(publish_id, number)
            changes += 1

    for publish_id in IDS:
        publish(publish_id, 0)
    with serving(parts) as service:
        devices = [Device(service.port, random.Random(n)) for n in range(DEVICES)]
        selector = selectors.DefaultSelector()
        for device in devices:
            selector.register(device.sock, selectors.EVENT_READ, device)
        changer = threading.Thread(target=change)
        changer.start()
        try:
            for device in devices:
                device.begin()
            while any(len(d.files) < FILES_EACH for d in devices) or changes < 100 or not any(d.missing for d in devices):
                for key, _ in selector.select(0.05):
                    key.data.receive()
                now = time.monotonic()
                for device in devices:
                    if now > device.due:
                        device.send()
        finally:
            done.set()
            changer.join()
            selector.close()
            for device in devices:
                device.sock.close()
    for device in devices:
        for path, body in device.files:
            assert body in published[path]
    assert len({body for device in devices for _, body in device.files}) > 20
