"""A coap URI as a device takes it apart: no DNS, so its host is an address."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes, urlsplit

COAP_PORT = 5683


@dataclass(frozen=True, slots=True)
class Target:
    """What to ask, and whom."""

    host: str
    """An IPv4 or IPv6 address, with its zone where it has one."""
    port: int
    path: tuple[bytes, ...] = ()
    """The Uri-Path options."""

    def asked_at(self, other: Target | None) -> Target:
        """The same path at another server, where one is given."""
        return self if other is None else replace(self, host=other.host, port=other.port)


def parse(uri: str) -> Target | None:
    """Take it apart; None where a device could not (RFC 7252, 6.4)."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        ipaddress.ip_address(host)
        port = COAP_PORT if parts.port is None else parts.port
    except ValueError:
        return None
    if parts.scheme != "coap" or parts.query or parts.fragment or not 0 < port < 65536:
        return None
    path = parts.path.removeprefix("/")
    segments = tuple(unquote_to_bytes(segment) for segment in path.split("/")) if path else ()
    return None if any(len(segment) > 255 for segment in segments) else Target(host, port, segments)
