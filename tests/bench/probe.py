"""Single CoAP requests, and the times at which answers came."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable

from tests.bench.programs import Unavailable
from tests.fakes.coap_wire import CON, GET, Message, block_option, path_options

_EACH = 0.02
"""Seconds between requests, and for which each answer is waited for at most."""


def get(path: str, mid: int, token: bytes = b"", options: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """A GET of the first block of 1024 bytes."""
    return bytes(Message(CON, GET, mid, token, (*path_options(path), block_option(0, False, 1024), *options)))


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nobody has: of UDP, or of `kind`."""
    with socket.socket(socket.AF_INET6, kind) as sock:
        sock.bind(("::", 0))
        return int(sock.getsockname()[1])


def wait_for(port: int, path: str, alive: Callable[[], bool], payload: bytes | None = None, timeout: float = 120.0) -> float:
    """Ask until the path is answered with 2.05 (and `payload`, if given); the clock's time when it was. Raises Unavailable."""
    end = time.monotonic() + timeout
    mid = random.randrange(0x10000)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect(("::1", port))
        sock.settimeout(_EACH)
        while time.monotonic() < end and alive():
            mid = mid + 1 & 0xFFFF
            asked = time.monotonic()
            try:
                sock.send(get(path, mid))
                answer = Message.read(sock.recv(4096))
            except OSError:  # nobody answers yet, or nobody has the port
                time.sleep(0.001)
                continue
            if answer.dotted == "2.05" and (payload is None or answer.payload == payload):
                return time.monotonic()
            time.sleep(max(0.0, asked + _EACH - time.monotonic()))
    raise Unavailable(f"{path} was not served within {timeout:.0f} s." if alive() else "the process ended.")
