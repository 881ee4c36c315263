"""Where a datagram came from: the kernel's own bytes, which are the cheapest key, and what they say."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

Address = tuple[str, int, int, int] | tuple[str, int]
"""A socket address as the socket module writes it: address, port, and for IPv6 flow and zone."""
Source = bytes
"""A struct sockaddr_in6 of 28 bytes, or a struct sockaddr_in of 16, as recvmmsg(2) fills it in."""

Control = list[tuple[int, int, bytes]]
"""Control messages as sendmsg() of the socket module takes them."""

_IN6 = struct.Struct("!2xHI16s")
_IN = struct.Struct("!2xH4s8x")
_ZONE = struct.Struct("=I")
SIZES = {socket.AF_INET6: 28, socket.AF_INET: 16}
"""Bytes of a source by the family of the socket."""


@dataclass(frozen=True, slots=True)
class Received:
    """A datagram, whom it came from, and the control message that sends an answer from the address that was asked."""

    data: bytes
    source: Source
    control: Control

    @property
    def address(self) -> Address:
        """The sender, for the socket module and for people."""
        return address_of(self.source)


def address_of(source: Source) -> Address:
    """The address, for the socket module and for people."""
    if len(source) == SIZES[socket.AF_INET]:
        port, packed = _IN.unpack(source)
        return socket.inet_ntop(socket.AF_INET, packed), port
    port, flow, packed = _IN6.unpack_from(source)
    return socket.inet_ntop(socket.AF_INET6, packed), port, flow, _ZONE.unpack_from(source, 24)[0]


def source_of(address: Address) -> Source:
    """The bytes of an address."""
    if len(address) == 2:
        return _family(socket.AF_INET) + _IN.pack(address[1], socket.inet_pton(socket.AF_INET, address[0]))[2:]
    host, port, flow, zone = address
    return _family(socket.AF_INET6) + _IN6.pack(port, flow, socket.inet_pton(socket.AF_INET6, host))[2:] + _ZONE.pack(zone)


def host_of(source: Source) -> bytes:
    """What one device's ports have in common: its address and zone."""
    return source[4:8] if len(source) == SIZES[socket.AF_INET] else source[8:28]


def device_of(source: Source) -> str:
    """A device as people write it: its address, and the interface where that is link-local, but no port."""
    address = address_of(source)
    host = str(address[0])
    if "." in host:
        host = host.removeprefix("::ffff:")
    scope = address[3] if len(address) == 4 else 0
    if not scope:
        return host
    try:
        return f"{host}%{socket.if_indextoname(scope)}"
    except OSError:
        return f"{host}%{scope}"  # the interface is gone


def _family(family: int) -> bytes:
    return struct.pack("=H", family)
