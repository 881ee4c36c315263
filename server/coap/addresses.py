"""The addresses at which devices reach this server."""

from __future__ import annotations

import ipaddress
import socket

import ifaddr

from common.preflight import ServerFacts


def facts_of(bind: str, named: str | None, port: int, max_image_size: int) -> ServerFacts:
    """What this server knows of itself now. `bind` is --coap-bind, `named` --coap-host, `port` the UDP port that was taken.

    Loopback addresses count only for a server that listens on nothing else: for a device they are the device itself.
    """
    try:
        addresses = _own() if _address(bind).is_unspecified else [_address(bind)]
    except OSError:
        return ServerFacts(max_image_size=max_image_size, port=port)
    reachable = [a for a in addresses if not a.is_loopback] or addresses
    if bind == "0.0.0.0":  # it listens on no IPv6 address
        reachable = [a for a in reachable if a.version == 4]
    host = named.strip("[]") if named else str(min(reachable, key=_rank, default=""))
    hosts = {str(a) for a in reachable} | ({host} if host else set())
    return ServerFacts(max_image_size=max_image_size, hosts=frozenset(hosts), port=port, host=host)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _own() -> list[_Address]:
    """Every address of this machine's interfaces, without zones. Raises OSError."""
    found = {ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips}
    return [_address(text) for text in sorted(found)]


def _address(text: str) -> _Address:
    return ipaddress.ip_address(text.strip("[]").partition("%")[0])


def _rank(address: _Address) -> tuple[int, _Address]:
    """The lowest is the best for a manifest to name: devices speak IPv6, and a link-local address is good on one link only."""
    if isinstance(address, ipaddress.IPv6Address):
        return (3 if address.is_link_local else 0 if address.is_private else 1, address)
    return (2, address)


def reachable_at(sock: socket.socket) -> list[tuple[str | int, ...]]:
    """The addresses at which this machine itself reaches a bound socket, for a socket of the same family; the best first."""
    name = sock.getsockname()
    address = _address(name[0])
    if not address.is_unspecified:
        return [name]
    hosts = ("127.0.0.1",) if address.version == 4 else ("::1", "::ffff:127.0.0.1")
    return [(host, *name[1:]) for host in hosts]
