"""The CoAP URLs that this server gives to devices and people."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import quote

from common.device_url import COAP_PORT


class CoapUrls:
    """Writes `coap://host[:port]/path` with the host that the other side can reach.

    Threads: immutable; any thread calls it.
    """

    def __init__(self, host: str | None, port: int) -> None:
        """`host` is --coap-host; without it, the gateway's own routing is asked for each peer."""
        self._host = host
        self._port = port

    def url(self, path: str, peer: str) -> str:
        """The URL of `path` (no leading slash) for the side at `peer`, an address that may carry a zone.

        The zone is left out of the URL: it is ours, and says nothing on the device (RFC 6874, 1).
        """
        return self.with_base(f"coap://{self.authority(peer)}", path)

    @staticmethod
    def with_base(base: str, path: str) -> str:
        """`path` behind `coap://host[:port]`."""
        return f"{base}/{quote(path, safe='/~+')}"

    def authority(self, peer: str, always_port: bool = False) -> str:
        """`host` or `host:port` as `peer` has to write it."""
        host = (self._host or address_towards(peer)).strip("[]")
        if ":" in host:
            host = f"[{host}]"
        return host if self._port == COAP_PORT and not always_port else f"{host}:{self._port}"


def address_towards(peer: str) -> str:
    """The address of this machine from which its routing would reach `peer`; no packet is sent.

    An address that cannot be reached gives the loopback address of its family.
    """
    bare = peer.partition("%")[0]
    try:
        mapped = getattr(ipaddress.ip_address(bare), "ipv4_mapped", None)
    except ValueError:
        return "::1"
    target = str(mapped) if mapped else peer
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    try:
        sockaddr = socket.getaddrinfo(target, 9, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][4]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(sockaddr)
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return "::1" if family == socket.AF_INET6 else "127.0.0.1"
