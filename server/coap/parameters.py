"""What the parameters of a registration mean (RFC 9176, 5), and where a device that registers takes notifications."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.device_url import DEFAULT_PATH, DeviceUrl
from common.errors import InvalidDeviceUrl
from server.coap import datagram, linkformat
from server.coap.datagram import Datagram
from server.coap.linkformat import InvalidLinks, WebLink
from server.coap.source import Source, address_of, device_of

LIFETIME = 90_000
"""Seconds, where a device names none (RFC 9176, 5)."""
MAX_PAYLOAD = 1024
"""Bytes of links in one registration: what fits into one message (RFC 7252, 4.6)."""
MAX_NAME = 63
"""Bytes of an endpoint's name and of a sector's (RFC 9176, 5)."""
_SIZE1 = 60
_TOO_LARGE, _UNSUPPORTED_FORMAT = 0x8D, 0x8F


@dataclass(frozen=True, slots=True)
class Registration:
    """What one device says of itself."""

    endpoint: str
    sector: str
    lifetime: int
    """Seconds."""
    url: DeviceUrl
    """Where it takes notifications, with a numeric address."""
    sender: DeviceUrl
    """Where the request came from."""
    explicit: bool = False
    """It named its address itself, so a request from another one does not change it."""
    older: bool = False
    """It registered as devices did before RFC 9176: those may drop a ping without a word."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells endpoints apart (RFC 9176, 5)."""
        return (self.endpoint, self.sector)


class Refused(Exception):
    """A request that cannot be granted: `code`, and a sentence for whoever made the device."""

    def __init__(self, code: int, why: str, *options: tuple[int, bytes]) -> None:
        super().__init__(why)
        self.code = code
        self.options = options


def sender_of(source: Source) -> DeviceUrl:
    """The device at the address and port that a datagram came from."""
    host, _, zone = device_of(source).partition("%")
    return DeviceUrl(host, address_of(source)[1], zone=zone or None)


def trigger(links: Iterable[WebLink], base: DeviceUrl) -> DeviceUrl:
    """Where the device at `base` takes notifications, as its links tell: RIOT's path, else a resource type with `suit`
    in it, else RIOT's path all the same. Links to other hosts, and statements about them, do not count.
    """
    found = [path for link in links if (path := _path(link, base)) == DEFAULT_PATH or "suit" in (link.get("rt") or "")]
    for path in sorted((path for path in found if path), key=lambda path: path != DEFAULT_PATH):
        if any(part in (".", "..") for part in path.split("/")):
            continue
        try:
            # Only what a person could type as well is taken.
            return dataclasses.replace(base, path=DeviceUrl.parse(f"[::1]/{path}").path)
        except InvalidDeviceUrl:
            continue
    return dataclasses.replace(base, path=DEFAULT_PATH)


def _path(link: WebLink, base: DeviceUrl) -> str | None:
    if "://" in (link.get("anchor") or ""):
        return None
    if link.target.startswith("/") and not link.target.startswith("//"):
        return link.target[1:]
    scheme, found, rest = link.target.partition("://")
    authority, _, path = rest.partition("/")
    try:
        other = DeviceUrl.parse(f"{scheme}://{authority}") if found else None
    except InvalidDeviceUrl:
        return None
    return path if other is not None and (other.host, other.port) == (base.host, base.port) else None


def registration_of(query: dict[str, str], url: DeviceUrl, sender: DeviceUrl, explicit: bool) -> Registration:
    """What the query says, at `url`. Raises Refused."""
    if not (endpoint := _name(query, "ep")):
        raise Refused(datagram.BAD_REQUEST, "The endpoint's name is missing: add ?ep=NAME.")
    lifetime = lifetime_of(query["lt"]) if "lt" in query else LIFETIME
    return Registration(endpoint, _name(query, "d"), lifetime, url, sender, explicit)


def query_of(request: Datagram) -> dict[str, str]:
    """The parameters; none of those that matter stands there twice. Raises Refused."""
    query: dict[str, str] = {}
    for value in request.values(datagram.URI_QUERY):
        try:
            key, _, text = value.decode().partition("=")
        except UnicodeDecodeError:
            raise Refused(datagram.BAD_REQUEST, "A query is not UTF-8.") from None
        if key in query and key in ("ep", "d", "lt", "base"):
            raise Refused(datagram.BAD_REQUEST, f"{key} stands there twice.")
        query[key] = text
    return query


def _name(query: dict[str, str], key: str) -> str:
    text = query.get(key, "")
    if len(text.encode()) > MAX_NAME:
        raise Refused(datagram.BAD_REQUEST, f"{key} has more than {MAX_NAME} bytes.")
    return "".join(filter(str.isprintable, text)).strip()


def lifetime_of(text: str) -> int:
    """Seconds. Raises Refused."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= 0xFFFFFFFF:
        raise Refused(datagram.BAD_REQUEST, "lt is a number of seconds from 1 to 4294967295.")
    return int(text)


def base_of(query: dict[str, str], sender: DeviceUrl) -> DeviceUrl | None:
    """The address that the device names for itself, if it names one; never one that reaches several. Raises Refused."""
    if "base" not in query:
        return None
    try:
        parts = urlsplit(query["base"])
        url = DeviceUrl.parse(f"{parts.scheme}://{parts.netloc}")
        address = ipaddress.ip_address(url.host)
    except (ValueError, InvalidDeviceUrl):
        raise Refused(datagram.BAD_REQUEST, "base is a URI with a numeric address, as in coap://[fd00::2].") from None
    address = getattr(address, "ipv4_mapped", None) or address
    local = address.is_loopback and not ipaddress.ip_address(sender.host).is_loopback
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255" or local:
        raise Refused(datagram.BAD_REQUEST, "base is no address of a device.")
    link_local = address.version == 6 and address.is_link_local
    if link_local and sender.zone is None:
        raise Refused(datagram.BAD_REQUEST, "base is link-local, and the request came from another link.")
    # The zone in it, if any, is the device's own name for an interface (RFC 6874, 1).
    return DeviceUrl(str(address), url.port, zone=sender.zone if link_local else None)


def links_of(request: Datagram) -> tuple[WebLink, ...]:
    """The links that are registered. Raises Refused."""
    formats = request.values(datagram.CONTENT_FORMAT)
    if any(int.from_bytes(value, "big") != datagram.LINK_FORMAT for value in formats):
        raise Refused(_UNSUPPORTED_FORMAT, "Links are taken as application/link-format, 40.")
    try:
        return linkformat.parse(request.payload)
    except InvalidLinks as error:
        raise Refused(datagram.BAD_REQUEST, str(error)) from None


def check_size(request: Datagram) -> None:
    """Raises Refused for what is too long, or comes in several blocks."""
    parts = [int.from_bytes(value, "big") for value in request.values(datagram.BLOCK1)]
    # A body of one block is whole (RFC 7959, 2.2); the bits above the size are its number, and whether there are more.
    if len(request.payload) > MAX_PAYLOAD or any(value >> 3 for value in parts):
        why = f"Links are taken in one message of up to {MAX_PAYLOAD} bytes. Register simply at /.well-known/rd instead."
        raise Refused(_TOO_LARGE, why, (_SIZE1, datagram.uint(MAX_PAYLOAD)))  # RFC 7252, 5.9.2.9
