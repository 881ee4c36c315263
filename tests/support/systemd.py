"""What systemd is to a service: it holds its sockets, passes them on, and listens to what it says."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.server import Server
from tests.waiting import wait_until

_PASS = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 50) for number in sys.argv[1].split(",")]
for number, descriptor in enumerate(high, 3):
    os.dup2(descriptor, number)
    os.close(descriptor)
names = ":".join(["ota-server.socket"] * len(high))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Listener:
    """A notify socket, below a path or, with `@`, abstract; `messages` is what was told so far.

    Threads: its own one empties the socket, for the kernel keeps ten messages; whoever tells more gives up after a second.
    """

    def __init__(self, address: Path | str) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)
        self._socket.setblocking(False)
        self._messages: list[str] = []
        self._lock = threading.Lock()
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.close()
        self._thread.join()
        self._ended.close()
        self._socket.close()

    def _run(self) -> None:
        while self._ended not in select.select([self._socket, self._ended], [], [])[0]:
            self._empty()

    def _empty(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while True:
                self._messages.append(self._socket.recv(65536).decode())

    @property
    def messages(self) -> list[str]:
        """All so far."""
        self._empty()
        with self._lock:
            return list(self._messages)

    @property
    def lines(self) -> list[str]:
        """All lines of all messages so far."""
        return [line for message in self.messages for line in message.splitlines()]

    def count(self, line: str) -> int:
        """How often it was told."""
        return self.lines.count(line)

    def wait_for(self, line: str, times: int = 1) -> None:
        """Wait until it was told so often in all."""
        wait_until(lambda: self.count(line) >= times, 120, f"{line} from the server, which said {self.lines}")


@contextlib.contextmanager
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """UDP and TCP, as a .socket unit opens them, on ports that were free."""
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        udp.bind(("::", 0))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(1024)
        yield udp, tcp


def activated(
    folder: Path,
    state: Path,
    passed: tuple[socket.socket, ...],
    *flags: str,
    environment: dict[str, str] | None = None,
    prefix: tuple[str, ...] = (),
) -> Server:
    """A server, not started yet, that is given these sockets from descriptor 3 on; `prefix` is a command that runs it."""
    numbers = [sock.fileno() for sock in passed]
    command = [*prefix, sys.executable, "-c", _PASS, ",".join(map(str, numbers))]
    return Server(folder, state, flags, command, environment, numbers)
