"""Which transfer goes on with which bytes: a transfer never mixes two images."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from server.coap.datagram import Block
from server.coap.progress import Progress
from server.coap.source import Source
from server.firmware.images import Content

EXCHANGE_LIFETIME = 247.0
"""Seconds (RFC 7252, 4.8.2)."""
MAX_TRANSMIT_SPAN = 45.0
"""Seconds from the first to the last time that a confirmable message is sent (RFC 7252, 4.8.2)."""
MAX_PINS = 16384
"""Transfers that are remembered."""
_ENDED = 4096
"""Pins that ended and are still to be collected; the oldest are forgotten."""
_NEWCOMERS = 8
"""The share of all pins, one in this many, that those may take who asked once."""


@dataclass(slots=True, eq=False)
class Pin:
    """One peer's transfer of one path. The receive loop and the pool write it."""

    source: Source
    path: str
    sha256: str
    """Of the image that the transfer began with: it goes on with that one or not at all."""
    key: bytes
    """Image and path: what this transfer's answers are remembered by. Of another path, none is ever found with it."""
    mid: int | None
    """The message id of the request for block 0 that set it; None when it began in the middle."""
    seen: float
    """When a block was last asked for, by the clock of the pins."""
    progress: Progress
    """Of the blocks that were sent."""
    placed: float
    """`seen` when the pin took its place among the others."""
    began: float
    """When it was set."""


def key_of(sha256: str, path: str) -> bytes:
    """What the answers of a transfer of this image at this path are remembered by."""
    return bytes.fromhex(sha256) + hashlib.blake2b(path.encode(), digest_size=16).digest()


@dataclass(slots=True, eq=False)
class _Held:
    """One image that transfers are about, its bytes where they are still held."""

    content: Content | None = None
    placed: float = 0.0
    """When one of its transfers was last heard, as far as this was looked at."""
    pins: set[Pin] = field(default_factory=set)


