"""The two sockets that the server listens on: systemd's where it passes them, else its own; held while the parts come and go."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Any, Self

from common.errors import ConfigError
from server.coap import endpoint as coap
from server.settings.config import Config
from server.web.door import listener

_FIRST = 3
"""The descriptor of the first socket that is passed (sd_listen_fds(3))."""
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_WANTED = "The server takes one UDP socket, for devices, and one TCP socket, for the page: see `systemctl cat ota-server.socket`."
_log = logging.getLogger(__name__)


def inherited(environment: MutableMapping[str, str], first: int = _FIRST) -> list[socket.socket]:
    """The sockets that systemd passed to this process, from the descriptor `first` on; none is passed on to others.

    Takes $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES out of the environment. The names are not looked at: the sockets of
    one unit share one. Raises ConfigError for a descriptor that is no socket.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "0")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    found = []
    for number in range(first, first + int(count)):
        try:
            sock = socket.socket(fileno=number)
        except OSError as error:
            raise ConfigError(f"Descriptor {number} was passed as a socket, and is none ({error.strerror}). {_WANTED}") from None
        sock.set_inheritable(False)
        found.append(sock)
    return found


class Sockets:
    """Threads: the main thread makes it, enters and leaves it, and takes sockets of it."""

    def __init__(self, passed: list[socket.socket]) -> None:
        """`passed` by systemd: told apart by their type. Raises ConfigError where they are not one of each at most."""
        self._udp = _Held(coap.open_socket)
        self._tcp = _Held(listener.open_socket)
        for sock in passed:
            held = {socket.SOCK_DGRAM: self._udp, socket.SOCK_STREAM: self._tcp}.get(sock.type)
            if held is None or sock.family not in _FAMILIES:
                raise ConfigError(f"systemd passed a socket that is neither UDP nor TCP. {_WANTED}")
            if held.is_inherited:
                raise ConfigError(f"systemd passed more than one {'UDP' if held is self._udp else 'TCP'} socket. {_WANTED}")
            if held is self._tcp and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ConfigError(f"systemd passed a connection, and not a socket that listens: take out Accept=yes. {_WANTED}")
            held.inherit(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.close()
        self._tcp.close()

    def udp(self, config: Config) -> socket.socket:
        """A copy of the socket for devices, which the taker closes. Raises ConfigError where it cannot be opened."""
        return self._udp.copy(config.coap_bind, config.coap_port)

    def tcp(self, config: Config) -> socket.socket:
        """A copy of the socket for the page, which the taker closes. Raises ConfigError where it cannot be opened."""
        return self._tcp.copy(config.http_host, config.http_port)

    def compare(self, config: Config, given: frozenset[str]) -> None:
        """Warn of a setting, one of those that were `given`, which an inherited socket makes void."""
        for held, who, host, port in (
            (self._udp, "devices", "coap_bind", "coap_port"),
            (self._tcp, "the page", "http_host", "http_port"),
        ):
            wanted_host = str(getattr(config, host)) if host in given else None
            wanted_port = int(getattr(config, port)) if port in given else 0
            if held.is_inherited and held.differs(wanted_host, wanted_port):
                _log.warning(
                    "the socket for %s, which systemd opened, is %s, but the configuration says %s: systemd's is used."
                    " To change it: systemctl edit ota-server.socket",
                    who, shown(held.name), shown((wanted_host or held.name[0], wanted_port or held.name[1])),
                )  # fmt: skip


class _Held:
    """One socket, opened when it is first asked for and kept until it is asked for at another address."""

    def __init__(self, opens: Callable[[str, int], socket.socket]) -> None:
        self._opens = opens
        self._socket: socket.socket | None = None
        self._asked: tuple[str, int] | None = None
        self.is_inherited = False

    def inherit(self, sock: socket.socket) -> None:
        self._socket, self.is_inherited = sock, True

    @property
    def name(self) -> tuple[str, int]:
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def copy(self, host: str, port: int) -> socket.socket:
        if self._socket is None or not (self.is_inherited or self._asked == (host, port)):
            self._socket = self._open(host, port)
            self._asked = (host, port)
        return self._socket.dup()

    def _open(self, host: str, port: int) -> socket.socket:
        if self._socket is None:
            return self._opens(host, port)
        try:
            new = self._opens(host, port)
        except ConfigError:
            if port != self.name[1]:
                raise
            self.close()  # it may be our own that is in the way, as where 127.0.0.1 becomes 0.0.0.0
            return self._opens(host, port)
        self.close()
        return new

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._asked = None

    def differs(self, host: str | None, port: int) -> bool:
        """From an address, None for any, and a port, 0 for any."""
        bound, at = self.name
        if host == "::" and bound == "0.0.0.0":  # all addresses, where the kernel has no IPv6
            host = bound
        return port not in (0, at) or (host is not None and _address(bound) not in _addresses(host))


def shown(name: tuple[Any, ...]) -> str:
    """The address and the port of a socket's name as people write them."""
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{host}:{name[1]}"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host.partition("%")[0])


def _addresses(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        return {_address(str(found[4][0])) for found in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return set()
