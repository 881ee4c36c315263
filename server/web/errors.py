"""Which error is which HTTP status and which code for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.errors import (
    InvalidRelease,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OtaError,
    ReleaseExists,
    ReleaseNotFound,
    StoreFull,
    TokenWanted,
    TooLarge,
    TooManyTries,
)

_TABLE: tuple[tuple[type[OtaError], int, str], ...] = (
    (InvalidRequest, 400, "invalid-request"),
    (InvalidRelease, 400, "invalid-release"),
    (TokenWanted, 401, "token-wanted"),
    (TooManyTries, 429, "too-many-tries"),
    (NotAllowed, 403, "not-allowed"),
    (ReleaseNotFound, 404, "release-not-found"),
    (NotFound, 404, "not-found"),
    (ReleaseExists, 409, "release-exists"),
    (TooLarge, 413, "too-large"),
    (StoreFull, 507, "store-full"),
)
_TITLES = {
    400: "That cannot be done as asked",
    401: "That needs a token",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "That name is taken",
    413: "That is too large",
    414: "That address is too long",
    429: "Too many wrong tokens",
    500: "The server has a fault",
    507: "There is no room",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What goes to the client: a status, a code for programs, a sentence for people."""

    status: int
    code: str
    message: str
    findings: tuple[Any, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """A heading for the page."""
        return _TITLES.get(self.status, "That did not work")

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of an error."""
        data: dict[str, Any] = {"error": self.code, "message": self.message}
        if self.findings:
            data["findings"] = [f.to_json() for f in self.findings]
        return data


def failure(error: OtaError) -> Failure:
    """The row of the table that fits."""
    for kind, status, code in _TABLE:
        if isinstance(error, kind):
            return Failure(status, code, str(error), getattr(error, "findings", ()), _headers(error))
    return Failure(500, "internal-error", str(error))


def _headers(error: OtaError) -> tuple[tuple[str, str], ...]:
    if isinstance(error, TokenWanted):
        return (("WWW-Authenticate", "Bearer"),)  # RFC 9110, 15.5.2
    if isinstance(error, TooManyTries):
        return (("Retry-After", str(error.wait)),)
    return ()
