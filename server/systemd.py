"""What systemd and its journal expect of a service."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, MutableMapping

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
_PATIENCE = 1.0
"""Seconds that systemd may take to make room for a message."""
_log = logging.getLogger(__name__)


class JournalFormatter(logging.Formatter):
    """Each line with its priority in front (sd-daemon(3)) and no time: the journal has its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of one record, a traceback's included."""
        return marked(super().format(record), record.levelno)


def takes(environment: Mapping[str, str]) -> bool:
    """Whether the journal takes what this process writes."""
    return "JOURNAL_STREAM" in environment


def marked(text: str, level: int) -> str:
    """Each line with its priority in front, by its level in the log."""
    priority = next(number for least, number in _PRIORITIES if level >= least)
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


class Manager:
    """The service manager, which sd_notify(3) tells how the service is. Where there is none, nothing is told.

    Threads: any thread calls `tell`.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Takes $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID out of the environment: they are for this process alone."""
        given = environment.pop("NOTIFY_SOCKET", "")
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        self._address = ("\0" + given[1:] if given.startswith("@") else given) if given[:1] in ("/", "@") else ""
        self._failed = False
        is_ours = pid in ("", str(os.getpid())) and usec.isascii() and usec.isdigit() and int(usec) > 0
        self.watchdog = int(usec) / 1e6 if self._address and is_ours else None
        """Seconds after which systemd takes a service that said nothing for hung; None where it does not watch."""

    @property
    def listens(self) -> bool:
        """Whether anybody is told."""
        return bool(self._address)

    def tell(self, *assignments: str) -> None:
        """Send such lines as `READY=1`, in one message. Failing costs a line in the log, once, and nothing else."""
        if not self._address:
            return
        message = "\n".join(" ".join(line.splitlines()) for line in assignments).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(_PATIENCE)
                sock.sendto(message, self._address)
        except OSError as error:
            if not self._failed:
                _log.warning("systemd cannot be told how the server is (%s): it may take it for hung", error.strerror or error)
            self._failed = True
        else:
            self._failed = False

    def tell_reloading(self) -> None:
        """A reload begins; it ends with READY=1."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
