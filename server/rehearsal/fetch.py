"""The way in which a RIOT device fetches a file, datagram by datagram (nanocoap_sock_get_blockwise)."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.coap import datagram
from server.coap.datagram import Block, Datagram
from server.rehearsal.loop import Loop, Timer
from server.rehearsal.radio import Radio
from server.rehearsal.uris import Target

ACK_TIMEOUT, ACK_RANDOM_FACTOR, MAX_RETRANSMIT = 2.0, 1.5, 4
"""RFC 7252, 4.8: the last silence ends some 80 s after the first datagram."""
SEPARATE_WAIT = 93.0
"""MAX_TRANSMIT_WAIT: seconds for a response whose request was acknowledged."""
ATTEMPTS = 4
"""From block 0 and from a port of its own each."""
_RECEIVE = 2048


class Owner(Protocol):
    """Who wants the file. `received` may end the fetch."""

    def received(self, count: int) -> None:
        """One more block is there; `count` bytes so far."""

    def fetched(self, body: bytes) -> None:
        """That was the last one."""

    def failed(self, why: str) -> None:
        """It is given up: a code such as "4.04", "RST", "silence", "unreachable" or "block size"."""


@dataclass(frozen=True, slots=True)
class Way:
    """What every fetch of a device has in common."""

    loop: Loop
    radio: Radio
    chance: random.Random
    """Where message ids begin, and how long the first silence lasts."""
    address: str
    """The device's own, which the requests come from where it is of the server's family."""
    block: int = 64
    """Bytes: 16 to 1024."""


class Fetch:
    """One file: confirmable, no token, Block2 in the first request, message ids up by one, stop and wait.

    Silence ends in another attempt from block 0 and another port; an error code, a reset or a block that is too large
    ends the fetch.
    """

    def __init__(self, way: Way, target: Target, owner: Owner, again: Callable[[int], None]) -> None:
        """`again`: told the new port when an attempt follows a silence."""
        self._way = way
        self._target = target
        self._owner = owner
        self._again = again
        self._attempts = 0
        self._socket: socket.socket | None = None
        self._timer: Timer | None = None
        self._mid = way.chance.randrange(0x10000)
        self._body = bytearray()
        self._request = b""
        self._number = 0
        self._pause = 0.0
        self._sent = 0

    @property
    def port(self) -> int:
        """The source port; 0 where there is none."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def start(self) -> None:
        """Send the first request."""
        self._attempts += 1
        self._body.clear()
        self._number = 0
        try:
            self._socket = self._open()
        except OSError:
            self._end()
            self._owner.failed("unreachable")
            return
        self._way.loop.watch(self._socket, self._readable)
        if self._attempts > 1:
            self._again(self.port)
        self._ask()

    def stop(self) -> None:
        """End it without a word; of no effect where it has ended."""
        self._end()

    def _open(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._target.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if (":" in self._way.address) == (family == socket.AF_INET6):
                sock.bind((self._way.address, 0))
            sock.connect(socket.getaddrinfo(self._target.host, self._target.port, family, socket.SOCK_DGRAM)[0][4])
        except OSError:
            sock.close()
            raise
        return sock

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            if self._socket.fileno() >= 0:
                self._way.loop.forget(self._socket)
                self._socket.close()
            self._socket = None

    def _ask(self) -> None:
        self._mid = (self._mid + 1) & 0xFFFF
        szx = self._way.block.bit_length() - 5
        options = [(datagram.URI_PATH, segment) for segment in self._target.path]
        options.append((datagram.BLOCK2, datagram.uint(self._number << 4 | szx)))
        self._request = datagram.encode(Datagram(datagram.CON, datagram.GET, self._mid, options=tuple(options)))
        self._pause = ACK_TIMEOUT * self._way.chance.uniform(1.0, ACK_RANDOM_FACTOR)
        self._sent = 0
        self._transmit()

    def _transmit(self) -> None:
        self._sent += 1
        self._send(self._request)
        self._wait(self._pause * 2 ** (self._sent - 1), self._silent)

    def _wait(self, seconds: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._way.loop.after(seconds, action)

    def _silent(self) -> None:
        if self._sent <= MAX_RETRANSMIT:
            return self._transmit()
        return self._give_up()

    def _give_up(self) -> None:
        self._end()
        if self._attempts < ATTEMPTS:
            self.start()
        else:
            self._owner.failed("silence")

    def _send(self, data: bytes) -> None:
        sock = self._socket

        def send() -> None:
            if sock is None or sock is not self._socket:
                return
            try:
                sock.send(data)
            except OSError:
                pass  # to the device a server that is gone is silence, and so is a full queue

        self._way.radio.carry(send)

    def _readable(self) -> None:
        sock = self._socket
        assert sock is not None
        try:
            data = sock.recv(_RECEIVE)
        except OSError:
            return  # an ICMP error: see _send
        self._way.radio.carry(lambda: self._arrived(data) if sock is self._socket else None)

    def _arrived(self, data: bytes) -> None:
        message = datagram.parse(data)
        if message is None or message.is_request or message.token:
            return
        ours = message.mid == self._mid
        if message.type == datagram.RST:
            if ours:
                self._fail("RST")
        elif message.type == datagram.ACK:
            if ours and message.code == datagram.EMPTY:
                self._wait(SEPARATE_WAIT, self._give_up)
            elif ours:
                self._answered(message)
        elif message.is_response:
            if message.type == datagram.CON:
                self._send(datagram.empty(datagram.ACK, message.mid))
            block = message.block2
            # Without a token, the number is all that tells a late response from the one that is waited for.
            if block is None or block.number == self._number:
                self._answered(message)

    def _answered(self, message: Datagram) -> None:
        if message.code != datagram.CONTENT:
            return self._fail(message.dotted_code)
        block = message.block2
        if block is None and len(message.payload) > self._way.block:
            return None  # more than its buffer holds: dropped, and it stalls
        block = block or Block(self._number, False, self._way.block.bit_length() - 5)
        if block.number != self._number:
            return None
        if block.size > self._way.block or len(message.payload) > self._way.block:
            return self._fail("block size")
        return self._take(message.payload, block.more)

    def _take(self, payload: bytes, more: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        sock = self._socket
        self._body += payload
        self._number += 1
        self._owner.received(len(self._body))
        if sock is not self._socket:
            return  # the owner has ended it
        if more:
            self._ask()
        else:
            self._end()
            self._owner.fetched(bytes(self._body))

    def _fail(self, why: str) -> None:
        self._end()
        self._owner.failed(why)
