"""Whether this user's server could use the folders and addresses of a configuration: looked at, with nothing made or opened."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from common.errors import ConfigError
from server.settings.config import Config

_READ, _CHANGE = os.R_OK | os.X_OK, os.R_OK | os.W_OK | os.X_OK


def look(config: Config) -> None:
    """Raises ConfigError. Whether an address is there and its port is free shows only when it is opened: a server that runs
    has it, and systemd's socket may stand in for it."""
    _folder(config.firmware_dir.absolute(), _READ, "firmware", "--firmware-dir")
    state = config.state.absolute()
    for folder in (state, state / "spool"):
        _folder(folder, _CHANGE, "state", "--state-dir")
    _address("--coap-bind", config.coap_bind, socket.SOCK_DGRAM)
    _address("--http-host", config.http_host, socket.SOCK_STREAM)


def _folder(path: Path, rights: int, what: str, flag: str) -> None:
    """One that is missing is made by the server, so the folder above it has to allow that."""
    try:
        there = _nearest(path)
        reason = "" if there.is_dir() else f"{str(there)!r} is no folder"
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise ConfigError(f"The {what} folder {str(path)!r} cannot be used: {reason}. Name another one with {flag}.")
    may = "read" if rights == _READ else "read and write"
    if there == path and not os.access(path, rights):
        raise ConfigError(
            f"The {what} folder {str(path)!r} cannot be used: the user {os.geteuid()} may not {may} it."
            f" Name one that the server may {may} with {flag}."
        )
    if there != path and not os.access(there, _CHANGE):
        raise ConfigError(
            f"The {what} folder {str(path)!r} is not there, and the server cannot make it, for it may not write into"
            f" {str(there)!r}. Make it, as the server's user or with its rights, or name another one with {flag}."
        )


def _nearest(path: Path) -> Path:
    """`path`, or the nearest above it that is there, a link that leads nowhere included. Raises OSError."""
    for one in (path, *path.parents):
        try:
            one.stat()
        except (FileNotFoundError, NotADirectoryError):
            if one.is_symlink():
                return one
        else:
            return one
    return path


def _address(flag: str, host: str, kind: socket.SocketKind) -> None:
    try:
        socket.getaddrinfo(host, 0, type=kind, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(f"{flag} is {host!r}, and that is no address: use one that `ip address` lists.") from None
