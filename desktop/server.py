"""The server that was chosen: its address, and the token that goes with each request."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.client import Client
from common.errors import NotAllowed
from common.program import called


class TokenNotSent(NotAllowed):
    """The token was kept back, because others on the way could have read it."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask."""

    url: str
    token: str | None = field(default=None, repr=False)
    insecure: bool = False
    """Whether the token may go over plain http."""

    def client(self, timeout: float = 60.0, connect_timeout: float = 10.0) -> Client:
        """A client of it, as `Client` says; TokenNotSent where it would not send the token."""
        try:
            return Client(self.url, timeout=timeout, connect_timeout=connect_timeout, token=self.token, insecure=self.insecure)
        except NotAllowed as error:
            raise TokenNotSent(
                f"{error} To look and to change nothing, forget the token here."
                f" Started as `{called('ota-publisher', 'desktop')} --insecure`, this window sends it all the same."
            ) from None
