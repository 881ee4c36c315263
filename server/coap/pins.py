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

    sha256: str
    """Of the image that the transfer began with: it goes on with that one or not at all."""
    mid: int | None
    """The message id of the request for block 0 that set it; None when it began in the middle."""
    seen: float
    """When a block was last asked for, by the clock of the pins."""
    block: int
    """The number of the block that was last asked for."""


class Pins:
    """The transfers under way, bounded in number and in the bytes that they hold; the oldest goes first.

    A pin whose bytes had to go still says which image its transfer is about.
    Threads: the receive loop, and the pool for a transfer whose image had to be loaded.
    """

    def __init__(self, clock: Callable[[], float], most: int, limit: int) -> None:
        """`clock` counts seconds; at most `most` pins, and `limit` bytes of images."""
        self._clock = clock
        self._most = most
        self._limit = limit
        self._pins: OrderedDict[tuple[Address, str], Pin] = OrderedDict()
        self._uses: dict[str, int] = {}
        self._contents: OrderedDict[str, Content] = OrderedDict()
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

    def content(self, sha256: str) -> Content | None:
        """The bytes of an image that some pin holds."""
        return self._contents.get(sha256)

    def touch(self, peer: Address, path: str, pin: Pin, block: int) -> None:
        """The peer asked for `block`."""
        pin.seen = self._clock()
        pin.block = block
        with contextlib.suppress(KeyError):  # the pool may have dropped it just now
            self._pins.move_to_end((peer, path))
            self._contents.move_to_end(pin.sha256)

    def set(self, peer: Address, path: str, content: Content, mid: int | None, block: int) -> None:
        """The peer's transfer goes on with `content` from here."""
        with self._lock:
            self._drop((peer, path))
            self._pins[peer, path] = Pin(content.sha256, mid, self._clock(), block)
            self._uses[content.sha256] = self._uses.get(content.sha256, 0) + 1
            self._hold(content)
            while len(self._pins) > self._most:
                self._drop(next(iter(self._pins)))

    def hold(self, pin: Pin, content: Content) -> None:
        """The bytes of a pin's image were loaded again."""
        with self._lock:
            if pin.sha256 in self._uses:
                self._hold(content)

    def _hold(self, content: Content) -> None:
        if content.sha256 not in self._contents:
            self._held += len(content.data)
        self._contents[content.sha256] = content
        self._contents.move_to_end(content.sha256)
        while self._held > self._limit and len(self._contents) > 1:
            _, gone = self._contents.popitem(last=False)
            self._held -= len(gone.data)

    def _drop(self, key: tuple[Address, str]) -> None:
        pin = self._pins.pop(key, None)
        if pin is None:
            return
        self._uses[pin.sha256] -= 1
        if not self._uses[pin.sha256]:
            del self._uses[pin.sha256]
            gone = self._contents.pop(pin.sha256, None)
            self._held -= len(gone.data) if gone else 0

    def __len__(self) -> int:
        return len(self._pins)

    @property
    def held(self) -> int:
        """Bytes of images that pins hold."""
        return self._held
