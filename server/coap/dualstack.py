"""Opens one UDP socket for IPv4 and IPv6."""

from __future__ import annotations

import socket


def open_udp(bind: str) -> socket.socket:
    """One socket for IPv4 and IPv6; an IPv4 one where `bind` is IPv4 or the machine has no IPv6.

    Its port is the kernel's choice, and it does not block. Raises OSError when `bind` is no address of this machine.
    """
    sock: socket.socket | None = None
    try:
        if ":" in bind:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((bind, 0))
    except OSError:
        if sock is not None:
            sock.close()
        if bind != "::":
            raise
        sock, bind = None, "0.0.0.0"
    if sock is None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((bind, 0))
        except OSError:
            sock.close()
            raise
    sock.setblocking(False)
    return sock
