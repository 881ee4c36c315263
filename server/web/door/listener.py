"""waitress behind one door: its socket, its bounds, and what takes the places of its parts."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from waitress.server import TcpWSGIServer, create_server
from waitress.task import ThreadedTaskDispatcher

from common.errors import ConfigError, Hindered
from server.web.door.connections import Connections
from server.web.door.request import Request
from server.web.door.spool import Spool

THREADS = 8
_CONNECTIONS = 500
"""At once; a common limit of open files is 1024."""

_HEADER = 36 << 10
"""Bytes of a request's address and headers. nginx takes 1 + 4 * 8 KiB by default and adds a few lines: what came through it is
read. Browsers send 1 to 2 KiB, and the cookies of every server of the same host."""


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
        raise Hindered(
            f"The page cannot listen on {host} port {port} ({error.strerror}). Is another server running there?"
            " Stop it, or choose another port with --http-port."
        ) from None
    return sock


def create(
    app: Callable[..., Any],
    sock: socket.socket,
    spool: Spool,
    may_send: Callable[[dict[str, str]], bool],
    connections: Connections,
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
        max_request_header_size=_HEADER,
        max_request_body_size=spool.body_limit,
        # A worker must never wait for a slow reader, or the stop would wait for both; Connections bounds what is unsent.
        outbuf_high_watermark=1 << 30,
        inbuf_overflow=1 << 18,
        connection_limit=_CONNECTIONS,
        channel_timeout=30,
        cleanup_interval=10,
    )
    assert isinstance(server, TcpWSGIServer)  # one socket, one server
    opened: Any = partial(connections.open, partial(Request, spool, may_send))
    server.channel_class = opened
    return server
