"""The answers that waitress gives in the application's place: JSON, with the headers of every other answer."""

from __future__ import annotations

import json
from typing import Any

from waitress.task import ErrorTask
from waitress.utilities import Error

from server.web.responses import guarded


class Refusal(Error):
    """One of our own: what is refused before it reaches the application."""

    def __init__(self, code: int, reason: str, error: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.error = error
        self.headers = headers


class RefusalTask(ErrorTask):
    """Writes an error of ours, or one of waitress' own, which would be plain text. Threads: a web worker runs it."""

    def execute(self) -> None:
        """Send it; the connection ends behind it."""
        request: Any = self.request
        error = request.error
        code = getattr(error, "error", error.reason.lower().replace(" ", "-"))
        body = json.dumps({"error": code, "message": error.body}).encode()
        headers = getattr(error, "headers", ())
        self.status = f"{error.code} {error.reason}"
        self.response_headers = guarded([("Content-Type", "application/json"), ("Connection", "close"), *headers])
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


def too_large(limit: int) -> Refusal:
    """A body of more than `limit` bytes."""
    return _entity(
        f"The upload is larger than the {limit} bytes that the server takes in all (--max-image-size is for one file)."
        " Nothing was published."
    )


def login_too_large(limit: int) -> Refusal:
    """A login form of more than `limit` bytes."""
    return _entity(f"The login form is longer than the {limit} bytes that the server takes. A token is much shorter.")


def header_too_large(limit: int) -> Refusal:
    """A request line and header of `limit` bytes or more."""
    return Refusal(
        431,
        "Request Header Fields Too Large",
        "request-header-fields-too-large",
        f"The request's address and headers have more than the {limit} bytes that the server takes. In a browser, delete the"
        " cookies of this host; with a program, send a shorter address or fewer headers.",
    )


def busy(wait: int) -> Refusal:
    """Other bodies take all the room that there is for bodies; `wait` seconds are a guess."""
    return Refusal(
        503,
        "Service Unavailable",
        "busy",
        "Other uploads are under way, and they take all the room that the server sets aside for uploads. Nothing was"
        f" published; try again in {wait} seconds.",
        (("Retry-After", str(wait)),),
    )


def full() -> Refusal:
    """The disk takes no more of a body."""
    return Refusal(
        507,
        "Insufficient Storage",
        "store-full",
        "There is no room for the upload in the server's state folder. Nothing was published; make room and try again.",
    )


def _entity(message: str) -> Refusal:
    return Refusal(413, "Request Entity Too Large", "too-large", message)
