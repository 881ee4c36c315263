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

from server.coap import datagram
from server.coap.blocks import cut
from server.coap.client import Timing
from server.coap.datagram import Block, Datagram
from server.coap.pins import Pins
from server.coap.registrations import Observer, Registrations
from server.coap.resources import is_observable
from server.coap.source import Received, Source, address_of
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.image import Image, ImageChanged
from server.firmware.images import Content, ImageCache
from server.service_thread import ServiceThread

_TICK = 0.1
"""Seconds between looks, while there are observers."""
_TIMING = Timing()
_LOOK = 60.0
"""Seconds between looks at all observers at most."""
_STILL_THERE = 24 * 3600.0
"""Seconds after which an observer is asked for an acknowledgement, whatever has changed (RFC 7641, 4.5)."""
_UNREADABLE = 1.0
"""Seconds after which a manifest that could not be read is tried again."""
_GONE = 10.0
"""Seconds without the manifest after which its observers are told 4.04: one that is replaced is missing for a moment."""
_log = logging.getLogger(__name__)


class Observers:
    """Keeps the registrations, sends notifications until they are acknowledged, and drops who does not answer.

    Threads: the receive loop and the pool call `observe` and `settled`; owns `coap-observe`, which sends.
    """

    def __init__(
        self,
        live: LiveCatalogue,
        cache: ImageCache,
        pins: Pins,
        sock: socket.socket,
        mids: Iterator[int],
        clock: Callable[[], float],
        allows: Callable[[Source, int], bool] = lambda *_: True,
        changed: Callable[[], None] = lambda: None,
        died: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`clock` counts seconds; `allows` says whether a source may be sent so many bytes; `changed` is told when a file is
        no longer the one that was hashed, `died` when the thread ends by a fault.
        """
        self._live = live
        self._cache = cache
        self._pins = pins
        self._socket = sock
        self._mids = mids
        self._clock = clock
        self._allows = allows
        self._changed = changed
        self._sequence = itertools.count(1)
        self._lock = threading.Lock()
        self._registrations = Registrations()
        self._seen: Catalogue | None = None
        self._next = 0.0
        """When somebody has to be told again, by the clock."""
        self._stopping = False
        self._wake = threading.Event()
        self._thread = ServiceThread("coap-observe", "the thread that tells observers", self._run, died)

    def start(self) -> None:
        """Begin to look for changes."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; the observers are not told."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def __len__(self) -> int:
        return len(self._registrations)

    def observe(self, request: Datagram, received: Received, path: str, content: Content) -> int | None:
        """Register or deregister the sender of a GET (RFC 7641, 2); the sequence number when it is registered now."""
        values = request.values(datagram.OBSERVE)
        if not values or len(values[0]) > 3 or not is_observable(self._live.current, path):
            return None
        wish = int.from_bytes(values[0], "big")
        observer = Observer(
            source=received.source,
            control=received.control,
            token=request.token,
            path=path,
            block=Block(0, False, request.block2.szx if request.block2 else 6),
            asked=request.block2 is not None,
            told=content.sha256,
            heard=self._clock(),
        )
        with self._lock:
            if wish:
                before = self._registrations.get(observer.key)
                if wish == 1 and before is not None:
                    self._registrations.drop(before)
                return None
            if not self._registrations.add(observer):
                return None
            self._seen = None
        self._wake.set()
        return self._number()

    def settled(self, source: Source, message: Datagram) -> None:
        """An empty acknowledgement or a reset came in: the observer is there, or does not want any more."""
        with self._lock:
            observer = self._registrations.waits_for(source, message.mid)
            if observer is None:
                return
            content, last = observer.content, message.type == datagram.RST or observer.ends
            if last:
                self._registrations.drop(observer)
            else:
                observer.heard = self._clock()
                self._registrations.acknowledged(observer)
        if content is not None and not last:
            # From here on, and not before, the blocks that it asks for are of what it was told.
            self._pins.set(source, observer.path, content, None)

    def look(self) -> None:
        """Tell who has to be told by now, again where nothing came back. The thread calls it each tick."""
        now, catalogue = self._clock(), self._live.current
        if catalogue is self._seen and now < self._next:
            return
        self._seen, self._next = catalogue, now + _LOOK
        with self._lock:
            observers = self._registrations.all()
        unreadable: set[str] = set()
        for observer in observers:
            image = catalogue.images.get(observer.path)
            if observer.sent and now >= observer.due:
                self._again(observer, now)
            if image is not None:
                observer.missing = None
                stale = image.sha256 != observer.told or observer.ends
                if stale or (not observer.sent and now - observer.heard > _STILL_THERE):
                    self._tell(observer, image, now, unreadable)
            elif not observer.ends:
                observer.missing = now if observer.missing is None else observer.missing
                if now - observer.missing >= _GONE:
                    self._say(observer, None, (datagram.NOT_FOUND, (), b""), now)
                else:
                    self._next = min(self._next, observer.missing + _GONE)
            if observer.sent:
                self._next = min(self._next, observer.due)

    def _tell(self, observer: Observer, image: Image, now: float, unreadable: set[str]) -> None:
        """Send the manifest's first block; the others follow by plain requests (RFC 7959, 2.6), of the same image."""
        if image.sha256 in unreadable:
            return
        try:
            content = self._cache.load(image)
        except (ImageChanged, OSError) as error:
            _log.info("%r could not be read (%s); the folder is looked at again", image.path, error)
            unreadable.add(image.sha256)
            self._next = min(self._next, now + _UNREADABLE)
            self._changed()
            return
        payload, described = cut(content, observer.block, observer.asked)
        options = ((datagram.ETAG, content.etag), (datagram.OBSERVE, datagram.uint(self._number())), *described)
        self._say(observer, content, (datagram.CONTENT, options, payload), now)

    def _say(
        self,
        observer: Observer,
        content: Content | None,
        message: tuple[int, tuple[tuple[int, bytes], ...], bytes],
        now: float,
    ) -> None:
        """Send a notification; in place of one under way it goes when that would be sent again (RFC 7641, 4.5.2)."""
        with self._lock:
            if self._registrations.get(observer.key) is not observer:
                return
            under_way = bool(observer.sent)
            mid = self._registrations.is_told(observer, lambda: next(self._mids))
            notification = datagram.encode(Datagram(datagram.CON, message[0], mid, observer.token, *message[1:]))
            observer.sent, observer.content, observer.ends = notification, content, content is None
            observer.told = content.sha256 if content is not None else ""
            if not under_way:
                observer.tries, observer.pause = 0, _TIMING.ack_timeout * random.uniform(1, _TIMING.ack_random_factor)
                observer.due = now + observer.pause
        if not under_way:
            self._send(observer, notification)

    def _again(self, observer: Observer, now: float) -> None:
        with self._lock:
            notification = observer.sent
            if not notification:
                return
            if observer.tries == _TIMING.max_retransmit:
                self._registrations.drop(observer)
                _log.info("the observer %s of %r does not answer and is forgotten", address_of(observer.source)[0], observer.path)
                return
            observer.tries += 1
            observer.pause *= 2
            observer.due = now + observer.pause
        self._send(observer, notification)

    def _send(self, observer: Observer, notification: bytes) -> None:
        if not self._allows(observer.source, len(notification)):
            return
        try:
            self._socket.sendmsg([notification], observer.control, socket.MSG_DONTWAIT, address_of(observer.source))
        except OSError as error:
            _log.debug("no notification could be sent to %s: %s", address_of(observer.source)[0], error)

    def _number(self) -> int:
        return next(self._sequence) & 0xFFFFFF

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_TICK if len(self) else None)
            self._wake.clear()
            self.look()
