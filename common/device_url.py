"""What a person types for a device: host, zone, port and path.

    [fd00::2]/suit/trigger    10.0.0.7:5684/fw    fe80::2%wpan0    coap://sensor.local/suit/trigger

Without a path it is RIOT's /suit/trigger, without a port CoAP's 5683 (RFC 7252, 6.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import InvalidDeviceUrl

COAP_PORT = 5683
DEFAULT_PATH = "suit/trigger"
LONGEST = len("coap://") + 253 + len(":65535/") + 255
"""Bytes of UTF-8 that a device URL has at most: a scheme, a name, a port and a path."""
_SHOWN = 200
"""Characters that are said again of what is no device URL."""
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9][A-Za-z0-9\-_]{0,62}(\.[A-Za-z0-9\-_]{1,63})*\.?", re.ASCII)
"""A name whose parts have 1 to 63 characters: resolvers choke on others (RFC 1035, 2.3.4)."""
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeviceUrl:
    """Where a device takes its notification. `str()` gives the shortest form that parses to the same."""

    host: str
    """An IPv4 or IPv6 address without brackets, or a name."""
    port: int = COAP_PORT
    path: str = DEFAULT_PATH
    """Without a leading slash; percent signs are kept as typed."""
    zone: str | None = None
    """The interface of a link-local address, by name or by number."""

    @classmethod
    def parse(cls, text: str) -> DeviceUrl:
        """Read what was typed; InvalidDeviceUrl says what is wrong with it and shows the right form."""
        return _parse(text)

    def __str__(self) -> str:
        host = self.host + (f"%{self.zone}" if self.zone else "")
        if ":" in self.host:
            host = f"[{host}]"
        port = "" if self.port == COAP_PORT else f":{self.port}"
        return f"{host}{port}/{self.path}"


def _parse(text: str) -> DeviceUrl:
    def wrong(why: str) -> InvalidDeviceUrl:
        form = "Write it as [fd00::2]/suit/trigger or 10.0.0.7:5683/suit/trigger."
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return InvalidDeviceUrl(f"{shown!r} is no device URL: {why}. {form}")

    rest = text.strip()
    if not rest:
        raise wrong("it is empty")
    if not rest.isprintable() or " " in rest:
        raise wrong("it has a space or a control character")
    if len(rest.encode()) > LONGEST:
        raise wrong("it is longer than any")
    scheme, found, tail = rest.partition("://")
    if found:
        if scheme.lower() != "coap":
            raise wrong(f"the scheme is {scheme!r}, and only coap is known")
        rest = tail
    authority, _, path = rest.partition("/")
    if "?" in path or "#" in path:
        raise wrong("it has a query or a fragment, and devices take only a path")
    if "," in path:
        raise wrong("its path has a comma, which parts one device from the next (in a path, write %2C)")
    if len(path.encode()) > 255 or (any(not segment for segment in path.split("/")) and path):
        raise wrong("its path is too long or has an empty part")
    host, port = _split_port(authority, wrong)
    address, percent, zone = host.partition("%")
    if found and zone.startswith("25"):
        zone = zone[2:]  # a URI writes the % itself as %25 (RFC 6874, 2)
    if percent and not _ZONE.fullmatch(zone):
        raise wrong("behind % stands no interface, such as wpan0")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        if ":" in address or re.fullmatch(r"[0-9.]+", address) or not _NAME.fullmatch(address):
            raise wrong(f"{address!r} is neither an address nor a name") from None
        if percent:
            raise wrong("only an IPv6 address has a zone") from None
        return DeviceUrl(address.lower(), port, path or DEFAULT_PATH)
    if percent and ip.version == 4:
        raise wrong("only an IPv6 address has a zone")
    return DeviceUrl(str(ip), port, path or DEFAULT_PATH, zone or None)


def _split_port(authority: str, wrong: Callable[[str], InvalidDeviceUrl]) -> tuple[str, int]:
    """`[v6]:port`, `v4:port`, `name:port`, or a bare IPv6 address, which has two colons and no port."""
    if authority.startswith("["):
        host, bracket, tail = authority[1:].partition("]")
        if not bracket:
            raise wrong("the ] is missing")
        if tail and not tail.startswith(":"):
            raise wrong(f"between ] and / stands {tail!r}")
        digits = tail[1:] if tail else None
    elif authority.count(":") >= 2:
        host, digits = authority, None
    else:
        host, colon, port = authority.partition(":")
        digits = port if colon else None
    if digits is None:
        return host, COAP_PORT
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:6]) <= 65535 and len(digits) <= 5):
        raise wrong(f"{digits!r} is no port between 1 and 65535")
    return host, int(digits)


def parse_list(text: str) -> tuple[DeviceUrl, ...]:
    """Device URLs parted by commas or white space, each once, in the order given."""
    return tuple(dict.fromkeys(map(DeviceUrl.parse, split_list(text))))


def split_list(text: str) -> tuple[str, ...]:
    """What stands between commas or white space, each once, whether or not it is a device URL."""
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))
