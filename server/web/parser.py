"""One request as it comes: its body within bounds, and refusals that reach the client.

waitress alone drops the connection without an answer when its spool's disk is full, and resets a client that is
still sending when it refuses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.utilities import BadRequest

from server.web.refusals import Refusal
from server.web.spool import Spool

_SMALL_FORM, _SMALL = "/login", 4096
"""Whose body is kept whoever sends it, and its bytes at most."""
_DRAIN = 4
"""A refused body is read to its end up to this many times the limit, so that the client reads the refusal."""


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
        grown = self.body_bytes_received - self._reserved
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
        """A request that will be refused is answered now: its body is neither asked nor waited for."""
        if self.body_rcv is None or self._may():
            return
        if getattr(self, "path", "").endswith(_SMALL_FORM) and 0 < self.content_length <= _SMALL:
            return
        self.body_rcv = None
        self.is_cut_short = self.completed = True

    def _refuse(self, refusal: Refusal, taken: int) -> int:
        """Answer `refusal`, once the client has sent all that it wants to send."""
        self._refusal = refusal
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
