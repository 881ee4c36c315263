"""Which connections there may be at once, and which are let go for the others' sake."""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from waitress.buffers import ReadOnlyFileBasedBuffer

from server.access.tries import source
from server.web.door.channel import Channel
from server.web.proxy import address_of

_IN_THE_KERNEL = 1 << 17
"""Bytes on their way to a client, of which Linux makes twice as many; it would let them grow to 4 MiB, which nobody counts."""
_QUIET = 60.0
"""Seconds between two lines in the log about the same thing."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of all connections together."""

    unsent: int = 64 << 20
    """Bytes of answers that nobody has taken yet; a file that is sent to many counts once."""
    of_one: int = 120
    """Connections of one IPv4 address or IPv6 /64: twenty browsers behind one router, with six each."""
    of_this_machine: int = 400
    """Connections of loopback or of the trusted proxy, behind which everybody may be."""


class Connections:
    """Opens a channel for each connection, within bounds. Threads: waitress' main loop."""

    def __init__(
        self, trusted_proxy: str | None = None, bounds: Bounds = Bounds(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds."""
        self._proxy = address_of(trusted_proxy) if trusted_proxy else None
        self._bounds = bounds
        self._clock = clock
        self._logged: dict[str, float] = {}

    def open(self, parser: Callable[..., Any], server: Any, sock: socket.socket, addr: Any, *more: Any, **named: Any) -> None:
        """A channel for what `server` accepted, or none where its source has too many. `parser` makes what reads a request."""
        who = source(addr[0])
        if sum(channel.source == who for channel in server.active_channels.values()) >= self._most(addr[0]):
            sock.close()
            self._say("%s has too many connections to the page; further ones are closed", who)
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _IN_THE_KERNEL)
        Channel(parser, self._clock, who, server, sock, addr, *more, **named)

    def look(self, channels: Iterable[Channel]) -> None:
        """Let go whoever is held up, and where too much waits to be sent, whoever has not taken anything for longest."""
        found = list(channels)
        for channel in found:
            if channel.is_held_up():
                channel.drop()
        waiting = [channel for channel in found if channel.total_outbufs_len]
        if sum(channel.total_outbufs_len for channel in waiting) <= self._bounds.unsent:
            return
        waiting.sort(key=lambda channel: channel.moved, reverse=True)
        while len(waiting) > 1 and _held(waiting) > self._bounds.unsent:
            waiting.pop().drop()
            self._say("More than %d bytes of answers wait to be sent; who does not read them is let go", self._bounds.unsent)

    def _most(self, address: str) -> int:
        known = address_of(address)
        near = known is not None and (known.is_loopback or known == self._proxy)
        return self._bounds.of_this_machine if near else self._bounds.of_one

    def _say(self, text: str, what: object) -> None:
        now = self._clock()
        if now - self._logged.get(text, -math.inf) >= _QUIET:
            self._logged[text] = now
            _log.warning(text, what)


def _held(channels: Iterable[Channel]) -> int:
    """Bytes that are kept only because they wait to be sent."""
    total, files = 0, {}
    for channel in channels:
        total += channel.total_outbufs_len
        for part in list(channel.outbufs):
            if isinstance(part, ReadOnlyFileBasedBuffer):
                total -= len(part)
                content = getattr(part.file, "content", b"")
                files[id(content)] = len(content)
    return total + sum(files.values())
