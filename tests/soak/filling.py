"""Brings the server's bounded memories to their bounds before anything is measured: a table that fills looks like a leak."""

from __future__ import annotations

import socket

import requests

from server.coap.service import ANSWERS
from tests.support.coap import block2, get
from tests.support.server import Server
from tests.waiting import wait_until

FLAGS = ("--max-image-size", str(1 << 20), "--image-cache", str(1 << 20))
"""With these the cache of images has its bound within reach; it is that of the bytes that transfers hold, too."""
_LARGE = 6
"""Block2's number for blocks of 1024 bytes."""
_ELECTIVE = 65000
"""An option that nobody knows, and that is in nobody's way: with each value of it the answer is another one to remember."""
_ENDED = 4096
"""Ended transfers that are told of for an hour, at most."""


def fill(server: Server, path: str) -> None:
    """Have the answers and the ended transfers that are remembered be as many as there may be; `path` has two KiB and more."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.connect(("::1", server.coap_port))
        for number in range(ANSWERS // 1024):
            option = (_ELECTIVE, number.to_bytes(3, "big"))
            _ask(sock, get(path, block2(1, _LARGE), option, mid=number & 0xFFFF))
        mids = iter(range(1 << 62))

        def is_full() -> bool:
            for _ in range(1000):
                _ask(sock, get(path, block2(0, _LARGE), mid=next(mids) & 0xFFFF))  # begins anew
            return len(requests.get(f"{server.url}/api/v1/transfers", timeout=60).json()["transfers"]) >= _ENDED

        wait_until(is_full, 120, "the memory of ended transfers to be full")


def _ask(sock: socket.socket, request: bytes) -> None:
    sock.send(request)
    try:
        sock.recv(2048)
    except TimeoutError:
        pass
