"""Everybody who may ask a server for something at once: browsers, programs, devices, and readers who do not read."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.servers import Running
from tests.fakes.coap_wire import CON, GET, Message, block_option, path_options

_PATIENCE = 300.0
_TRIES = 20


def read(server: Running, path: str) -> int:
    """Bytes of an answer, which are thrown away."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=_PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer, size = connection.getresponse(), 0
        while piece := answer.read(1 << 16):
            size += len(piece)
        return size


def read_at_once(server: Running, paths: Iterable[str]) -> None:
    """One reader for each."""
    readers = [threading.Thread(target=read, args=(server, path)) for path in paths]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


@contextlib.contextmanager
def reading(server: Running, paths: Iterable[str]) -> Iterator[None]:
    """One reader for each, who reads it again and again."""
    over = threading.Event()

    def read_on(path: str) -> None:
        while not over.is_set():
            read(server, path)

    readers = [threading.Thread(target=read_on, args=(path,)) for path in paths]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        over.set()
        for reader in readers:
            reader.join()


@contextlib.contextmanager
def asking(server: Running, paths: Iterable[str], room: int = 4096) -> Iterator[None]:
    """A connection for each, of which nothing is read: for so long the server has to keep what it answers."""
    with contextlib.ExitStack() as sockets:
        for path in paths:
            sock = sockets.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            sock.connect(("127.0.0.1", server.http))
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n".encode())
        yield


@contextlib.contextmanager
def listening(server: Running, listeners: int) -> Iterator[None]:
    """So many who read what /api/v1/events tells, until the end."""
    over = threading.Event()

    def listen(sock: socket.socket) -> None:
        while not over.is_set() and sock.recv(1 << 16):
            pass

    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", server.http))) for _ in range(listeners)]
        threads = [threading.Thread(target=listen, args=(sock,)) for sock in sockets]
        for sock, thread in zip(sockets, threads, strict=True):
            sock.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            thread.start()
        try:
            yield
        finally:
            over.set()
            for sock, thread in zip(sockets, threads, strict=True):
                sock.shutdown(socket.SHUT_RDWR)
                thread.join()


def begin(server: Running, devices: int, paths: Iterable[str], blocks: int = 2) -> None:
    """So many devices, each at an address of its own, begin with one file after the other, and stay in the middle of it."""
    paths = list(paths)
    for number in range(devices):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 0))
            sock.connect(("127.0.0.1", server.port))
            sock.settimeout(0.5)
            for mid, (path, block) in enumerate(itertools.product(paths, range(blocks)), number * 64):
                _ask(sock, path, block, 2, mid & 0xFFFF)


def whole(server: Running, path: str, szx: int = 6, query: tuple[str, ...] = ()) -> int:
    """The size of what is fetched to its end, block by block, and thrown away."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", server.port))
        sock.settimeout(1.0)
        size = 0
        for number in itertools.count():
            answer = _ask(sock, path, number, szx, number & 0xFFFF, query)
            size += len(answer.payload)
            if len(answer.payload) < 16 << szx:
                return size
    raise AssertionError  # a count never ends


def _ask(sock: socket.socket, path: str, block: int, szx: int, mid: int, query: tuple[str, ...] = ()) -> Message:
    options = (*path_options(path), *((15, text.encode()) for text in query), block_option(block, False, 16 << szx))
    for _ in range(_TRIES):
        sock.send(bytes(Message(CON, GET, mid, b"", options)))
        with contextlib.suppress(TimeoutError):
            return Message.read(sock.recv(4096))
    raise TimeoutError(f"{path} was not answered")


def fill_history(database: Path, events: int, devices: int) -> None:
    """Put so many events of so many devices into a server's file; it is not running."""
    now = int(time.time() * 1000)
    rows = (
        (now - n, "device", "", f"127.1.0.{n % 256} is fetching slot0 of small/00001.", "small/00001",
         f"127.1.{n % devices >> 8 & 255}.{n % devices & 255}", '{"state": "fetching slot0", "reason": "It asked for it."}')
        for n in range(events)
    )  # fmt: skip
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        query = "INSERT INTO events (time, kind, who, what, publish_id, device, details) VALUES (?, ?, ?, ?, ?, ?, ?)"
        connection.executemany(query, rows)
