"""waitress behind one door: uploads spooled within bounds, and refusals that reach the client.

waitress alone drops the connection without an answer when its spool's disk is full, and resets a client that is
still sending when it refuses.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from waitress.adjustments import Adjustments
from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import BadRequest

from common.errors import ConfigError
from server.web.refusals import Refusal, RefusalTask

THREADS = 8
_CONNECTIONS = 500
"""At once; a common limit of open files is 1024."""
_HEADER_TIME = 15.0
"""Seconds that a client may take to send a request's header."""
_SMALL_FORM, _SMALL = "/login", 4096
"""Whose body is kept whoever sends it, and its bytes at most."""
_DRAIN = 4
"""A refused body is read to its end up to this many times the limit, so that the client reads the refusal."""


class Spool:
    """How many bytes of request bodies lie on the disk. Threads: waitress' main loop and its workers."""

    def __init__(self, body_limit: int, total_limit: int) -> None:
        """Bytes: one request's body, and all of them together."""
        self.body_limit = body_limit
        self._total_limit = total_limit
        self._lock = threading.Lock()
        self._held = 0

    def take(self, size: int) -> bool:
        """Reserve `size` bytes; False when the spool is full."""
        with self._lock:
            if self._held + size > self._total_limit:
                return False
            self._held += size
            return True

    def give_back(self, size: int) -> None:
        """`size` bytes are free again."""
        with self._lock:
            self._held -= size

    @property
    def held(self) -> int:
        """Bytes reserved at the moment."""
        return self._held


class _Nowhere(OverflowableBuffer):
    """Takes a body's bytes, and keeps none."""

    def append(self, s: bytes) -> None:
        """Whoever sent it may not change anything."""


class _Parser(HTTPRequestParser):
    """Reads one request; counts its body in the spool, and drains what it refuses."""

    def __init__(self, spool: Spool, may_send: Callable[[dict[str, str]], bool], adj: Adjustments) -> None:
        super().__init__(adj)
        self._spool = spool
        self._may_send = may_send
        self._unkept = False
        self._reserved = 0
        self._refusal: Refusal | None = None
        self._left = 0

    def received(self, data: bytes) -> int:
        """Take bytes off the connection; the number taken."""
        if self._refusal is not None:
            taken = min(len(data), self._left)
            self._left -= taken
            if not self._left:
                self._finish()
            return taken
        began = self.headers_finished
        try:
            taken = super().received(data)
        except ValueError:  # waitress' split of a request line such as "GET http://["
            self.error = BadRequest("The request line has no address that can be read.")
            self.completed = True
            return len(data)
        except OSError:
            self.body_bytes_received += len(data)
            return self._refuse(self._full(), len(data))
        if self.error is not None and getattr(self.error, "code", 0) == 413:
            self.error = None
            self.completed = False
            return self._refuse(self._too_large(), taken)
        if self.headers_finished and not began and self.error is None:
            self._look_at_header()
        grown = 0 if self._unkept else self.body_bytes_received - self._reserved
        if grown > 0:
            if not self._spool.take(grown):
                return self._refuse(self._full(), taken)
            self._reserved += grown
        return taken

    def close(self) -> None:
        """The request is done with."""
        self._spool.give_back(self._reserved)
        self._reserved = 0
        super().close()

    def _look_at_header(self) -> None:
        """The body of a request that will be refused is not kept; who waits before sending it is not asked for it."""
        if self.body_rcv is None or self._may_send({f"HTTP_{name}": value for name, value in self.headers.items()}):
            return
        if getattr(self, "path", "").endswith(_SMALL_FORM) and 0 < self.content_length <= _SMALL:
            return
        self._unkept = True
        self.body_rcv.buf = _Nowhere(1)
        if self.expect_continue:
            self.expect_continue = False
            self.headers = {**self.headers, "CONNECTION": "close"}
            self.completed = True

    def _refuse(self, refusal: Refusal, taken: int) -> int:
        """Answer `refusal`, once the client has sent all that it wants to send."""
        self._refusal = refusal
        waits = self.expect_continue and not self.body_bytes_received
        rest = self.content_length - self.body_bytes_received
        if self.body_rcv is not None:
            with contextlib.suppress(OSError):  # a full disk says so once more
                self.body_rcv.getbuf().close()
            self.body_rcv = None
        if waits or self.chunked or rest <= 0 or self.content_length > _DRAIN * self._spool.body_limit:
            self._finish()
        else:
            self._left = rest
        return taken

    def _finish(self) -> None:
        self.expect_continue = False
        self.error = self._refusal
        self.completed = True

    def _too_large(self) -> Refusal:
        return Refusal(
            413,
            "Request Entity Too Large",
            "too-large",
            f"The upload is larger than the {self._spool.body_limit} bytes that the server takes in all"
            " (--max-image-size is for one file). Nothing was published.",
        )

    @staticmethod
    def _full() -> Refusal:
        return Refusal(
            507,
            "Insufficient Storage",
            "store-full",
            "There is no room for the upload in the server's state folder. Nothing was published; make room and try again.",
        )


class _Channel(HTTPChannel):
    """One connection. Threads: waitress' main loop; its workers only write."""

    error_task_class = RefusalTask
    _since = 0.0

    def received(self, data: bytes) -> bool:
        """Take bytes; a client that drips a header for longer than _HEADER_TIME loses its connection."""
        now = time.monotonic()
        if self.request is None:
            self._since = now
        elif not self.request.headers_finished and now - self._since > _HEADER_TIME:
            self.will_close = True
            return False
        return bool(super().received(data))

    def handle_close(self) -> None:
        """The client is gone: what it sent of a request is given back to the spool."""
        request, self.request = self.request, None
        if request is not None:
            request.close()
        super().handle_close()


def open_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises ConfigError with what to do."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise ConfigError(f"--http-host {host!r} is no address of this machine: use 127.0.0.1, or ::1.") from None
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"The page cannot listen on {host} port {port} ({error.strerror}). Is another server running there?"
            " Stop it, or choose another port with --http-port."
        ) from None
    return sock


def create(
    app: Callable[..., Any], sock: socket.socket, spool: Spool, may_send: Callable[[dict[str, str]], bool]
) -> TcpWSGIServer:
    """The server, which takes connections as soon as somebody runs its main loop.

    `may_send` is asked, by the headers as WSGI names them, whether a request's body is worth keeping; in the main thread.
    """
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(THREADS)
    server = create_server(
        app,
        _dispatcher=dispatcher,
        sockets=[sock],
        ident="",
        clear_untrusted_proxy_headers=False,  # what they hold is not believed, but that they are there is to be known
        max_request_body_size=spool.body_limit,
        # A worker must never wait for a slow reader, or the stop would wait for both.
        outbuf_high_watermark=1 << 30,
        inbuf_overflow=1 << 18,
        connection_limit=_CONNECTIONS,
        channel_timeout=30,
        cleanup_interval=10,
    )
    assert isinstance(server, TcpWSGIServer)  # one socket, one server
    server.channel_class = type("Channel", (_Channel,), {"parser_class": partial(_Parser, spool, may_send)})
    return server
