"""waitress' main loop: it serves until it is told to end, and lets whoever is being answered have the answer first."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import TcpWSGIServer

from server.coap.addresses import reachable_at
from server.web.door.channel import Channel

_WAIT = 1.0
"""Seconds of one turn at most."""
_STEP = 0.02
"""Seconds of one turn while the end is waited for."""
_FRESH = 0.5
"""Seconds in which a new connection's first request is waited for."""
_ANSWER = 1.0
"""Seconds in which it answers itself, if it does."""
_UNANSWERED = 5.0
"""Seconds after which it is enough for a start that the main loop goes round: others may have taken all connections."""
_JOIN = 0.3
"""Seconds that the workers get to end, once nothing is waited for any more."""


class Serving:
    """Threads: the main thread makes it, and calls `run` and `stop`; its signal handlers call `interrupt`; any other one asks."""

    def __init__(
        self,
        server: TcpWSGIServer,
        sock: socket.socket,
        look: Callable[[list[Channel]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sock` is the socket on which `server` listens, which is closed with it. `look` gets all connections, in each turn.

        `clock` counts seconds.
        """
        self._server: Any = server  # its stubs know neither the sockets that the loop looks at, nor what wakes it
        self._socket = sock
        self._look = look
        self._interrupted = False
        self._ended = False
        self._clock = clock
        self._unanswered: float | None = None

    def run(self) -> None:
        """Serve until `interrupt`, which may have come before."""
        while not self._interrupted:
            self._turn(_WAIT)
        self._interrupted = False

    def interrupt(self) -> None:
        """`run` ends with the turn that is under way; nothing is left half done."""
        self._interrupted = True
        self._wake()

    def stop(self, patience: float) -> None:
        """Take no new connection, finish what was asked within `patience` seconds, then close every connection.

        New connections wait in the socket, for as long as somebody else holds it. A connection without a request is let go,
        unless it is so new that the request may be on its way.
        """
        self._server.accepting = False
        end = time.monotonic() + patience
        looked = time.time()
        self._turn(0)
        while self._is_busy(looked) and time.monotonic() < end:
            looked = time.time()
            self._turn(_STEP)
        self._server.task_dispatcher.shutdown(timeout=_JOIN)
        for channel in self._channels():
            channel.handle_close()
        self._ended = True
        self._server.close()

    def turns(self, limit: float) -> str | None:
        """None when the main loop goes round within `limit` seconds, else a sentence for the log.

        That it answers is not asked for again and again: who takes all connections must not have the server killed by it.
        """
        turned = threading.Event()
        self._wake(turned)
        return None if turned.wait(limit) else f"HTTP does not answer: its main loop stood still for {limit:.1f} s."

    def answers(self, limit: float) -> str | None:
        """None when a request over the network gets an answer, whatever it is, within `limit` seconds; else a sentence."""
        refused: Exception = OSError("it has no address")
        for address in reachable_at(self._socket):
            connection = http.client.HTTPConnection(str(address[0]), int(address[1]), timeout=min(limit, _ANSWER))
            try:
                with contextlib.closing(connection):
                    # A path that asks no other part: what those answer is looked at elsewhere.
                    connection.request("GET", "/favicon.ico", headers={"Host": "localhost", "Connection": "close"})
                    connection.getresponse().read()
                    return None
            except (OSError, http.client.HTTPException) as error:
                refused = error
        return f"HTTP does not answer: the server asked itself, and failed ({refused})."

    def is_ready(self, limit: float) -> str | None:
        """As `answers`, and after some seconds without an answer as `turns`: a flood must not keep the server from its start.

        Threads: one.
        """
        trouble = self.answers(limit)
        if trouble is None:
            return None
        now = self._clock()
        if self._unanswered is None:
            self._unanswered = now
        return trouble if now - self._unanswered < _UNANSWERED else self.turns(limit)

    def _turn(self, wait: float) -> None:
        if not self._server.accepting:
            for channel in self._channels():
                for request in list(channel.requests):
                    # So the client knows, where the answer has not begun.
                    request.headers = {**request.headers, "CONNECTION": "close"}
        wasyncore.poll2(wait, self._server._map)  # select refuses descriptors above 1023, by an error that would end the server
        self._look(self._channels())

    def _wake(self, turned: threading.Event | None = None) -> None:
        with contextlib.suppress(OSError):
            if not self._ended:
                self._server.trigger.pull_trigger(turned.set if turned is not None else None)

    def _is_busy(self, looked: float) -> bool:
        """`looked`: the Unix time before the last turn began, for what has come since then may be a request that lies unread."""
        return any(
            channel.requests
            or channel.request is not None
            or channel.total_outbufs_len
            or channel.close_when_flushed
            or (channel.last_activity == channel.creation_time and looked - channel.creation_time < _FRESH)
            for channel in self._channels()
        )

    def _channels(self) -> list[Channel]:
        return list(self._server.active_channels.values())
