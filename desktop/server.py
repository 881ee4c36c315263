"""The server that was chosen: its address, and the token that goes with each request."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.client import Client
from common.errors import NotAllowed


class TokenNotSent(NotAllowed):
    """The token was kept back, because others on the way could have read it."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask."""

    url: str
    token: str | None = field(default=None, repr=False)

    def client(self, timeout: float = 60.0, connect_timeout: float = 10.0) -> Client:
        """A client of it, as `Client` says; TokenNotSent where it would not send the token."""
        try:
            return Client(self.url, timeout=timeout, connect_timeout=connect_timeout, token=self.token)
        except NotAllowed as error:
            raise TokenNotSent(str(error)) from None
