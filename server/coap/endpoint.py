"""The UDP socket and the receive loop; it knows which of the two paths answers."""

from __future__ import annotations

import functools
import logging
import os
import socket
import threading
from collections.abc import Callable

from common.errors import ConfigError, Hindered
from server.coap import datagram
from server.coap.batch import Batch, is_cut_off
from server.coap.blocks import Blocks, Missing
from server.coap.budget import Budget
from server.coap.datagram import Datagram
from server.coap.dualstack import open_udp
from server.coap.hanging import hanging
from server.coap.lane import Lane
from server.coap.observers import Observers
from server.coap.protocol import Protocol
from server.coap.source import Received, Source
from server.firmware.image import Image, ImageChanged
from server.firmware.images import ImageCache
from server.service_thread import ServiceThread

_BOUND = 1024
"""Datagrams that wait for one thing at most; what comes on top is dropped, as the network would drop it."""
_WAKE = 0.25
"""Seconds after which the receive loop looks at the stop flag."""
_RECEIVE_BUFFER = 4 << 20
"""Bytes. A datagram of a few bytes takes nearly one KiB there, and a thousand devices may ask at once."""
_SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>; the socket module has no name for it
_log = logging.getLogger(__name__)


def open_socket(host: str, port: int) -> socket.socket:
    """A bound UDP socket, dual-stack for `::`. Raises ConfigError with what to do."""
    try:
        return open_udp(host, port)
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"--coap-bind {host!r} is no address here: use ::, or one that `ip address` lists.") from None
    except OSError as error:
        raise Hindered(
            f"CoAP cannot listen on [{host}]:{port} ({error.strerror}). Is another server running there?"
            " Stop it, or choose another port with --coap-port."
        ) from None


class Endpoint:
    """Receives datagrams, answers blocks at once and hands the rest to small bounded lanes.

    Threads: owns `coap`, the receive loop, `coap-load-N`, which read images, and `coap-slow-0`, which computes and leaves
    blocks the right of way. A bad datagram never ends the loop.
    """

    def __init__(
        self,
        sock: socket.socket,
        blocks: Blocks,
        protocol: Protocol,
        observers: Observers,
        cache: ImageCache,
        clock: Callable[[], float],
        changed: Callable[[], None],
        died: Callable[[str], None],
        budget: Budget | None = None,
    ) -> None:
        """`clock` is that of the pins. `changed` is told when a file is no longer the one that was hashed; `died` when
        the loop ends by a fault. `budget` bounds what a source is sent, where there is one.
        """
        self._socket = sock
        self._blocks = blocks
        self._protocol = protocol
        self._observers = observers
        self._cache = cache
        self._clock = clock
        self._changed = changed
        self._budget = budget
        self._stopping = threading.Event()
        self._thread = ServiceThread("coap", "the CoAP receive loop", self._run, died)
        self._load_lane = Lane("coap-load", 2, _BOUND)
        self._slow_lane = Lane("coap-slow", 1, _BOUND, busy=lambda: self.answered)
        self._lock = threading.Lock()
        self._loading: dict[Image, list[tuple[Received, Datagram]]] = {}
        self.answered = 0
        """Blocks that were answered from memory."""
        self.taken = 0
        """Datagrams that the receive loop took out of the socket."""

    @property
    def port(self) -> int:
        """The UDP port that is listened on."""
        return int(self._socket.getsockname()[1])

    @property
    def dropped(self) -> int:
        """Datagrams for which there was no room to wait in."""
        return self._load_lane.dropped + self._slow_lane.dropped

    def start(self) -> None:
        """Set the socket up and begin to receive."""
        _widen(self._socket)
        self._batch = Batch(self._socket, _WAKE)
        self._load_lane.start()
        self._slow_lane.start()
        self._thread.start()

    def stop(self) -> None:
        """End the loop and the lanes, wait for all, close the socket."""
        self._stopping.set()
        self._thread.join()
        self._load_lane.stop()
        self._slow_lane.stop()
        self._socket.close()

    def _run(self) -> None:
        batch, recall, clock, budget = self._batch, self._blocks.recall, self._clock, self._budget
        receive = hanging(batch.receive, os.environ)
        while not self._stopping.is_set():
            arrived = receive()
            now = clock()
            self.taken += len(arrived)
            self.answered += len(arrived)
            for slot, (data, source) in enumerate(arrived):
                answer = recall(data, source, now)
                if answer is None:
                    self.answered -= 1
                    answer = self._other(data, source, slot)
                if answer is not None and (budget is None or budget.allows(source, len(answer))):
                    batch.reply(slot, answer)
            batch.send()

    def _other(self, data: bytes, source: Source, slot: int) -> bytes | None:
        """What the blocks in memory do not answer; the response where it is there at once."""
        try:
            if is_cut_off(data):
                return None
            message = datagram.parse(data)
            if message is None:
                return datagram.rejection(data)
            if message.type >= datagram.ACK:
                self._observers.settled(source, message)
                return None
            received = Received(data, source, self._batch.control(slot))
            answer = self._blocks.answer(received, message)
            if isinstance(answer, bytes):
                return answer
            if isinstance(answer, Missing):
                self._load(answer.image, received, message)
            else:
                self._slow_lane.submit(functools.partial(self._protocol_answer, received, message))
        except Exception:
            _log.exception("a datagram could not be handled")
        return None

    def _protocol_answer(self, received: Received, message: Datagram) -> None:
        answer = self._protocol.answer(received, message)
        if answer is not None:
            self._send(answer, received)

    def _load(self, image: Image, received: Received, message: Datagram) -> None:
        """One load an image, however many ask for it meanwhile."""
        with self._lock:
            waiting = self._loading.get(image)
            if waiting is not None:
                if len(waiting) < _BOUND:
                    waiting.append((received, message))
                return
            self._loading[image] = [(received, message)]
        if not self._load_lane.submit(functools.partial(self._loaded, image)):
            with self._lock:
                del self._loading[image]

    def _loaded(self, image: Image) -> None:
        try:
            content = self._cache.load(image)
        except (ImageChanged, OSError) as error:
            # No answer: the device asks again, and by then the catalogue knows what has become of the file.
            _log.info("%r could not be read (%s); the folder is looked at again", image.path, error)
            self._changed()
            return
        finally:
            with self._lock:
                waiting = self._loading.pop(image)
        for received, message in waiting:
            answer = self._blocks.answer(received, message, content)
            if isinstance(answer, bytes):
                self._send(answer, received)

    def _send(self, answer: bytes, received: Received) -> None:
        if self._budget is not None and not self._budget.allows(received.source, len(answer)):
            return
        try:
            self._socket.sendmsg([answer], received.control, socket.MSG_DONTWAIT, received.address)
        except OSError as error:
            _log.debug("no answer could be sent to %s: %s", received.address[0], error)


def _widen(sock: socket.socket) -> None:
    """Room for _RECEIVE_BUFFER bytes, or what the system allows; never less than there is: systemd may give more."""
    if _room(sock) >= 2 * _RECEIVE_BUFFER:  # the kernel counts its own part in
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except OSError:  # only CAP_NET_ADMIN goes beyond the system's bound
        with socket.socket(sock.family, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            allowed = _room(other)
        if allowed > _room(sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)


def _room(sock: socket.socket) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
