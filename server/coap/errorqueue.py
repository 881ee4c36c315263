"""What the network says of datagrams that we sent: a closed port, no route. Linux keeps it in the socket's error queue.

An unconnected UDP socket hears of it only with IPV6_RECVERR and IP_RECVERR set, see ip(7) and ipv6(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from server.coap.peers import Peer, peer_of

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; Python 3.11 has no names for them


@dataclass(frozen=True, slots=True)
class Trouble:
    """One datagram that did not arrive, and why."""

    peer: Peer
    errno: int
    sent: bytes
    """The beginning of our own datagram, as far as the one who reports it quoted it."""


def enable(sock: socket.socket) -> None:
    """Let the kernel keep a queue of such errors for this socket."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    # On the dual-stack socket too: what IPv4 says reaches the queue only with this one.
    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def read(sock: socket.socket) -> list[Trouble]:
    """Empty the queue. A datagram that was too large is left out: the kernel parts it the next time."""
    found: list[Trouble] = []
    while True:
        try:
            sent, ancillary, _, address = sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:
            return found
        for level, kind, data in ancillary:
            if (level, kind) in ((socket.IPPROTO_IPV6, _IPV6_RECVERR), (socket.IPPROTO_IP, _IP_RECVERR)):
                (number,) = struct.unpack_from("=I", data)
                if address and number != errno.EMSGSIZE:
                    found.append(Trouble(peer_of(address), number, sent))


def sentence(number: int, peer: Peer) -> str:
    """What an errno means for a person who wants to reach `peer`."""
    if number == errno.ECONNREFUSED:
        return f"The port is closed: {peer.host} is there, but nothing listens on its UDP port {peer.port}."
    if number in (errno.EHOSTUNREACH, errno.EHOSTDOWN):
        return f"There is no route to {peer.host}: nobody on its link has this address. Check it, and that the device is on."
    if number in (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL):
        return f"There is no route to {peer.host}: {os.strerror(number).lower()}. Check the address and the gateway's routes."
    if number in (errno.EACCES, errno.EPERM):
        return f"A firewall on the way forbids datagrams to {peer.host}, UDP port {peer.port}."
    return f"The network cannot deliver to {peer.host}, UDP port {peer.port}: {os.strerror(number).lower()}."
