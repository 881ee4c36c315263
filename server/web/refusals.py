"""The answers that waitress gives in the application's place: JSON, with the headers of every other answer."""

from __future__ import annotations

import json
from typing import Any

from waitress.task import ErrorTask
from waitress.utilities import Error

from server.web.responses import guarded


class Refusal(Error):
    """One of our own: what is refused before it reaches the application."""

    def __init__(self, code: int, reason: str, error: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.error = error


class RefusalTask(ErrorTask):
    """Writes an error of ours, or one of waitress' own, which would be plain text. Threads: a web worker runs it."""

    def execute(self) -> None:
        """Send it; the connection ends behind it."""
        request: Any = self.request
        error = request.error
        code = getattr(error, "error", error.reason.lower().replace(" ", "-"))
        body = json.dumps({"error": code, "message": error.body}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers = guarded([("Content-Type", "application/json"), ("Connection", "close")])
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)
