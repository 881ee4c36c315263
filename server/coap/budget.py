"""How many bytes a second a source may be sent (RFC 7252, 11.3: requests with a false source make us send to others)."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

from server.coap.source import Source, host_of

_MOST = 16384
"""Sources, and known devices, that are remembered; the longest unheard goes first."""
_ONE_ANSWER = 2048
"""Bytes that a source may always have at once beside its rate: one answer has to fit."""
_MAPPED = bytes(10) + b"\xff\xff"


class Budget:
    """Counts what each address is sent. Loopback and known devices are exempt.

    Threads: the receive loop and the pool call `allows`; any thread calls `exempt`. Each step is one operation on a
    dict, and a count that is lost between two threads is an answer more.
    """

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        """`rate` in bytes a second and address; `clock` counts seconds."""
        self._rate = rate
        self._clock = clock
        self._spent: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self.refused = 0
        """Answers that were not sent."""

    def allows(self, source: Source, size: int) -> bool:
        """Whether `size` bytes may go there now; they are counted then."""
        host = host_of(source)
        if host in self._known or _is_loopback(host):
            return True
        now = self._clock()
        spent, at = self._spent.pop(host, (0.0, now))
        spent = max(0.0, spent - (now - at) * self._rate)
        fits = spent + size <= self._rate + _ONE_ANSWER
        self._spent[host] = (spent + size if fits else spent, now)
        while len(self._spent) > _MOST:
            self._spent.popitem(last=False)
        self.refused += not fits
        return fits

    def exempt(self, source: Source) -> None:
        """A device that we spoke to of our own accord is no false source."""
        host = host_of(source)
        self._known.pop(host, None)
        self._known[host] = None
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._spent)


def _is_loopback(host: bytes) -> bool:
    if len(host) == 4:
        return host[0] == 127
    address = host[:16]
    return address[12] == 127 if address.startswith(_MAPPED) else ipaddress.IPv6Address(address).is_loopback
