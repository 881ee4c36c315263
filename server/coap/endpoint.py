"""The UDP socket and the receive loop; it knows which of the two paths answers."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common.errors import ConfigError
from server.coap.blocks import Blocks, Missing
from server.coap.dualstack import open_udp
from server.coap.pins import Address
from server.coap.protocol import Protocol
from server.firmware.image import Image, ImageChanged
from server.firmware.images import ImageCache

_POOL_THREADS = 4
_POOL_BOUND = 1024
"""Datagrams that wait for the pool at most; what comes on top is dropped, as the network would drop it."""
_WAKE = 0.25
"""Seconds after which the receive loop looks at the stop flag."""
_RECEIVE_BUFFER = 1 << 20
_ANCILLARY = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(12)
_IP_PKTINFO = 8  # <linux/in.h>; the socket module has no name for it
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """A datagram, whom it came from, and the control message that sends the reply from the address that was asked."""

    data: bytes
    peer: Address
    control: list[tuple[int, int, bytes]]


def open_socket(host: str, port: int) -> socket.socket:
    """A bound UDP socket, dual-stack for `::`. Raises ConfigError with what to do."""
    try:
        return open_udp(host, port)
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"--coap-bind {host!r} is no address here: use ::, or one that `ip address` lists.") from None
    except OSError as error:
        raise ConfigError(
            f"CoAP cannot listen on [{host}]:{port} ({error.strerror}). Is another server running there?"
            " Stop it, or choose another port with --coap-port."
        ) from None


class Endpoint:
    """Receives datagrams, answers blocks at once and hands the rest to a small bounded pool.

    Threads: owns `coap`, the receive loop, and `coap-N`, the pool. A bad datagram never ends the loop.
    """

    def __init__(
        self,
        sock: socket.socket,
        blocks: Blocks,
        protocol: Protocol,
        cache: ImageCache,
        changed: Callable[[], None],
        died: Callable[[str], None],
    ) -> None:
        """`changed` is told when a file is no longer the one that was hashed; `died` when the loop ends by a fault."""
        self._socket = sock
        self._blocks = blocks
        self._protocol = protocol
        self._cache = cache
        self._changed = changed
        self._died = died
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coap")
        self._pool = ThreadPoolExecutor(_POOL_THREADS, thread_name_prefix="coap")
        self._room = threading.BoundedSemaphore(_POOL_BOUND)
        self._lock = threading.Lock()
        self._loading: dict[Image, list[Received]] = {}

    @property
    def port(self) -> int:
        """The UDP port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Set the socket up and begin to receive."""
        sock = self._socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setblocking(True)
        # The kernel's own time-out: Python's would cost a poll() before each recvmsg().
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(_WAKE * 1e6)))
        self._thread.start()

    def stop(self) -> None:
        """End the loop and the pool, wait for both, close the socket."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._socket.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    data, control, flags, peer = self._socket.recvmsg(2048, _ANCILLARY)
                except OSError:
                    continue  # nothing came within _WAKE, or the network reports an error of an answer sent before
                if not flags & socket.MSG_TRUNC:
                    self._receive(Received(data, peer, control))
        except Exception:
            _log.exception("the CoAP receive loop died")
            self._died("coap")

    def _receive(self, received: Received) -> None:
        try:
            answer = self._blocks.answer(received.data, received.peer)
            if isinstance(answer, bytes):
                self._send(answer, received)
            elif isinstance(answer, Missing):
                self._load(answer.image, received)
            else:
                self._submit(self._protocol_answer, received)
        except Exception:
            _log.exception("a datagram from %s could not be handled", received.peer[0])

    def _submit(self, work: Callable[..., None], *arguments: object) -> bool:
        if self._stopping.is_set() or not self._room.acquire(blocking=False):
            return False
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(lambda _: self._room.release())
        return True

    def _protocol_answer(self, received: Received) -> None:
        answer = self._protocol.answer(received.data, received.peer)
        if answer is not None:
            self._send(answer, received)

    def _load(self, image: Image, received: Received) -> None:
        """One load an image, however many ask for it meanwhile."""
        with self._lock:
            waiting = self._loading.get(image)
            if waiting is not None:
                if len(waiting) < _POOL_BOUND:
                    waiting.append(received)
                return
            self._loading[image] = [received]
        if not self._submit(self._loaded, image):
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
        for received in waiting:
            answer = self._blocks.answer(received.data, received.peer, content)
            if isinstance(answer, bytes):
                self._send(answer, received)

    def _send(self, answer: bytes, received: Received) -> None:
        try:
            self._socket.sendmsg([answer], received.control, 0, received.peer)
        except OSError as error:
            _log.debug("no answer could be sent to %s: %s", received.peer[0], error)
