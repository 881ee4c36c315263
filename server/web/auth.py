"""Who may change something: nobody from another site, nobody beyond this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.errors import NotAllowed
from server.web.proxy import address_of, came_by_proxy

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(:[0-9]*)?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is this machine's own."""
    address = address_of(host.strip("[]"))
    return address.is_loopback if address is not None else host.lower().rstrip(".") == "localhost"


class Guard:
    """Checks requests by their WSGI environment. Threads: immutable; the web workers call it."""

    def __init__(self, bound_to: str) -> None:
        """`bound_to` is the address on which HTTP listens."""
        self._local = is_loopback(bound_to)

    @property
    def changes_allowed(self) -> bool:
        """Whether changing requests can succeed at all."""
        return self._local

    @property
    def why_not(self) -> str:
        """The sentence for whoever may not change anything."""
        return (
            "This server is reachable from the network and has no access control yet, so nothing can be changed over HTTP."
            " Drop files into the firmware folder, or start it with --http-host 127.0.0.1 and use it on the gateway itself"
            " (for instance through ssh -L 8080:localhost:8080)."
        )

    def check_host(self, environ: Mapping[str, Any]) -> None:
        """Against DNS rebinding: a server bound to loopback is asked for by a loopback name, or through the trusted proxy.

        Raises NotAllowed, and InvalidRequest where the proxy makes no sense.
        """
        asked = environ.get("HTTP_HOST", "")
        found = _HOST.fullmatch(asked)
        host = found["host"] if found else asked
        if came_by_proxy(environ) and found:
            return  # the proxy serves its own names only, and a certificate says which
        if self._local and asked and not (found and is_loopback(host)):
            raise NotAllowed(
                f"This server answers only on this machine, and was asked for as {host!r}: use localhost or 127.0.0.1."
            )

    def check_change(self, environ: Mapping[str, Any]) -> None:
        """Raises NotAllowed for a request that may not change anything."""
        if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
            raise NotAllowed("The request comes from another site's page. Only this server's own page may change something.")
        origin = environ.get("HTTP_ORIGIN")
        own = f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST')}"
        if origin is not None and origin.lower() != own.lower():
            raise NotAllowed("The request comes from another site's page. Only this server's own page may change something.")
        if not self._local:
            raise NotAllowed(self.why_not)
