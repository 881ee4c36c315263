"""One connection, which may not be held up for long."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel

from server.web.door.pace import Pace
from server.web.door.refusals import RefusalTask

_HEADER_TIME = 15.0
"""Seconds that a client may take to send a request's header."""
_STILL = 30.0
"""Seconds in which a client that is answered must take something of the answer."""
_BODY = (4096, 30.0)
"""Bytes of a body, and the seconds in which they must come: a bad 2G link brings ten times as much."""
_BEHIND = (8192, 2.0)
"""The same of what comes behind an answer, and is not kept."""
_LEAVING = 30.0
"""Seconds in which a client that was answered before it sent all may go on sending."""
_BUFFER = 1 << 20
"""Bytes that are written into one buffer; what waits beyond as many is in a file."""
_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: the kernel, too, forgets what was not sent."""


class Channel(HTTPChannel):
    """One connection. Threads: waitress' main loop; its workers only write, and begin and end a request."""

    error_task_class = RefusalTask

    def __init__(self, parser: Any, clock: Callable[[], float], source: str, *of_waitress: Any, **more: Any) -> None:
        """`parser` makes what reads a request; `clock` counts seconds; `source` is whom the connection counts for."""
        self.parser_class = parser
        self.source = source
        self._clock = clock
        self.moved = clock()
        """When the client last took something of what waits for it, or when that began to wait."""
        self._since = 0.0
        self._body: Pace | None = None
        self._is_cut_short = False
        self._behind: Pace | None = None
        self._left = 0.0
        super().__init__(*of_waitress, **more)

    def received(self, data: bytes) -> bool:
        """Take bytes."""
        now = self._clock()
        if self._behind is not None:
            self._behind.came(len(data))
            return False
        if self.request is None:
            self._since, self._body = now, None
        done = bool(super().received(data))
        if self.request is not None and self.request.headers_finished:
            self._body = self._body or Pace(*_BODY, now)
            self._body.came(len(data))
        return done

    def readable(self) -> bool:
        """Whether bytes are wanted: of the next request, once this one is answered."""
        return self._behind is not None or bool(super().readable())

    def writable(self) -> bool:
        """Whether there is something to send, or the connection is to end."""
        return self._behind is None and bool(super().writable())

    def handle_write(self) -> None:
        """Send; not where reading has just found out that the client is gone, for poll tells both at once."""
        if self.socket is not None:
            super().handle_write()

    def handle_expt(self) -> None:
        """Urgent data, which is no HTTP, and which poll would tell of again and again."""
        self.drop()

    def write_soon(self, data: Any) -> int:
        """A worker's piece of the answer."""
        if not self.total_outbufs_len:
            self.moved = self._clock()
        with self.outbuf_lock:
            self._turn_over()
        return int(super().write_soon(data))

    def _turn_over(self) -> None:
        """waitress' buffers keep what was sent of them for as long as they are written: a long answer would be kept whole."""
        if self.current_outbuf_count >= _BUFFER and not self.outbufs[-1].overflowed:
            buffers: Any = self.outbufs
            buffers.append(OverflowableBuffer(self.adj.outbuf_overflow))
            self.current_outbuf_count = 0

    def send(self, data: bytes, do_close: bool = True) -> int:
        """The number of bytes that the kernel took."""
        sent = int(super().send(data, do_close))
        if sent:
            self.moved = self._clock()
        return sent

    def service(self) -> None:
        """A worker answers."""
        asked: Any = self.requests[0]
        self._is_cut_short = asked.is_cut_short
        super().service()

    def is_held_up(self) -> bool:
        """Whether the client keeps a connection without need: it drips, or it does not take its answer."""
        now = self._clock()
        if self._behind is not None:
            return now - self._left > _LEAVING or self._behind.is_too_slow(now)
        if self.total_outbufs_len:
            return now - self.moved > _STILL
        if self.request is None:
            return False
        return now - self._since > _HEADER_TIME if self._body is None else self._body.is_too_slow(now)

    def drop(self) -> None:
        """Close at once."""
        self._is_cut_short = False
        sock: Any = self.socket
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.handle_close()

    def handle_close(self) -> None:
        """The answer is sent, or the client is gone: what it sent of a request is given back to the spool."""
        if self._is_cut_short and self.will_close and self._leave():
            return
        request, self.request = self.request, None
        if request is not None:
            request.close()
        super().handle_close()

    def _leave(self) -> bool:
        """Say that no more comes, and read on for a moment: who is still sending would be reset, and lose the answer."""
        self._is_cut_short = self.will_close = False
        sock: Any = self.socket
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        self._left = self._clock()
        self._behind = Pace(*_BEHIND, self._left)
        return True
