"""Whom a request comes from when it came by the one proxy that is trusted.

Not waitress' own `trusted_proxy`: that compares texts, so that on a dual-stack socket 127.0.0.1 is not ::ffff:127.0.0.1;
it takes any word for an address; and the application could not tell afterwards whether the proxy was there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from common.errors import InvalidRequest

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_PROXIED = "ota_server.proxied"
"""In a request's environment: the sentence that refuses it, or "". No header of a request can make such a key."""
_NO_VIA = (
    "The request says in X-Forwarded-For and X-Forwarded-Proto that it comes by the proxy, and has no Via, without which it may"
    " as well come from the script of a page. Whoever looks after the proxy has it send one; nginx does with"
    ' proxy_set_header Via "1.1 nginx"; the server\'s README says on HTTPS how others do.'
)


def came_by_proxy(environ: Mapping[str, Any]) -> bool:
    """Whether the trusted proxy passed this request on. Raises InvalidRequest where what the proxy says of it is no sense."""
    refused = environ.get(_PROXIED)
    if refused:
        raise InvalidRequest(refused)
    return refused is not None


def believing(app: Application, trusted: str | None) -> Application:
    """The application, told whom the proxy at the address `trusted` speaks for: its address, its scheme, its Host.

    From any other address, and where X-Forwarded-For and X-Forwarded-Proto are not both there, nothing is believed and
    nothing is changed. Of several hops only the last counts, for it is the one that the trusted proxy saw itself.

    A Via has to be there as well: where the proxy is at a loopback address, every browser on the machine is, too. By DNS
    rebinding a site's script gets its request to us as to its own server, and may add any header but the forbidden ones
    (WHATWG Fetch, 2.2.2), which Via is. Gateways have to send it anyway (RFC 9110, 7.6.3).
    """
    if trusted is None:
        return app
    proxy = address_of(trusted)

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = "HTTP_X_FORWARDED_FOR" in environ and "HTTP_X_FORWARDED_PROTO" in environ
        if told and proxy is not None and address_of(environ.get("REMOTE_ADDR", "")) == proxy:
            environ[_PROXIED] = _translate(environ)
        return app(environ, start_response)

    return wrapped


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address without its zone; ::ffff:127.0.0.1 is 127.0.0.1. None where the text is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _translate(environ: dict[str, Any]) -> str:
    """The sentence that refuses the request, or ""."""
    if not environ.get("HTTP_VIA"):
        return _NO_VIA
    hop, scheme = _last(environ, "FOR"), _last(environ, "PROTO").lower()
    client = address_of(hop)
    if client is None:
        return f"The proxy says in X-Forwarded-For that {hop!r} asks, which is no address. See the server's README on HTTPS."
    if scheme not in ("http", "https"):
        return f"The proxy says {scheme!r} in X-Forwarded-Proto; it is http or https. See the server's README on HTTPS."
    environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = str(client)
    environ["wsgi.url_scheme"] = scheme
    if "HTTP_X_FORWARDED_HOST" in environ:
        environ["HTTP_HOST"] = _last(environ, "HOST")
    return ""


def _last(environ: Mapping[str, Any], name: str) -> str:
    return str(environ[f"HTTP_X_FORWARDED_{name}"]).rpartition(",")[2].strip()
