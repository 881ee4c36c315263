"""Junk, floods and false senders: the server lives, its tables stay bounded, and devices get their blocks."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.coap import datagram, pins, registrations, service
from server.coap.service import CoapService
from tests.support.coap import Parts, ask, block2, fetch, get, make_parts, peer, serving
from tests.support.releases import image, write_release
from tests.waiting import wait_until

PATH = "version/1/slot0"
FLOOD = 100_000
GROWTH = 16 << 20
"""Bytes that memory may grow over a million datagrams: the bounded tables fill in that time."""


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    write_release(tmp_path / "version" / "1", size=30_000)
    return make_parts(tmp_path)


@pytest.fixture
def server(parts: Parts) -> Iterator[CoapService]:
    with serving(parts) as running:
        yield running


def drain(sock: socket.socket) -> None:
    """Throw away what came back."""
    try:
        while True:
            sock.recv(4096)
    except BlockingIOError:
        pass


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def mutated(rng: random.Random, valid: bytes) -> bytes:
    """A valid request with some of its bytes changed, taken out or put in; or noise with a plausible beginning."""
    kind = rng.randrange(5)
    data = bytearray(valid)
    if kind == 0:
        return bytes((0x40 | rng.randrange(64), rng.choice((1, 2, 69, 0)))) + rng.randbytes(rng.randrange(70))
    if kind == 1:
        return rng.randbytes(rng.randrange(70))
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data))
        if kind == 2:
            data[at] = rng.randrange(256)
        elif kind == 3 and len(data) > 1:
            del data[at]
        else:
            data.insert(at, rng.randrange(256))
    return bytes(data)


@pytest.mark.timeout(1800)
def test_garbage_never_ends_it(server: CoapService, tmp_path: Path, long: bool) -> None:
    rng = random.Random(7)
    valid = [
        get(PATH, block2(3, 2), (datagram.SIZE2, b""), mid=0x4242, token=b"tok"),
        get(".well-known/core", (datagram.URI_QUERY, b"rt=suit.*"), block2(0, 2), mid=2),
        get("version/latest/manifest", (datagram.OBSERVE, b""), mid=3, token=b"o"),
        get("a" * 300, (datagram.ETAG, bytes(8)), (datagram.ACCEPT, b"\x2a"), mid=4, code=2),
    ]
    slot0 = (tmp_path / PATH).read_bytes()
    count = 1_000_000 if long else 100_000
    before = 0
    with peer(server.port) as noise, peer(server.port) as sock:
        noise.setblocking(False)
        for one in valid:
            for n in range(len(one) + 1):
                noise.send(one[:n])
        for n in range(count):
            try:
                noise.send(mutated(rng, valid[n % len(valid)]))
            except BlockingIOError:
                continue
            if n % 50 == 0:
                drain(noise)
                block = n // 50 % 300
                answer = ask(sock, get(PATH, block2(block, 2), mid=n & 0xFFFF))
                assert answer.payload == slot0[64 * block : 64 * block + 64]
            if n == count // 10:
                before = resident()
        assert fetch(sock, PATH, 2, first_mid=30000) == slot0
    if long:
        assert resident() - before < GROWTH


@pytest.mark.timeout(600)
def test_a_flood_from_a_hundred_thousand_ports_fills_no_table_and_stops_no_transfer(
    server: CoapService, tmp_path: Path
) -> None:
    """Each sender asks for something that is remembered somewhere: a pin, an answer, an observer, a message id."""
    slot0 = (tmp_path / PATH).read_bytes()
    requests = [
        get(PATH, block2(0, 2), mid=1),
        b"",
        get("version/1/manifest", (datagram.OBSERVE, b""), mid=3, token=b"o"),
        get("no/such", mid=4),
        get(".well-known/core", (datagram.URI_QUERY, b"rt=x"), mid=5),
    ]
    body = b""
    with peer(server.port) as device:
        for n in range(FLOOD):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spoof, contextlib.suppress(OSError):
                spoof.bind((f"127.14.{n // 40_000}.1", 20_000 + n % 40_000))  # a few ports are taken, the server's own among them
                junk = get(PATH, block2(5, 2), (65000, b"%d" % n), mid=2)  # an answer of its own for each
                spoof.sendto(requests[n % len(requests)] or junk, ("127.0.0.1", server.port))
            if n % 200 == 0 and len(body) < len(slot0):
                answer = ask(device, get(PATH, block2(len(body) // 64, 2), mid=100 + n // 200))
                body += answer.payload
                if n == 20_000:
                    write_other(tmp_path)
    assert body == slot0[: len(body)]
    assert len(body) == min(len(slot0), 64 * FLOOD // 200)
    assert len(server.pins) <= pins.MAX_PINS
    assert len(server.pins.latest) <= pins.MAX_PINS
    assert len(server.observers) <= registrations.MOST
    assert server.answers.held <= service.ANSWERS
    with peer(server.port) as sock:
        assert ask(sock, get("no/such", mid=9)).dotted_code == "4.04"


def write_other(folder: Path) -> None:
    """The image is replaced while the flood goes on: the device's transfer has to stay with the old one."""
    other = folder / "version" / "1" / "other.part"
    other.write_bytes(image(30_000, 99))
    other.replace(folder / PATH)


def test_a_budget_bounds_what_a_false_sender_has_sent_to_others(parts: Parts) -> None:
    """Loopback is exempt, so the sender is the machine's own other address, where it has one."""
    address = own_address()
    if address is None:
        pytest.skip("needs an address beside loopback: ip address add 192.0.2.1/32 dev lo")
    with serving(make_parts(parts.store.root, rate=3000, clock=lambda: 0.0)) as server, peer(server.port, address) as sock:
        assert server.budget is not None
        sock.setblocking(False)
        for mid in range(100):
            sock.send(get(PATH, block2(mid % 20, 6), mid=mid))
        wait_until(lambda: server.budget is not None and server.budget.refused >= 80)
        assert server.budget.refused < 100
    with serving(make_parts(parts.store.root, rate=3000)) as server, peer(server.port) as sock:
        assert fetch(sock, PATH, 6) == (parts.store.root / PATH).read_bytes()


def own_address() -> str | None:
    """An address of this machine that is not loopback; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