class Pins:
    """The transfers under way, bounded in number and in the bytes that they hold; the longest silent goes first.

    A pin whose bytes had to go still says which image its transfer is about. Order is put right only when something
    has to go, so that a block costs nothing here. A transfer that asked again goes after all that asked once: a flood
    of single requests ends no transfer.
    Threads: the receive loop, and the pool for a transfer whose image had to be loaded.
    """

    def __init__(self, clock: Callable[[], float], most: int, limit: int) -> None:
        """`clock` counts seconds; at most `most` pins, and `limit` bytes of images."""
        self.clock = clock
        self._most = most
        self._limit = limit
        self._new: OrderedDict[tuple[Source, str], Pin] = OrderedDict()
        self._going: OrderedDict[tuple[Source, str], Pin] = OrderedDict()
        self._images: dict[str, _Held] = {}
        self._with_bytes: OrderedDict[str, _Held] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self.latest: dict[Source, Pin] = {}
        """The transfer that each peer asked about last. Read without a lock."""
        self.ended: deque[Pin] = deque(maxlen=_ENDED)
        """Pins of which blocks were sent, and which are no longer among those of `all`. Whoever collects them pops them."""

    def get(self, source: Source, path: str) -> Pin | None:
        """The pin that holds, if its peer was heard within EXCHANGE_LIFETIME."""
        with self._lock:
            pin = self._new.get((source, path)) or self._going.get((source, path))
            if pin is not None and self.clock() - pin.seen > EXCHANGE_LIFETIME:
                self._drop(pin)
                return None
            return pin

    def content(self, sha256: str) -> Content | None:
        """The bytes of an image that some pin holds."""
        held = self._images.get(sha256)
        return held.content if held is not None else None

    def resume(self, source: Source, path: str, block: Block, mid: int) -> Pin | None:
        """The transfer that a request for `block` goes on with, touched; None where it begins one.

        Block 0 begins one, unless it is the request that set the pin, sent again (RFC 7252, 4.8.2).
        """
        pin = self.get(source, path)
        if pin is None or not (block.number or (pin.mid == mid and self.clock() - pin.began <= MAX_TRANSMIT_SPAN)):
            return None
        pin.seen = self.clock()
        with self._lock:
            if self._holds(pin):
                self.latest[pin.source] = pin
        return pin

    def all(self) -> list[Pin]:
        """Every transfer, in no order; each goes on changing."""
        with self._lock:
            return [*self._new.values(), *self._going.values()]

    def set(self, source: Source, path: str, content: Content, mid: int | None) -> Pin:
        """The peer's transfer goes on with `content` from here."""
        now = self.clock()
        key = key_of(content.sha256, path)
        pin = Pin(source, path, content.sha256, key, mid, now, Progress(len(content.data)), placed=now, began=now)
        with self._lock:
            before = self._new.get((source, path)) or self._going.get((source, path))
            place = self._going if before is not None else self._new
            if before is not None:
                self._drop(before)
            place[source, path] = self.latest[source] = pin
            self._hold(pin, content)
            self._make_room(now)
        return pin

    def restore(self, pin: Pin) -> None:
        """A transfer of before this server started goes on, as one whose bytes had to go."""
        with self._lock:
            self._going[pin.source, pin.path] = self.latest[pin.source] = pin
            self._images.setdefault(pin.sha256, _Held()).pins.add(pin)
            self._make_room(self.clock())

    def hold(self, pin: Pin, content: Content) -> None:
        """The bytes of a pin's image were loaded again."""
        with self._lock:
            if self._holds(pin):
                self._hold(pin, content)

    def _holds(self, pin: Pin) -> bool:
        key = (pin.source, pin.path)
        return self._new.get(key) is pin or self._going.get(key) is pin

    def _hold(self, pin: Pin, content: Content) -> None:
        held = self._images.setdefault(pin.sha256, _Held())
        held.pins.add(pin)
        if held.content is None:
            held.content = content
            self._bytes += len(content.data)
        held.placed = pin.seen
        self._with_bytes[pin.sha256] = held
        self._with_bytes.move_to_end(pin.sha256)
        while self._bytes > self._limit and len(self._with_bytes) > 1:
            sha256, held = next(iter(self._with_bytes.items()))
            seen = max(p.seen for p in held.pins)
            if sha256 == pin.sha256 or seen > held.placed:
                held.placed = seen
                self._with_bytes.move_to_end(sha256)
            else:
                self._forget_bytes(sha256)

    def _forget_bytes(self, sha256: str) -> None:
        held = self._with_bytes.pop(sha256, None)
        if held is not None and held.content is not None:
            self._bytes -= len(held.content.data)
            held.content = None

    def _make_room(self, now: float) -> None:
        for queue in (self._new, self._going):
            while queue:
                pin = next(iter(queue.values()))
                if now - pin.placed <= EXCHANGE_LIFETIME:
                    break
                self._pass_over(queue, pin, now - pin.seen > EXCHANGE_LIFETIME)
        while len(self) > self._most:
            queue = self._new if len(self._new) * _NEWCOMERS > self._most or not self._going else self._going
            pin = next(iter(queue.values()))
            self._pass_over(queue, pin, pin.seen <= pin.placed)

    def _pass_over(self, queue: OrderedDict[tuple[Source, str], Pin], pin: Pin, ends: bool) -> None:
        """The first pin of a queue ends, or goes to the end because it was asked for again."""
        if ends:
            self._drop(pin)
        else:
            pin.placed = pin.seen
            del queue[pin.source, pin.path]
            self._going[pin.source, pin.path] = pin

    def _drop(self, pin: Pin) -> None:
        key = (pin.source, pin.path)
        for queue in (self._new, self._going):
            if queue.get(key) is pin:
                del queue[key]
                if pin.progress.due >= 0:
                    self.ended.append(pin)
        if self.latest.get(pin.source) is pin:
            del self.latest[pin.source]
        held = self._images[pin.sha256]
        held.pins.discard(pin)
        if not held.pins:
            self._forget_bytes(pin.sha256)
            del self._images[pin.sha256]

    def __len__(self) -> int:
        return len(self._new) + len(self._going)

    @property
    def held(self) -> int:
        """Bytes of images that pins hold."""
        return self._bytes
