"""The way in which a RIOT device fetches a file, datagram by datagram."""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes import coap_wire as wire
from tests.fakes.coap_wire import Message, Radio


class FetchFailed(Exception):
    """The device gave up. `code` is the CoAP code, "RST", or None for silence."""

    def __init__(self, why: str, code: str | None = None) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Restart:
    """The device loses power when it has so many blocks, and begins again at block 0."""

    after: int
    same_port: bool = False


def fetch(
    server: tuple[str, int] | tuple[str, int, int, int],
    path: str,
    block: int = 64,
    *,
    ack_timeout: float = 0.3,
    max_retransmit: int = 6,
    attempts: int = 3,
    loss: float = 0.0,
    seed: int = 1,
    restart: Restart | None = None,
    first_mid: int | None = None,
    on_block: Callable[[int], None] | None = None,
) -> bytes:
    """Fetch a file as RIOT does: confirmable, no token, Block2 in the first request, message ids that go up by one.

    Stop-and-wait from a new port; after silence the request is repeated `max_retransmit` times, at intervals that
    double; then it begins again at block 0 from another port, `attempts` times in all. An error code or a reset ends it at
    once. `on_block` is called with each block's number when it has arrived. AssertionError for what RIOT chokes on.
    """
    session = _Session(server, path, block, ack_timeout, max_retransmit, Radio(loss, seed), on_block)
    session.mid = random.Random(seed).randrange(0x10000) if first_mid is None else first_mid
    try:
        if restart:
            session.run(stop_after=restart.after)
            if not restart.same_port:
                session.new_port()
        for attempt in range(attempts):
            try:
                return session.run()
            except FetchFailed as failure:
                if failure.code is not None or attempt == attempts - 1:
                    raise
                session.new_port()
        raise AssertionError("no attempt")
    finally:
        session.close()


class _Session:
    """One file, one port at a time."""

    def __init__(
        self,
        server: tuple[str, int] | tuple[str, int, int, int],
        path: str,
        block: int,
        ack_timeout: float,
        max_retransmit: int,
        radio: Radio,
        on_block: Callable[[int], None] | None,
    ) -> None:
        self._server = server
        self._path = wire.path_options(path)
        self._block = block
        self._ack_timeout = ack_timeout
        self._max_retransmit = max_retransmit
        self._radio = radio
        self._on_block = on_block
        self.mid = 0
        self._socket = self._open()

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in self._server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self._server)
        return sock

    def new_port(self) -> None:
        old, self._socket = self._socket, self._open()
        old.close()

    def close(self) -> None:
        self._socket.close()

    def run(self, stop_after: int | None = None) -> bytes:
        body, number = b"", 0
        while number != stop_after:
            reply = self._get(number)
            if reply.type == wire.RST:
                raise FetchFailed("reset", "RST")
            if reply.dotted != "2.05":
                raise FetchFailed(f"{reply.dotted} {reply.payload!r}", reply.dotted)
            assert reply.token == b"", reply
            assert len(reply.payload) <= self._block, f"block {number} has {len(reply.payload)} bytes, {self._block} were asked"
            assert reply.block2 is not None, f"no Block2 in the answer to block {number}"
            _, more, size = reply.block2
            assert size == self._block, f"blocks of {size}, {self._block} were asked"
            assert reply.payload or (number == 0 and not more), "an empty block"
            assert not more or len(reply.payload) == size, "a block in the middle that is not full"
            body += reply.payload
            if self._on_block:
                self._on_block(number)
            if not more:
                return body
            number += 1
        return body

    def _get(self, number: int) -> Message:
        self.mid = (self.mid + 1) & 0xFFFF
        request = Message(wire.CON, wire.GET, self.mid, b"", (*self._path, wire.block_option(number, False, self._block)))
        pause = self._ack_timeout
        for _ in range(self._max_retransmit + 1):
            if not self._radio.loses(bytes(request)):
                self._send(bytes(request))
            reply = self._receive(number, time.monotonic() + pause)
            if reply is not None:
                return reply
            pause *= 2
        raise FetchFailed(f"silence at block {number}")

    def _receive(self, number: int, deadline: float) -> Message | None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                try:
                    data = self._socket.recv(65535)
                except ConnectionRefusedError:
                    continue  # a server that restarts: to the device that is silence
                if self._radio.loses(data):
                    continue
                reply = Message.read(data)
                if reply.type in (wire.ACK, wire.RST):
                    if reply.mid == self.mid and (reply.code or reply.type == wire.RST):
                        return reply
                elif reply.code >= 0x40:
                    if reply.type == wire.CON:
                        self._send(bytes(Message(wire.ACK, 0, reply.mid)))
                    if reply.block2 is None or reply.block2[0] == number:
                        return reply
        return None

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except ConnectionRefusedError:
            pass
