"""One connection, which may not be held up for long."""

from __future__ import annotations

import time

from waitress.channel import HTTPChannel

from server.web.refusals import RefusalTask

_HEADER_TIME = 15.0
"""Seconds that a client may take to send a request's header."""


class Channel(HTTPChannel):
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
