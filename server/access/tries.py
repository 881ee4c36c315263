"""Wrong tries: how many each source had within a minute."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

LIMIT = 10
"""Within SPAN, from one source."""
SPAN = 60.0
"""Seconds."""
_SOURCES = 4096
"""More are not remembered: the one that tried longest ago is forgotten."""


@dataclass(slots=True)
class _Source:
    times: deque[float] = field(default_factory=lambda: deque(maxlen=LIMIT))
    logged: float = -math.inf


class Tries:
    """Threads: any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def wrong(self, address: str) -> tuple[int, bool]:
        """Count one more: seconds until the next try is looked at (0 within the limit), and whether to write it into the log.

        The log gets one line a source and minute.
        """
        now, key = self._clock(), source(address)
        with self._lock:
            found = self._sources.setdefault(key, _Source())
            self._sources.move_to_end(key)
            if len(self._sources) > _SOURCES:
                self._sources.popitem(last=False)
            times, to_log = found.times, now - found.logged >= SPAN
            if to_log:
                found.logged = now
            while times and now - times[0] >= SPAN:
                times.popleft()
            if len(times) == LIMIT:
                return max(1, math.ceil(times[0] + SPAN - now)), to_log
            times.append(now)
            return 0, to_log

    def __len__(self) -> int:
        return len(self._sources)


def source(address: str) -> str:
    """Who tries: an IPv4 address, or the /64 of an IPv6 one, of which one host has as many as it likes."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
