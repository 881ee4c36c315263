"""From a device URL to the socket address that is asked, with its zone; and which addresses must not be asked."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from dataclasses import dataclass
from typing import Any

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from server.coap.resolver import Resolver

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end: compares equal however the kernel spells it, and is hashable."""

    host: str
    """As inet_ntop writes it; an IPv4 address as one, also behind a dual-stack socket."""
    port: int
    scope: int = 0
    """The interface of a link-local address, else 0."""

    def sockaddr(self, family: int) -> Sockaddr:
        """What sendto takes on a socket of `family`."""
        if family == socket.AF_INET:
            return (self.host, self.port)
        return (self.host if ":" in self.host else f"::ffff:{self.host}", self.port, 0, self.scope)


def peer_of(address: tuple[Any, ...]) -> Peer:
    """The peer that recvfrom or recvmsg names."""
    host = str(address[0]).partition("%")[0]
    if "." in host:
        host = host.removeprefix("::ffff:")
    return Peer(host, int(address[1]), int(address[3]) if len(address) == 4 else 0)


def locate(target: DeviceUrl, family: int, resolver: Resolver) -> Peer:
    """The peer of `target` for a socket of `family`.

    Raises DeviceUnreachable for names, zones and families that lead nowhere, DeviceRefused for groups and the like.
    """
    scope = 0
    try:
        ip = ipaddress.ip_address(target.host)
    except ValueError:
        found = peer_of(resolver.look_up(target.host, family))
        ip, scope = ipaddress.ip_address(found.host), found.scope
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
        kind = "stands for no host" if ip.is_unspecified else "reaches many devices at once"
        raise DeviceRefused(f"{ip} {kind}: name the devices one by one.")
    if ip.version == 6 and family == socket.AF_INET:
        raise DeviceUnreachable(f"There is no route to {ip}: this machine has no IPv6.")
    # Behind another address the kernel names no interface, so such an answer would not be found again.
    scope = (scope or _scope(ip, target.zone)) if ip.version == 6 and ip.is_link_local else 0
    return Peer(socket.inet_ntop(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, ip.packed), target.port, scope)


def numeric(target: DeviceUrl, peer: Peer) -> DeviceUrl:
    """`target` with the address in place of the name; the zone only where it means something."""
    zone = target.zone or socket.if_indextoname(peer.scope) if peer.scope else None
    return dataclasses.replace(target, host=peer.host, zone=zone)


def is_local(peer: Peer) -> bool:
    """Whether it is an address of this machine: only such a one can be bound."""
    family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((peer.host, 0, 0, peer.scope) if family == socket.AF_INET6 else (peer.host, 0))
            return True
    except OSError:
        return False


def _scope(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, zone: str | None) -> int:
    names = [name for _, name in socket.if_nameindex()]
    if zone is None:
        raise DeviceRefused(
            f"{ip} is link-local, so it needs the interface behind it, as in {ip}%wpan0."
            f" This machine has {', '.join(names)}."
        )
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        if zone.isdigit() and int(zone) in (number for number, _ in socket.if_nameindex()):
            return int(zone)
    raise DeviceUnreachable(f"This machine has no interface {zone!r}. It has {', '.join(names)}.")
