"""A URI as a device reads it from a manifest (RFC 3986, RFC 7252, 6). Nothing here raises on hostile text."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from common.device_url import COAP_PORT
from common.errors import InvalidRelease
from common.release import check_publish_id

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KEPT = 64
"""Of the last URIs and hosts what they are: each rule on one manifest asks again."""
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)([^?#]*)(.*)", re.ASCII | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]@]+)(?::([0-9]{0,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Uri:
    """Its parts, as they are written."""

    scheme: str
    """Lower-case."""
    host: str
    """An address without brackets, perhaps with a zone, or a name; never empty."""
    bracketed: bool
    port: int | None
    """None where none is written."""
    path: str
    """With its leading slash; "" where there is none."""
    extra: str
    """Query and fragment, with their signs."""

    @property
    def authority(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if self.bracketed else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The host as a literal; None where it is a name, or no valid literal (one with a zone is none)."""
        address = address_of(self.host)
        return address if address is not None and self.bracketed == (address.version == 6) else None


@lru_cache(_KEPT)
def parse(text: str) -> Uri | None:
    """The parts of a URI with a host; None where the text is none."""
    uri = _URI.fullmatch(text)
    authority = _AUTHORITY.fullmatch(uri[2]) if uri is not None else None
    if uri is None or authority is None or authority[1] == "[]":
        return None
    port = int(authority[2]) if authority[2] else None
    if port is not None and not 0 < port < 1 << 16:
        return None
    host = authority[1].strip("[]")
    return Uri(uri[1].lower(), host, authority[1].startswith("["), port, uri[3], uri[4])


def served_path(uri: str) -> str | None:
    """The CoAP path, percent-decoded and without a leading slash, that this URI asks of a server.

    None where it asks for nothing that a release can have: another scheme than coap, a query or a fragment, or
    a path that breaks the rules of publish ids.
    """
    parts = parse(uri)
    return path_of(parts) if parts is not None and parts.scheme == "coap" else None


@lru_cache(_KEPT)
def path_of(uri: Uri) -> str | None:
    """As `served_path`, of any scheme."""
    segments = [unquote(segment) for segment in uri.path.removeprefix("/").split("/")]
    if uri.extra or any("/" in segment for segment in segments):
        return None
    try:
        return check_publish_id("/".join(segments))
    except InvalidRelease:
        return None


@lru_cache(_KEPT)
def address_of(host: str) -> Address | None:
    """An address from its text without brackets; None of a name and of an address with a zone."""
    try:
        return ipaddress.ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def coap_url(host: str, port: int, path: str) -> str:
    """The URL of a path on a server; `host` without brackets, `path` without a leading slash, "" for none."""
    authority = f"[{host}]" if ":" in host else host
    return f"coap://{authority}" + (f":{port}" if port != COAP_PORT else "") + (f"/{path}" if path else "")
