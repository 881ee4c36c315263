"""Which transfer goes on with which bytes: a transfer never mixes two images."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from server.firmware.images import Content

EXCHANGE_LIFETIME = 247.0
"""Seconds (RFC 7252, 4.8.2)."""

Address = tuple[str, int, int, int] | tuple[str, int]
"""A socket address as recvmsg() gives it: address, port, and for IPv6 flow and zone."""


@dataclass(slots=True)
class Pin:
    """One peer's transfer of one path. Only the receive loop and the pool's loads write it."""

    content: Content
    mid: int | None
    """The message id of the request for block 0 that set it; None when it began in the middle."""
    seen: float
    """When a block was last asked for, by the clock of the pins."""
    block: int
    """The number of the block that was last asked for."""


class Pins:
    """The transfers under way, bounded in number and in the bytes that they hold; the oldest goes first.

    Threads: the receive loop, and the pool for a transfer whose image had to be loaded.
    """

    def __init__(self, clock: Callable[[], float], most: int, limit: int) -> None:
        """`clock` counts seconds; at most `most` pins, and `limit` bytes of distinct images."""
        self._clock = clock
        self._most = most
        self._limit = limit
        self._pins: OrderedDict[tuple[Address, str], Pin] = OrderedDict()
        self._uses: dict[int, int] = {}
        self._held = 0
        self._lock = threading.Lock()

    def get(self, peer: Address, path: str) -> Pin | None:
        """The pin that holds, if its peer was heard within EXCHANGE_LIFETIME."""
        pin = self._pins.get((peer, path))
        if pin is not None and self._clock() - pin.seen > EXCHANGE_LIFETIME:
            with self._lock:
                self._drop((peer, path))
            return None
        return pin

    def touch(self, peer: Address, path: str, pin: Pin, block: int) -> None:
        """The peer asked for `block`."""
        pin.seen = self._clock()
        pin.block = block
        with contextlib.suppress(KeyError):  # the pool may have dropped it just now
            self._pins.move_to_end((peer, path))

    def set(self, peer: Address, path: str, content: Content, mid: int | None, block: int) -> None:
        """The peer's transfer goes on with `content` from here."""
        with self._lock:
            self._drop((peer, path))
            self._pins[peer, path] = Pin(content, mid, self._clock(), block)
            uses = self._uses.get(id(content), 0)
            self._uses[id(content)] = uses + 1
            self._held += 0 if uses else len(content.data)
            while len(self._pins) > self._most or (self._held > self._limit and len(self._pins) > 1):
                self._drop(next(iter(self._pins)))

    def _drop(self, key: tuple[Address, str]) -> None:
        pin = self._pins.pop(key, None)
        if pin is None:
            return
        uses = self._uses.pop(id(pin.content)) - 1
        if uses:
            self._uses[id(pin.content)] = uses
        else:
            self._held -= len(pin.content.data)

    def __len__(self) -> int:
        return len(self._pins)

    @property
    def held(self) -> int:
        """Bytes of distinct images that pins hold."""
        return self._held
