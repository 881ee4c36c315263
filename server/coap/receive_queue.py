"""What the kernel says of a UDP socket's receive queue: the bytes that wait in it, and the datagrams that found no room."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

TABLES = (Path("/proc/self/net/udp6"), Path("/proc/self/net/udp"))
"""proc_net(5). Below /proc/self, so that they are there for a service that sees only its own processes, too."""
_QUEUES, _INODE, _DROPS = 4, 9, -1
"""Columns of a line."""


class QueueState(NamedTuple):
    """One look at it."""

    waiting: int
    """Bytes of memory that datagrams which nobody has read yet take."""
    drops: int
    """Datagrams that the kernel dropped since the socket was made, because the queue was full."""


class ReceiveQueue:
    """Threads: any."""

    def __init__(self, sock: socket.socket, tables: tuple[Path, ...] = TABLES) -> None:
        """Of this socket, also when somebody else closes it meanwhile; it is known by its inode."""
        self._inode = b"%d" % os.fstat(sock.fileno()).st_ino
        self._tables = tables

    def look(self) -> QueueState | None:
        """As it is now; None where the kernel does not tell, or the socket is closed."""
        for table in self._tables:
            try:
                lines = table.read_bytes().splitlines()[1:]
            except OSError:  # a machine without IPv6, or without /proc
                continue
            for line in lines:
                columns = line.split()
                if len(columns) > _INODE and columns[_INODE] == self._inode:
                    return QueueState(int(columns[_QUEUES].partition(b":")[2], 16), int(columns[_DROPS]))
        return None
