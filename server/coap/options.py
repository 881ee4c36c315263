"""What a request's options must be before anything is done with it (RFC 7252, 5.4)."""

from __future__ import annotations

from server.coap import datagram
from server.coap.datagram import Datagram

_LENGTHS = {
    datagram.IF_MATCH: (0, 8),
    datagram.URI_HOST: (1, 255),
    datagram.IF_NONE_MATCH: (0, 0),
    datagram.URI_PORT: (0, 2),
    datagram.URI_PATH: (0, 255),
    datagram.URI_QUERY: (0, 255),
    datagram.ACCEPT: (0, 2),
    datagram.BLOCK2: (0, 3),
    datagram.PROXY_URI: (1, 1034),
    datagram.PROXY_SCHEME: (1, 255),
}
"""The critical options that are understood, and how many bytes each may have (RFC 7252, 5.10; RFC 7959, 2.1)."""
_REPEATABLE = frozenset({datagram.IF_MATCH, datagram.URI_PATH, datagram.URI_QUERY})


class Unusable(Exception):
    """A critical option is unknown, repeated or of a wrong length: 4.02 for CON, silence for NON (RFC 7252, 5.4.1)."""


def check_options(request: Datagram) -> None:
    """Raises Unusable. Elective options are never in the way."""
    seen = set()
    for number, value in request.options:
        if not number & 1:
            continue
        shortest, longest = _LENGTHS.get(number, (1, 0))
        if not shortest <= len(value) <= longest or (number in seen and number not in _REPEATABLE):
            raise Unusable
        seen.add(number)
    if seen & {datagram.PROXY_URI, datagram.PROXY_SCHEME}:
        raise ProxyWanted


class ProxyWanted(Unusable):
    """The request is for another server, and this one is no proxy: 5.05 (RFC 7252, 5.7.2)."""

