"""One request of a connection: what comes behind it is not read, and the connection ends with the answer."""

from __future__ import annotations

from server.web.door.parser import Parser


class Request(Parser):
    """Takes what belongs to it and drops the rest.

    waitress would make requests of all that one packet holds, some 450, and keep an answer to each, whether anybody reads them
    or not. Browsers, our clients and proxies wait for the answer; who does not asks again (RFC 9112, 9.3.2).
    """

    def received(self, data: bytes) -> int:
        """Take bytes off the connection; the number taken."""
        taken = super().received(data)
        if not self.completed or self.empty:
            return taken
        self.expect_continue = False  # waitress would send 100 and wait, where there is no body
        if self.is_cut_short or self.error is not None or data[taken:].strip(b"\r\n"):
            self.is_cut_short = True
            self.headers = {**self.headers, "CONNECTION": "close"}
        return len(data)
