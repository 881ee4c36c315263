"""A simulated RIOT device, as seen on the wire: its CoAP server. The way in which it fetches a file is in riot_fetch."""

from __future__ import annotations

import random
import socket
import threading
import time
from dataclasses import dataclass

from tests.fakes import coap_wire as wire
from tests.fakes.coap_wire import Message, Radio
from tests.fakes.riot_fetch import FetchFailed, Restart, fetch

__all__ = ["Behaviour", "FetchFailed", "Restart", "RiotDevice", "fetch"]

RIOT_CORE = b'</riot/board>,</suit/trigger>,</suit/version>,</.well-known/core>;ct=40'
PLAIN_CORE = b'</suit/trigger>;rt="fw",</sensors/temperature>;if="sensor"'


@dataclass(frozen=True)
class Behaviour:
    """How a device differs from a RIOT device on a perfect link."""

    riot: bool = True
    put_only: bool = False
    """The devices of 2019: POST is answered with 4.05, PUT with 2.04."""
    silent: bool = False
    separate: float | None = None
    """Seconds between the acknowledgement and the response, which is then a message of its own."""
    separate_type: int = wire.CON
    reset: bool = False
    answer: tuple[str, bytes] | None = None
    """What a notification is answered with instead: a code and a diagnostic."""
    core: bytes | None = None
    """Another .well-known/core."""
    core_code: str = "2.05"
    core_block: int | None = None
    """.well-known/core comes in blocks of so many bytes, asked for or not."""
    longest: int | None = None
    """Longer datagrams are dropped without a word; 112 on RIOT 2024.10."""
    loss: float = 0.0
    """The share of datagrams that is lost, in both directions."""
    seed: int = 1


class RiotDevice:
    """A device's CoAP server on a port of the loopback interface. It keeps what it was told.

    Threads: one of its own answers; tests read the lists.
    """

    def __init__(self, behaviour: Behaviour = Behaviour(), host: str = "::1", port: int = 0) -> None:
        self._behaviour = behaviour
        self._radio = Radio(behaviour.loss, behaviour.seed)
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(socket.getaddrinfo(host, port, self._socket.family, socket.SOCK_DGRAM)[0][4])
        self._thread = threading.Thread(target=self._serve, name="riot-device")
        self._stopping = threading.Event()
        self._mids = random.Random(behaviour.seed)
        self._confirmed: set[int] = set()
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.requests: list[Message] = []
        """Every request that arrived, repeated ones too."""
        self.replies: list[Message] = []
        """The empty messages that arrived: what a client makes of our responses."""
        self.sources: set[int] = set()
        """The ports that the requests came from."""

    def __enter__(self) -> RiotDevice:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering; the port is closed then."""
        self._stopping.set()
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    @property
    def url(self) -> str:
        """The device URL that a person types."""
        return f"[{self.host}]:{self.port}/suit/trigger" if ":" in self.host else f"{self.host}:{self.port}/suit/trigger"

    @property
    def payloads(self) -> list[bytes]:
        """What was posted or put to /suit/trigger, byte for byte; what came again because our answer was late, once."""
        told = {(r.mid, r.token): r.payload for r in self.requests if r.code in (wire.POST, wire.PUT)}
        return list(told.values())

    @property
    def lost(self) -> int:
        """How many datagrams the radio has lost."""
        return self._radio.lost

    @property
    def triggered(self) -> list[str]:
        """The URLs that the device would fetch: since 2025.01 it runs strlen() over what nothing ends."""
        return [(p.partition(b"\0")[0] if b"\0" in p else p + b"0").decode() for p in self.payloads]

    def _serve(self) -> None:
        while not self._stopping.is_set():
            data, source = self._socket.recvfrom(65535)
            if not data:
                continue  # stop() wakes it up
            longest = self._behaviour.longest
            if self._behaviour.silent or self._radio.loses(data) or (longest is not None and len(data) > longest):
                continue
            message = Message.read(data)
            if message.code == 0:
                self.replies.append(message)
                self._confirmed.add(message.mid)
            else:
                self.requests.append(message)
                self.sources.add(source[1])
                self._answer(message, source)

    def _answer(self, request: Message, source: tuple[object, ...]) -> None:
        if self._behaviour.reset:
            return self._send(Message(wire.RST, 0, request.mid), source)
        code, options, payload = self._response(request)
        if self._behaviour.separate is None:
            return self._send(Message(wire.ACK, code, request.mid, request.token, options, payload), source)
        self._send(Message(wire.ACK, 0, request.mid), source)
        mid = self._mids.randrange(0x10000)
        response = Message(self._behaviour.separate_type, code, mid, request.token, options, payload)
        for _ in range(8 if response.type == wire.CON else 1):
            # It comes again until it is acknowledged; this simple device answers nothing else meanwhile.
            time.sleep(self._behaviour.separate)
            self._send(response, source)
            if response.type == wire.CON and self._wait_for_ack(mid):
                return None
        return None

    def _wait_for_ack(self, mid: int) -> bool:
        self._socket.settimeout(0.3)
        try:
            while not self._stopping.is_set():
                data, _ = self._socket.recvfrom(65535)
                if data and not self._radio.loses(data):
                    message = Message.read(data)
                    if message.code == 0 and message.mid == mid:
                        self.replies.append(message)
                        return True
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(None)
        return self._stopping.is_set()

    def _response(self, request: Message) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        this = self._behaviour
        if request.path == ".well-known/core" and request.code == wire.GET:
            return self._core(request)
        if request.path == "riot/board" and this.riot and request.code == wire.GET:
            return wire.code("2.05"), (), b"sample-board"
        if request.path != "suit/trigger":
            return wire.code("4.04"), (), b""
        if this.put_only:
            return wire.code("2.04" if request.code == wire.PUT else "4.05"), (), b""
        if request.code != wire.POST:
            return wire.code("4.05"), (), b""
        if this.answer:
            return wire.code(this.answer[0]), (), this.answer[1]
        if not request.payload:
            return wire.code("4.08"), (), b""
        return wire.code("4.13" if len(request.payload) > 127 else "2.01"), (), b""

    def _core(self, request: Message) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        this = self._behaviour
        text = this.core if this.core is not None else RIOT_CORE if this.riot else PLAIN_CORE
        if this.core_code != "2.05":
            return wire.code(this.core_code), (), b""
        format_ = (wire.CONTENT_FORMAT, b"\x28")
        if this.core_block is None:
            return wire.code("2.05"), (format_,), text
        number, _, size = request.block2 or (0, False, this.core_block)
        size = min(size, this.core_block)
        more = (number + 1) * size < len(text)
        block = text[number * size : (number + 1) * size]
        return wire.code("2.05"), (format_, wire.block_option(number, more, size)), block

    def _send(self, message: Message, to: tuple[object, ...]) -> None:
        data = bytes(message)
        if not self._radio.loses(data):
            self._socket.sendto(data, to)
