"""What the kernel drops from a socket's queue: on real sockets."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from server.coap.receive_queue import QueueState, ReceiveQueue
from server.health import Status
from server.symptoms import Dropping
from tests.support.clock import Clock
from tests.support.coap import settle_loopback

SO_MEMINFO = 55  # <asm-generic/socket.h>: what the kernel says to the socket's owner, for comparison
HOSTS = pytest.mark.parametrize("host", ["::1", "127.0.0.1"])


def bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    sock.bind((host, 0))
    return sock


def flood(sock: socket.socket, count: int) -> None:
    """All have arrived, or were dropped."""
    with socket.socket(sock.family, socket.SOCK_DGRAM) as sender:
        for _ in range(count):
            sender.sendto(bytes(500), sock.getsockname())
    settle_loopback(sock.family)


def kernel(sock: socket.socket) -> QueueState:
    waiting, *_, drops = struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
    return QueueState(waiting, drops)


@HOSTS
def test_drops_are_those_of_this_socket(host: str) -> None:
    with bound(host) as sock, bound(host) as other:
        queue, quiet = ReceiveQueue(sock), ReceiveQueue(other)
        assert queue.look() == QueueState(0, 0)
        flood(sock, 50)
        found = queue.look()
        assert found == kernel(sock)
        assert found is not None
        assert found.drops > 10
        assert found.waiting > 0
        assert quiet.look() == QueueState(0, 0)
    assert queue.look() is None, "a closed socket has no queue"


def test_a_kernel_that_does_not_tell(tmp_path: Path) -> None:
    (tmp_path / "udp6").write_text("  sl  local_address\n   1: 0:0\n\n")
    with bound("::1") as sock:
        assert ReceiveQueue(sock, (tmp_path / "none", tmp_path / "udp6")).look() is None


def test_drops_that_go_on_are_told_and_then_forgotten() -> None:
    clock = Clock()
    with bound("::1") as sock:
        dropping = Dropping(ReceiveQueue(sock), clock)
        assert list(dropping.check()) == []
        clock.now += 60
        flood(sock, 50)
        assert list(dropping.check()) == [], "a few are nothing: devices ask again"
        flood(sock, 100)
        clock.now += 60
        [symptom] = dropping.check()
        assert symptom.status is Status.DEGRADED
        assert f"{kernel(sock).drops} datagrams were dropped in the last 120 s" in symptom.message
        clock.now += 301
        list(dropping.check())
        clock.now += 301
        assert list(dropping.check()) == []
