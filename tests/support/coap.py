"""Hand-made CoAP datagrams and the parts of a CoAP server in this process."""

from __future__ import annotations

import socket
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.coap import datagram
from server.coap import endpoint as coap
from server.coap.blocks import Missing
from server.coap.datagram import Datagram
from server.coap.pins import MAX_PINS, Pins
from server.coap.service import CoapService
from server.coap.source import Address, Received, source_of
from server.firmware.catalogue import LiveCatalogue
from server.firmware.images import ImageCache
from server.firmware.store import Store

MAX_FILE = 16 << 20


def get(
    path: str, *options: tuple[int, bytes], mid: int = 1, token: bytes = b"", kind: int = datagram.CON, code: int = 1
) -> bytes:
    """A request; `path` without a leading slash."""
    segments = [(datagram.URI_PATH, s.encode()) for s in path.split("/")] if path else []
    return datagram.encode(Datagram(kind, code, mid, token, tuple(sorted([*segments, *options], key=lambda o: o[0]))))


def block2(number: int, szx: int) -> tuple[int, bytes]:
    """A Block2 option of a request."""
    return datagram.BLOCK2, datagram.uint(number << 4 | szx)


def settle(live: LiveCatalogue) -> None:
    """Refresh until nothing is being written any more."""
    while live.refresh().unsettled:
        time.sleep(0.02)


def settle_loopback(family: int) -> None:
    """Wait until what was sent so far on the loopback interface has arrived: the kernel may do that a moment later, in order."""
    with socket.socket(family, socket.SOCK_DGRAM) as last:
        last.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        last.settimeout(60)
        last.sendto(b"x", last.getsockname())
        last.recv(10)


@dataclass
class Parts:
    """A CoAP server's parts over a folder; `service` is not started."""

    store: Store
    live: LiveCatalogue
    cache: ImageCache
    service: CoapService

    @property
    def pins(self) -> Pins:
        """The transfers under way."""
        return self.service.pins

    def answer(self, data: bytes, address: Address = ("::1", 1000, 0, 0)) -> bytes | None:
        """What the endpoint would send back, without its socket and threads."""
        source = source_of(address)
        again = self.service.blocks.recall(data, source, self.pins.clock())
        if again is not None:
            return again
        message = datagram.parse(data)
        if message is None:
            return datagram.rejection(data)
        if message.type >= datagram.ACK:
            self.service.observers.settled(source, message)
            return None
        received = Received(data, source, [])
        found = self.service.blocks.answer(received, message)
        if isinstance(found, Missing):
            found = self.service.blocks.answer(received, message, self.cache.load(found.image))
        if isinstance(found, bytes):
            return found
        assert found is None
        return self.service.protocol.answer(received, message)


def make_parts(
    folder: Path,
    cache_limit: int = 1 << 28,
    pins: Pins | None = None,
    clock: Callable[[], float] = time.monotonic,
    host: str = "::",
    rate: int | None = None,
) -> Parts:
    """Everything, nothing started; the catalogue is settled. The socket is closed by `serving`, or with the test."""
    store = Store(folder, MAX_FILE, lambda: time.time() + 10)
    store.prepare()
    live = LiveCatalogue(store, lambda: time.time() + 10)
    settle(live)
    cache = ImageCache(store.read, cache_limit)
    died: list[str] = []
    sock = coap.open_socket(host, 0)
    weakref.finalize(live, sock.close)
    transfers = Pins(clock, MAX_PINS, 1 << 28) if pins is None else pins
    return Parts(store, live, cache, CoapService(sock, live, cache, transfers, died=died.append, rate=rate))


@contextmanager
def serving(parts: Parts) -> Iterator[CoapService]:
    """The service of `parts`, started."""
    parts.service.start()
    try:
        yield parts.service
    finally:
        parts.service.stop()


@contextmanager
def peer(port: int, host: str = "::1", timeout: float = 60) -> Iterator[socket.socket]:
    """A connected UDP socket."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((host, port))
        yield sock


def ask(sock: socket.socket, data: bytes) -> Datagram:
    """Send a request and read its answer, whatever came before it; the socket's time-out is the limit."""
    sock.send(data)
    mid = data[2] << 8 | data[3]
    while True:
        answer = datagram.parse(sock.recv(65536))
        assert answer is not None
        if answer.mid == mid or answer.type == datagram.NON:
            return answer


def fetch(sock: socket.socket, path: str, szx: int = 6, first_mid: int = 1) -> bytes:
    """A whole file, block by block, with message ids that go on."""
    body = b""
    number = 0
    while True:
        answer = ask(sock, get(path, block2(number, szx), mid=(first_mid + number) & 0xFFFF))
        assert answer.dotted_code == "2.05", answer
        block = answer.block2
        assert block is not None
        assert (block.number, block.szx) == (number, szx)
        body += answer.payload
        if not block.more:
            return body
        number += 1
