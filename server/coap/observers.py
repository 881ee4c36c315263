"""Devices that would rather wait than be notified: who is told when a manifest changes (RFC 7641).

CoAPthon3's own layer is not used: it takes an observer in before it knows of the resource, keeps it by a hash in which
address, port and token run together without the zone, compares resource objects that are made anew for each request,
and starts a thread for each notification. Nothing of it would be left.
"""

from __future__ import annotations

import itertools
import logging
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from server.coap import datagram
from server.coap.blocks import cut
from server.coap.datagram import Block, Datagram
from server.coap.pins import Pins
from server.coap.resources import is_observable
from server.coap.source import Control, Received, Source, address_of
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.image import Image, ImageChanged
from server.firmware.images import Content, ImageCache

MOST = 4096
"""Observers at once."""
_TICK = 0.1
"""Seconds between looks, while there are observers."""
_ACK_TIMEOUT, _ACK_RANDOM_FACTOR, _MAX_RETRANSMIT = 2.0, 1.5, 4
"""RFC 7252, 4.8."""
_LOOK = 60.0
"""Seconds between looks at all observers at most."""
_STILL_THERE = 24 * 3600.0
"""Seconds after which an observer is asked for an acknowledgement, whatever has changed (RFC 7641, 4.5)."""
_GONE = 10.0
"""Seconds without the manifest after which its observers are told 4.04: one that is replaced is missing for a moment."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Observer:
    """One registration; `Observers` locks."""

    source: Source
    control: Control
    token: bytes
    path: str
    block: Block
    """Of the size that it asked for."""
    asked: bool
    told: str
    """The SHA-256 of what it was told last."""
    heard: float
    missing: float | None = None
    """Since when there is nothing at the path."""
    sent: bytes = b""
    """The notification that is not acknowledged yet."""
    mid: int = 0
    tries: int = 0
    due: float = 0.0
    pause: float = 0.0
    ends: bool = False
    """The notification under way is the last one."""


class Observers:
    """Keeps the registrations, sends notifications until they are acknowledged, and drops who does not answer.

    Threads: the receive loop and the pool call `observe` and `settled`; owns `coap-observe`, which sends.
    Bounded: where there is no room, who never acknowledged a notification goes first, and new ones are not taken in.
    """

    def __init__(
        self,
        live: LiveCatalogue,
        cache: ImageCache,
        pins: Pins,
        sock: socket.socket,
        mids: Iterator[int],
        clock: Callable[[], float],
        died: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`clock` counts seconds; `died` is told when the thread ends by a fault."""
        self._live = live
        self._cache = cache
        self._pins = pins
        self._socket = sock
        self._mids = mids
        self._clock = clock
        self._died = died
        self._sequence = itertools.count(1)
        self._lock = threading.Lock()
        self._all: dict[tuple[Source, bytes], _Observer] = {}
        self._unproven: dict[tuple[Source, bytes], None] = {}
        self._by_mid: dict[tuple[Source, int], _Observer] = {}
        self._seen: Catalogue | None = None
        self._next = 0.0
        """When somebody has to be told again, by the clock."""
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coap-observe")

    def start(self) -> None:
        """Begin to look for changes."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; the observers are not told."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def __len__(self) -> int:
        return len(self._all)

    def observe(self, request: Datagram, received: Received, path: str, content: Content) -> int | None:
        """Register or deregister the sender of a GET (RFC 7641, 2); the sequence number when it is registered now."""
        values = request.values(datagram.OBSERVE)
        if not values or len(values[0]) > 3 or not is_observable(self._live.current, path):
            return None
        wish = int.from_bytes(values[0], "big")
        key = (received.source, request.token)
        with self._lock:
            if wish == 0 and not self._has_room(key):
                return None
            before = self._all.get(key)
            proven = key not in self._unproven
            if before is not None and wish < 2:
                self._drop(before)
            if wish:
                return None
            observer = _Observer(
                source=received.source,
                control=received.control,
                token=request.token,
                path=path,
                block=Block(0, False, request.block2.szx if request.block2 else 6),
                asked=request.block2 is not None,
                told=content.sha256,
                heard=self._clock(),
            )
            self._all[key] = observer
            if before is None or not proven:
                self._unproven[key] = None
            self._seen = None
        self._wake.set()
        return self._number()

    def settled(self, source: Source, message: Datagram) -> None:
        """An empty acknowledgement or a reset came in: the observer is there, or does not want any more."""
        with self._lock:
            observer = self._by_mid.get((source, message.mid))
            if observer is None:
                return
            if message.type == datagram.RST or observer.ends:
                self._drop(observer)
                return
            self._by_mid.pop((source, observer.mid), None)
            observer.sent = b""
            observer.heard = self._clock()
            self._unproven.pop((observer.source, observer.token), None)

    def look(self) -> None:
        """Tell who has to be told by now, again where nothing came back. The thread calls it each tick."""
        now, catalogue = self._clock(), self._live.current
        if catalogue is self._seen and now < self._next:
            return
        self._seen, self._next = catalogue, now + _LOOK
        with self._lock:
            observers = list(self._all.values())
        for observer in observers:
            image = catalogue.images.get(observer.path)
            if observer.sent and now >= observer.due:
                self._again(observer, now)
            if image is not None:
                observer.missing = None
                if image.sha256 != observer.told or (not observer.sent and now - observer.heard > _STILL_THERE):
                    self._tell(observer, image, now)
            elif not observer.ends:
                observer.missing = now if observer.missing is None else observer.missing
                if now - observer.missing >= _GONE:
                    self._say(observer, datagram.encode(self._message(observer, datagram.NOT_FOUND)), now, ends=True)
                else:
                    self._next = min(self._next, observer.missing + _GONE)
            if observer.sent:
                self._next = min(self._next, observer.due)

    def _tell(self, observer: _Observer, image: Image, now: float) -> None:
        """Send the manifest's first block; the others follow by plain requests (RFC 7959, 2.6), of the same image."""
        try:
            content = self._cache.load(image)
        except (ImageChanged, OSError):
            self._next = now + _TICK  # it is being replaced: the catalogue will know
            return
        payload, described = cut(content, observer.block, observer.asked)
        options = ((datagram.ETAG, content.etag), (datagram.OBSERVE, datagram.uint(self._number())), *described)
        self._pins.set(observer.source, observer.path, content, None, observer.block)
        observer.told = content.sha256
        self._say(observer, datagram.encode(self._message(observer, datagram.CONTENT, options, payload)), now)

    def _message(
        self, observer: _Observer, code: int, options: tuple[tuple[int, bytes], ...] = (), payload: bytes = b""
    ) -> Datagram:
        return Datagram(datagram.CON, code, next(self._mids) & 0xFFFF, observer.token, options, payload)

    def _say(self, observer: _Observer, notification: bytes, now: float, ends: bool = False) -> None:
        """Send a notification in place of one that is still under way (RFC 7641, 4.5.2)."""
        with self._lock:
            if self._all.get((observer.source, observer.token)) is not observer:
                return
            self._by_mid.pop((observer.source, observer.mid), None)
            observer.sent, observer.ends = notification, ends
            observer.mid = int.from_bytes(notification[2:4], "big")
            self._by_mid[observer.source, observer.mid] = observer
            observer.tries, observer.pause = 0, _ACK_TIMEOUT * random.uniform(1, _ACK_RANDOM_FACTOR)
            observer.due = now + observer.pause
        self._send(observer, notification)

    def _again(self, observer: _Observer, now: float) -> None:
        with self._lock:
            notification = observer.sent
            if not notification:
                return
            if observer.tries == _MAX_RETRANSMIT:
                self._drop(observer)
                _log.info("the observer %s of %r does not answer and is forgotten", address_of(observer.source)[0], observer.path)
                return
            observer.tries += 1
            observer.pause *= 2
            observer.due = now + observer.pause
        self._send(observer, notification)

    def _send(self, observer: _Observer, notification: bytes) -> None:
        try:
            self._socket.sendmsg([notification], observer.control, socket.MSG_DONTWAIT, address_of(observer.source))
        except OSError as error:
            _log.debug("no notification could be sent to %s: %s", address_of(observer.source)[0], error)

    def _has_room(self, key: tuple[Source, bytes]) -> bool:
        if key not in self._all and len(self._all) >= MOST:
            oldest = next(iter(self._unproven), None)
            if oldest is None:
                return False
            self._drop(self._all[oldest])
        return True

    def _drop(self, observer: _Observer) -> None:
        key = (observer.source, observer.token)
        if self._all.get(key) is observer:
            del self._all[key]
            self._unproven.pop(key, None)
        self._by_mid.pop((observer.source, observer.mid), None)
        observer.sent = b""

    def _number(self) -> int:
        return next(self._sequence) & 0xFFFFFF

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.wait(_TICK if self._all else None)
                self._wake.clear()
                self.look()
        except Exception:
            _log.exception("the thread that tells observers died")
            self._died("coap-observe")
