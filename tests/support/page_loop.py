"""A page's main loop in a thread, with an application that answers as a test wants it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from server.web.door import listener
from server.web.door.channel import Channel
from server.web.door.connections import Bounds, Connections
from server.web.door.serving import Serving
from server.web.door.spool import Spool
from server.web.kept_bytes import KeptBytes
from tests.waiting import wait_until

MIB = 1 << 20
BOUNDS = Bounds()
SIZE = 16 * MIB
"""Bytes of a large answer: more than the kernel takes of it for a reader that does not read."""


class App:
    """Answers with the body that it was sent, once it may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.kept = bytes(SIZE)
        self.streams = 0
        self.may = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.calls += 1
        if environ["PATH_INFO"] == "/kept":
            start_response("200 OK", [("Content-Length", str(SIZE))])
            answer: Iterable[bytes] = environ["wsgi.file_wrapper"](KeptBytes(self.kept))
            return answer
        if environ["PATH_INFO"] == "/made":
            start_response("200 OK", [("Content-Length", str(SIZE))])
            return [bytes(SIZE)]
        if environ["PATH_INFO"] == "/endless":
            start_response("200 OK", [])
            return self._endless()
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/wait":
            self.asked.release()
            assert self.may.wait(60)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def _endless(self) -> Iterator[bytes]:
        self.streams += 1
        try:
            while not self.may.wait(0.01):
                yield bytes(100_000)
        finally:
            self.streams -= 1


class Page:
    """A page that runs in a thread, and the socket that somebody else holds."""

    def __init__(
        self, held: socket.socket, bounds: Bounds = BOUNDS, clock: Callable[[], float] = time.monotonic, keeps: bool = True
    ) -> None:
        """`keeps`: whether anybody may send a body."""
        self.app, self.held = App(), held
        sock = held.dup()
        connections = Connections(bounds=bounds, clock=clock)
        server = listener.create(self.app, sock, Spool(MIB, MIB), lambda _: keeps, connections)
        self.serving = Serving(server, sock, connections.look, clock)
        self.thread = threading.Thread(target=self._run)
        self.patience = 60.0

    def _run(self) -> None:
        self.serving.run()
        self.serving.stop(self.patience)

    def connect(self, buffer: int = 0) -> socket.socket:
        """`buffer`: bytes that the kernel may keep for a client that does not read."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.settimeout(60)
        sock.connect(self.held.getsockname())
        return sock

    @property
    def channels(self) -> list[Channel]:
        """Its connections."""
        return self.serving._channels()


@contextmanager
def page(bounds: Bounds = BOUNDS, clock: Callable[[], float] = time.monotonic, keeps: bool = True) -> Iterator[Page]:
    with listener.open_socket("127.0.0.1", 0) as held:
        running = Page(held, bounds, clock, keeps)
        # Until then waitress, which writes a warning then, takes its workers for busy.
        wait_until(lambda: running.serving._server.task_dispatcher.active_count == 0)
        running.thread.start()
        try:
            yield running
        finally:
            running.app.may.set()
            running.serving.interrupt()
            running.thread.join()


def request(path: str, body: bytes = b"body") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)


def read(sock: socket.socket) -> bytes:
    """All until the other side closes."""
    data = b""
    while more := sock.recv(65536):
        data += more
    return data


def read_to(sock: socket.socket, end: bytes) -> bytes:
    """All until something that ends so."""
    data = b""
    while not data.endswith(end):
        more = sock.recv(65536)
        assert more, data
        data += more
    return data
