"""Opens one UDP socket for IPv4 and IPv6."""

from __future__ import annotations

import errno
import socket

_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def open_udp(bind: str, port: int = 0) -> socket.socket:
    """One socket for IPv4 and IPv6 where `bind` is `::`; an IPv4 one where the machine has no IPv6.

    It does not block. Raises OSError when `bind` is no address of this machine, or the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    try:
        return _bound(family, address, only_v6=bind != "::")
    except OSError as error:
        if bind != "::" or error.errno not in _NO_IPV6:
            raise
        return _bound(socket.AF_INET, ("0.0.0.0", port), only_v6=False)


def _bound(family: int, address: tuple[str | int, ...] | tuple[int, bytes], only_v6: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_v6)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
