"""What keeps a server busy beside its blocks, paced so that it takes little of the machine itself."""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import folders, probe
from tests.fakes.coap_wire import ACK, CON, Message

GARBAGE_PER_S = 3000
OBSERVED = 50
CHANGES_PER_S = 5
_OBSERVERS = 5
_OBSERVE = 6  # RFC 7641, 2
_TICK = 0.005
_KNOWN = tuple(
    bytes.fromhex(h) for h in ("40010001d1", "40010007c12a012a", "4001", "00", "c0010203", "4fff0001ff", "400100010fff")
)
"""Messages that have ended other servers, and others that end too early."""


class Observers:
    """A few sockets that observe manifests and acknowledge what they are told. Its thread counts; read it after the end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accepted = self.told = 0

    def run(self, stopping: threading.Event) -> None:
        """Register for all, then listen."""
        with ExitStack() as sockets, selectors.DefaultSelector() as ready:
            for number in range(_OBSERVERS):
                sock = sockets.enter_context(_connected(self._port))
                ready.register(sock, selectors.EVENT_READ)
                for release in range(number, OBSERVED, _OBSERVERS):
                    path = f"{folders.small(release)}/manifest"
                    _send(sock, probe.get(path, release, release.to_bytes(2), ((_OBSERVE, b""),)))
            while not stopping.is_set():
                for key, _ in ready.select(0.1):
                    self._receive(key.fileobj)  # type: ignore[arg-type]

    def _receive(self, sock: socket.socket) -> None:
        try:
            message = Message.read(sock.recv(4096))
        except OSError:
            return
        observed = any(number == _OBSERVE for number, _ in message.options)
        self.accepted += observed and message.type == ACK
        self.told += observed and message.type != ACK
        if message.type == CON:
            _send(sock, bytes(Message(ACK, 0, message.mid)))


class Changes:
    """New manifests for the observed releases, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made = 0

    def run(self, stopping: threading.Event) -> None:
        """Until it is over."""
        while not stopping.wait(1 / CHANGES_PER_S):
            manifest = self._folder / folders.small(self.made % OBSERVED) / "manifest"
            folders.replace(manifest, b"opaque manifest %d" % time.time_ns())
            self.made += 1


class Garbage:
    """Datagrams that are no requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent = 0

    def run(self, stopping: threading.Event) -> None:
        """Until it is over; what does not fit into a tick is not caught up with."""
        chance = random.Random(1)
        datagrams = [*_KNOWN, *(chance.randbytes(chance.randrange(60)) for _ in range(200))]
        with _connected(self._port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # resets are let go unread
            while not stopping.wait(_TICK):
                for _ in range(int(GARBAGE_PER_S * _TICK)):
                    _send(sock, datagrams[self.sent % len(datagrams)])
                    self.sent += 1


@contextmanager
def during(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each of them in a thread, as long as the block lasts."""
    stopping = threading.Event()
    threads = [threading.Thread(target=work, args=(stopping,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _connected(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.connect(("::1", port))
    return sock


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.send(data)
    except OSError:
        pass  # what an earlier datagram met with is told here
