"""The requests that are under way: which waiting thread an incoming message belongs to."""

from __future__ import annotations

import itertools
import queue
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import DeviceUnreachable
from server.coap import datagram, errorqueue
from server.coap.datagram import Datagram
from server.coap.errorqueue import Trouble
from server.coap.peers import Peer

EXCHANGE_LIFETIME = 247.0
"""Seconds in which a message id must not be used again (RFC 7252, 4.8.2)."""
TOKEN_LENGTH = 4
"""Bytes, no more: RIOT 2024.10 drops long datagrams, so each byte of a token is one that the URL cannot have."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One confirmable request. The worker that sent it waits here; the receive thread puts in what came for it."""

    peer: Peer
    mid: int
    token: bytes
    _events: queue.SimpleQueue[Datagram | Trouble | None] = field(default_factory=queue.SimpleQueue)

    def put(self, event: Datagram | Trouble | None) -> None:
        """Wake the worker; None when the server stops."""
        self._events.put(event)

    def wait(self, seconds: float) -> Datagram | None:
        """The next message for this exchange, or None when the time is up.

        Raises DeviceUnreachable when the network reported that it cannot deliver, or the server stops.
        """
        try:
            event = self._events.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if event is None:
            raise DeviceUnreachable("The server is stopping.")
        if isinstance(event, Trouble):
            raise DeviceUnreachable(errorqueue.sentence(event.errno, event.peer))
        return event


class MessageIds:
    """Gives message ids, each once in an exchange's lifetime for one peer. Not thread-safe: `Exchanges` locks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[Peer, tuple[int, float]] = {}
        """The peer longest unused comes first."""

    def next(self, peer: Peer) -> int:
        """The next id for `peer`; the first one is random (RFC 7252, 4.4)."""
        now = self._clock()
        while self._last:
            oldest = next(iter(self._last))
            if now - self._last[oldest][1] <= EXCHANGE_LIFETIME:
                break
            del self._last[oldest]
        last, _ = self._last.pop(peer, (random.randrange(0x10000), now))
        mid = (last + 1) & 0xFFFF
        self._last[peer] = (mid, now)
        return mid


class Exchanges:
    """All exchanges of one socket. Workers open and close them; the receive thread hands in what arrives."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._by_mid: dict[tuple[Peer, int], Exchange] = {}
        self._by_token: dict[tuple[Peer, bytes], Exchange] = {}
        self._mids = MessageIds(clock)
        self._answered: dict[tuple[Peer, bytes], None] = {}
        """The last tokens that were answered: a repeated response is acknowledged again, not reset."""
        self._closed = False

    @contextmanager
    def open(self, peer: Peer) -> Iterator[Exchange]:
        """An exchange with a fresh message id and token. Raises DeviceUnreachable when the server stops."""
        with self._lock:
            if self._closed:
                raise DeviceUnreachable("The server is stopping.")
            tokens = (secrets.token_bytes(TOKEN_LENGTH) for _ in itertools.count())
            token = next(t for t in tokens if (peer, t) not in self._by_token and (peer, t) not in self._answered)
            exchange = Exchange(peer, self._mids.next(peer), token)
            self._by_mid[peer, exchange.mid] = exchange
            self._by_token[peer, token] = exchange
        try:
            yield exchange
        finally:
            with self._lock:
                del self._by_mid[peer, exchange.mid]
                del self._by_token[peer, token]

    def close(self) -> None:
        """End every wait, and refuse new exchanges."""
        with self._lock:
            self._closed = True
            for exchange in self._by_mid.values():
                exchange.put(None)

    def arrived(self, peer: Peer, message: Datagram) -> bytes | None:
        """Hand a message to its exchange; the return value is what must be sent back, if anything."""
        with self._lock:
            if message.type in (datagram.ACK, datagram.RST):
                exchange = self._by_mid.get((peer, message.mid))
                if exchange is None:
                    return None
                mine = message.is_response and message.token == exchange.token
                if mine or message.code == datagram.EMPTY or message.type == datagram.RST:
                    self._put(exchange, message)
                return None
            key = (peer, message.token)
            expected = self._by_token.get(key) if message.is_response else None
            if expected is not None:
                if message.unknown_critical is not None and message.type == datagram.CON:
                    expected.put(message)
                    return datagram.empty(datagram.RST, message.mid)  # RFC 7252, 5.4.1
                self._put(expected, message)
            if message.type == datagram.NON:
                return None
            known = message.is_response and key in self._answered
            return datagram.empty(datagram.ACK if known else datagram.RST, message.mid)

    def failed(self, trouble: Trouble) -> None:
        """Hand an undelivered request to its exchange."""
        with self._lock:
            if len(trouble.sent) < 4:  # IPv4 routers may quote only the UDP header (RFC 792)
                found = [e for e in self._by_mid.values() if e.peer == trouble.peer]
            else:
                request = trouble.sent[0] >> 4 & 3 == datagram.CON
                one = self._by_mid.get((trouble.peer, int.from_bytes(trouble.sent[2:4])))
                found = [one] if one and request else []
            for exchange in found:
                exchange.put(trouble)

    def _put(self, exchange: Exchange, message: Datagram) -> None:
        if message.is_response:
            self._answered[exchange.peer, exchange.token] = None
            if len(self._answered) > _REMEMBERED:
                del self._answered[next(iter(self._answered))]
        exchange.put(message)
