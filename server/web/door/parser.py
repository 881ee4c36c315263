"""One request as it comes: its body within bounds, and refusals that reach the client.

waitress alone drops the connection without an answer when its spool's disk is full, resets a client that is still sending
when it refuses, and keeps the lines between chunks however long they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

from server.web.door import head, refusals
from server.web.door.refusals import Refusal
from server.web.door.spool import Spool

_LOGIN_FORM, _LOGIN = "/login", 4096
"""Whose body is kept whoever sends it, and its bytes at most."""
_DRAIN = 4
"""A refused body is read to its end up to this many times the limit, so that the client reads the refusal."""
_HEADER_DRAIN = 1 << 20
"""Bytes of a header that are read for the same reason, those in front of the refusal with them."""
_CHUNK_LINE, _TRAILER = 256, 4096
"""Bytes at most of a chunk's size with its extensions, and of what follows the last chunk: nobody here reads either."""
_BUSY = 30
"""Seconds after which an upload is tried again: a guess at how long the others take."""


class Parser(HTTPRequestParser):
    """Reads one request; counts its body in the spool, and drains what it refuses."""

    is_cut_short = False
    """Whether the client may still be sending what nobody will read."""

    def __init__(self, spool: Spool, may_send: Callable[[dict[str, str]], bool], adj: Adjustments) -> None:
        super().__init__(adj)
        self._spool = spool
        self._may_send = may_send
        self._reserved = 0
        self._refusal: Refusal | None = None
        self._left = 0
        self._header_end: bytes | None = None
        self._is_login = False

    def received(self, data: bytes) -> int:
        """Take bytes off the connection; the number taken."""
        if self._refusal is not None:
            return self._drain(data)
        began = self.headers_finished
        try:
            taken = int(super().received(data))
        except OSError:
            self.body_bytes_received += len(data)
            return self._refuse(refusals.full(), len(data))
        code = getattr(self.error, "code", 0)
        if code == 431:
            return self._refuse_header(data)
        if code == 413:
            return self._refuse(refusals.too_large(self._spool.body_limit), taken)
        if self.headers_finished and not began and self.error is None:
            self._look_at_header()
        if self._is_login and max(self.content_length, self.body_bytes_received) > _LOGIN:
            return self._refuse(refusals.login_too_large(_LOGIN), taken)
        if isinstance(self.body_rcv, ChunkedReceiver) and self.error is None:
            self._look_at_chunks(self.body_rcv)
        grown = self.body_bytes_received - self._reserved
        if grown > 0:
            if not self._spool.take(grown):
                return self._refuse(refusals.busy(_BUSY), taken)
            self._reserved += grown
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the header. Raises ParsingError, whose text goes to the client."""
        try:
            super().parse_header(head.readable(header_plus))
        except ValueError:  # waitress' split of an address such as "http://[", or a number of thousands of digits
            raise ParsingError(
                "The request line has no address that can be read, or Content-Length is too large a number."
            ) from None

    def close(self) -> None:
        """The request is done with."""
        self._spool.give_back(self._reserved)
        self._reserved = 0
        super().close()

    def _look_at_header(self) -> None:
        """A request that will be refused is answered now: its body is neither asked nor waited for."""
        if self.body_rcv is None or self._may():
            return
        if getattr(self, "path", "").endswith(_LOGIN_FORM):
            self._is_login = True
            return
        self.body_rcv = None
        self.is_cut_short = self.completed = True

    def _look_at_chunks(self, chunks: ChunkedReceiver) -> None:
        """waitress keeps the line or the trailer that has not ended, and goes through all of it for every piece that comes."""
        if len(chunks.control_line) > _CHUNK_LINE:
            found = f"The size of a chunk is written in more than {_CHUNK_LINE} bytes"
        elif len(chunks.trailer) > _TRAILER:
            found = f"The trailer behind the last chunk has more than {_TRAILER} bytes"
        else:
            return
        self.error = BadRequest(f"{found}. Send the body with its length (Content-Length), or in chunks of the common form.")
        self.completed = True

    def _refuse(self, refusal: Refusal, taken: int) -> int:
        """Answer `refusal`, once the client has sent all that it wants to send."""
        self._refusal, self.error, self.completed = refusal, None, False
        waits = self.expect_continue and not self.body_bytes_received
        rest = self.content_length - self.body_bytes_received
        if self.body_rcv is not None:
            with contextlib.suppress(OSError):  # a full disk says so once more
                self.body_rcv.getbuf().close()
            self.body_rcv = None
        if waits or self.chunked or rest <= 0 or not self._may() or self.content_length > _DRAIN * self._spool.body_limit:
            self._finish()
        else:
            self._left = rest
        return taken

    def _may(self) -> bool:
        return self._may_send({f"HTTP_{name}": value for name, value in self.headers.items()})

    def _refuse_header(self, data: bytes) -> int:
        """waitress has put a header of its own in the place of the one that is too large."""
        self._refusal, self.error, self.completed = refusals.header_too_large(self.adj.max_request_header_size), None, False
        self._header_end, self.header_plus = self.header_plus[-3:], b""
        self._left = _HEADER_DRAIN - (self.header_bytes_received - len(data))
        return self._drain(data)

    def _drain(self, data: bytes) -> int:
        taken = min(len(data), self._left)
        self._left -= taken
        if self._header_end is not None:
            seen = self._header_end + data
            self._header_end = seen[-3:]
            if b"\r\n\r\n" in seen:
                self._left = 0
        if not self._left:
            self._finish()
        return taken

    def _finish(self) -> None:
        self.expect_continue = False
        self.error = self._refusal
        self.completed = True
