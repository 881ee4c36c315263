"""A port for a server that is to have it again after its end, which one that the kernel gives does not promise."""

from __future__ import annotations

import os
import random
import re
import socket

_FIRST, _EACH, _SHARES = 20_000, 1000, 12
"""Below 32768, from where on Linux gives a port to whoever wants any: every client of a test that runs beside this one."""


def free_port() -> int:
    """A UDP port that nobody has, and nobody gets unasked. Each of pytest's workers has a share of its own."""
    worker = re.search(r"\d+", os.environ.get("PYTEST_XDIST_WORKER", ""))
    first = _FIRST + _EACH * (int(worker[0]) % _SHARES if worker else 0)
    for port in random.sample(range(first, first + _EACH), _EACH):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("::", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"no port from {first} on is free")
