"""The CoAP client side: one UDP socket for all devices, one thread that receives, workers that wait.

CoAPthon3's client class is not used: it leaves a thread behind an exchange, gives no reason for silence, and loses
the zone of a link-local address.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import unquote_to_bytes

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from server.coap import datagram, errorqueue, peers
from server.coap.datagram import Block, Datagram
from server.coap.dualstack import open_udp
from server.coap.exchange import TOKEN_LENGTH, Exchange, Exchanges
from server.coap.peers import Peer
from server.coap.resolver import Resolver
from server.service_thread import ServiceThread

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Bytes: where following a device's blocks ends."""
_METHODS = {"GET": 1, "POST": 2, "PUT": 3, "DELETE": 4}


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient the client is, in seconds; RFC 7252, 4.8."""

    ack_timeout: float = 2.0
    ack_random_factor: float = 1.5
    max_retransmit: int = 4
    response_timeout: float = 60.0
    """How long a device may take for a separate response, once it has acknowledged the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said: its code, as "2.01", and the payload's bytes."""

    code: str
    payload: bytes


class CoapClient:
    """Asks devices and waits for their answers.

    Threads: any thread calls `request` and waits in it; one owner calls `start` and `stop`; the thread
    "coap-client" receives.
    """

    def __init__(
        self,
        timing: Timing = Timing(),
        bind: str = "::",
        *,
        own_port: int | None = None,
        died: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`own_port` is the port of this machine's CoAP server, which is never asked: it is no device.

        `died` is told when the receive thread ends by a fault.
        """
        self._died = died
        self._timing = timing
        self._bind = bind
        self._own_port = own_port
        self._exchanges = Exchanges()
        self._stopping = threading.Event()
        self._resolver = Resolver(self._stopping)
        self._wake = -1
        self._thread: ServiceThread | None = None

    def start(self) -> None:
        """Open the socket and begin to receive. Raises OSError when `bind` is no address of this machine."""
        self._socket = open_udp(self._bind)
        errorqueue.enable(self._socket)
        self._wake = os.eventfd(0)
        self._thread = ServiceThread("coap-client", "the thread that receives devices' answers", self._receive, self._died)
        self._thread.start()

    def stop(self) -> None:
        """End every wait and close the socket. A second call does nothing."""
        self._stopping.set()
        self._exchanges.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            os.eventfd_write(self._wake, 1)
            thread.join()
            os.close(self._wake)
            self._socket.close()

    def __enter__(self) -> CoapClient:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def resolve(self, target: DeviceUrl) -> DeviceUrl:
        """`target` with a numeric address, and with its zone where that is link-local.

        Raises DeviceUnreachable when no address is found, DeviceRefused when the address must not be asked.
        """
        return peers.numeric(target, self._locate(target))

    def request(self, method: str, target: DeviceUrl, path: str, payload: bytes = b"") -> Answer:
        """Send one confirmable request to the device at `target` and wait for the answer, an error code included.

        `path` has no leading slash; percent-encoded bytes are decoded. A GET's further blocks are fetched too, up to
        64 KiB; of another method's answer only the first block is, because asking again would be doing it again.
        Raises DeviceUnreachable when nothing came back, DeviceRefused for a reset, for an answer that makes no sense,
        and for a target that must not be asked.
        """
        segments = _segments(path)
        peer = self._locate(target)
        reply = self._exchange(peer, method, segments, payload)
        block = reply.block2
        if method != "GET" or reply.dotted_code != "2.05" or block is None or (not block.more and not block.number):
            return Answer(reply.dotted_code, reply.payload)
        body = b""
        while True:
            expected = len(body) // block.size
            if block.szx == 7 or block.number * block.size != len(body) or (block.more and len(reply.payload) != block.size):
                wrong = f"The device sent block {block.number} of {path!r} where a whole block {expected} was due."
                raise DeviceRefused(wrong, reply.dotted_code)
            body += reply.payload
            if not block.more:
                return Answer(reply.dotted_code, body)
            if len(body) > MAX_BODY:
                raise DeviceRefused(f"The device's {path!r} is longer than {MAX_BODY} bytes.", reply.dotted_code)
            reply = self._exchange(peer, method, segments, b"", Block(len(body) // block.size, False, block.szx))
            if reply.dotted_code != "2.05":
                return Answer(reply.dotted_code, reply.payload)
            block = reply.block2
            if block is None:
                raise DeviceRefused(f"The device stopped sending {path!r} in blocks half-way.", reply.dotted_code)

    def _locate(self, target: DeviceUrl) -> Peer:
        if self._stopping.is_set():
            raise DeviceUnreachable("The server is stopping.")
        peer = peers.locate(target, self._socket.family, self._resolver)
        if peer.port == self._own_port and peers.is_local(peer):
            raise DeviceRefused(f"{target} is this server itself, not a device.")
        return peer

    def _exchange(
        self, peer: Peer, method: str, segments: list[str], payload: bytes, block: Block | None = None
    ) -> Datagram:
        with self._exchanges.open(peer) as exchange:
            reply = self._await(exchange, _encode(method, exchange.mid, exchange.token, segments, payload, block))
        if reply.type == datagram.RST:
            raise DeviceRefused("The device answered with a reset: it does not take CoAP requests of this kind.")
        if (option := reply.unknown_critical) is not None:
            why = f"The device's answer has the critical option {option}, which is not known here."
            raise DeviceRefused(why, reply.dotted_code)
        return reply

    def _await(self, exchange: Exchange, data: bytes) -> Datagram:
        """Send and send again until it is acknowledged (RFC 7252, 4.2), then wait for the response (5.2.2)."""
        timing = self._timing
        started = time.monotonic()
        pause = timing.ack_timeout * random.uniform(1, timing.ack_random_factor)
        for _ in range(timing.max_retransmit + 1):
            self._send(data, exchange.peer)
            message = exchange.wait(pause)
            if message is not None:
                break
            pause *= 2
        else:
            raise DeviceUnreachable(f"There was no answer in {_seconds(time.monotonic() - started)}.")
        deadline = time.monotonic() + timing.response_timeout
        while message is not None and message.type == datagram.ACK and not message.is_response:
            message = exchange.wait(deadline - time.monotonic())
        if message is None:
            waited = _seconds(time.monotonic() - started)
            raise DeviceUnreachable(f"The device acknowledged the request, but there was no answer in {waited}.")
        return message

    def _send(self, data: bytes, peer: Peer) -> None:
        address = peer.sockaddr(self._socket.family)
        for _ in range(10):
            # An error that the network reported for another device is raised here once, and then it is gone: only one
            # that stays is this device's own.
            try:
                self._socket.sendto(data, address)
                return
            except (BlockingIOError, InterruptedError):
                return  # a full send buffer is a lost datagram
            except OSError as error:
                number = error.errno or 0
        if self._stopping.is_set():
            raise DeviceUnreachable("The server is stopping.")
        if number == errno.ENOBUFS:
            return
        if number == errno.EACCES:
            raise DeviceRefused(f"{peer.host} is a broadcast address, or a firewall forbids it: name the devices one by one.")
        raise DeviceUnreachable(errorqueue.sentence(number, peer))

    def _receive(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        try:
            while not self._stopping.is_set():
                for fd, events in poll.poll():
                    if fd == self._wake:
                        return
                    if events & select.POLLERR:
                        for trouble in errorqueue.read(self._socket):
                            self._exchanges.failed(trouble)
                    self._receive_one()
        finally:
            self._exchanges.close()

    def _receive_one(self) -> None:
        try:
            data, address = self._socket.recvfrom(65535)
        except OSError:
            return  # nothing there, or an error of some exchange; the error queue says whose
        try:
            peer = peers.peer_of(address)
            message = datagram.parse(data)
            back = datagram.rejection(data) if message is None else self._exchanges.arrived(peer, message)
            if back is not None:
                self._socket.sendto(back, address)
        except OSError as error:
            log.debug("no acknowledgement to %s: %s", address, error)
        except Exception:
            log.exception("a datagram from %s could not be handled", address)


def request_size(path: str, payload: bytes) -> int:
    """Bytes of the datagram in which `CoapClient.request` sends `payload` to `path`."""
    return len(_encode("POST", 0, bytes(TOKEN_LENGTH), _segments(path), payload))


def _encode(
    method: str, mid: int, token: bytes, segments: list[str], payload: bytes = b"", block: Block | None = None
) -> bytes:
    options = [(datagram.URI_PATH, segment.encode()) for segment in segments]
    if block is not None:
        options.append((datagram.BLOCK2, datagram.uint(block.number << 4 | block.szx)))
    return datagram.encode(Datagram(datagram.CON, _METHODS[method], mid, token, tuple(options), payload))


def _segments(path: str) -> list[str]:
    try:
        segments = [unquote_to_bytes(part).decode() for part in path.split("/")]
    except UnicodeDecodeError:
        raise DeviceRefused(f"The path {path!r} is not UTF-8 behind its percent signs.") from None
    if any(part in (".", "..") for part in segments):
        raise DeviceRefused(f"The path {path!r} has a part that is . or .., which CoAP does not know.")
    return segments


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
