"""The life of the process: it serves until a signal or the death of a part ends it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from server import parts
from server.config import Config

_SWITCH = 0.00005
"""Seconds for which a thread that computes keeps the others waiting, the one that answers devices among them."""
_log = logging.getLogger("server")


class Server:
    """All parts of one server. Threads: the main thread makes and runs it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._stopping = threading.Event()
        self._dead: list[str] = []

    def run(self) -> int:
        """Serve until SIGTERM, Ctrl-C or the death of a part; the exit status: 0, or 1 when a part died."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        sys.setswitchinterval(_SWITCH)
        try:
            with parts.started(self._config, self._stopping, self._died) as page:
                page.run()
        except SystemExit:
            pass  # a signal that came before waitress ran
        _log.info("stopped")
        return 1 if self._dead else 0

    def _stop(self, number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002
        """A signal's handler: waitress' run() ends at SystemExit."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._stopping.set()
        raise SystemExit

    def _died(self, part: str) -> None:
        """A part's thread calls this when it ends by a fault: no half-dead server."""
        self._dead.append(part)
        os.kill(os.getpid(), signal.SIGTERM)
