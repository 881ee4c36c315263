"""Tells systemd that the server is ready, how it is, and, as long as it really answers, that it is alive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from server.service_thread import ServiceThread
from server.systemd import Manager

_EVERY = 3.0
"""Seconds between two looks at how the server is; systemd is told of changes alone."""
_SHARE = 4
"""How often within the watchdog's time the server is asked."""
_AGAIN = 0.2
"""Seconds until a server that is not ready yet is asked again."""
Check = Callable[[float], str | None]
"""Given the seconds that it may take: None when all is well, else what is wrong, in a sentence."""
_log = logging.getLogger(__name__)


class Supervision:
    """Sends nothing, and has no thread, where nobody listens.

    Threads: owns `systemd`; one owner calls `start`, `end` and `stop`.
    """

    def __init__(
        self, manager: Manager, ready: tuple[Check, ...], alive: tuple[Check, ...], status: Callable[[], str],
        died: Callable[[str], None],
    ) -> None:  # fmt: skip
        """All of `ready` must be well before systemd hears READY=1, and all of `alive` each time before WATCHDOG=1.

        `status`: one line for `systemctl status`. `died` is told when the thread ends by a fault.
        """
        self._manager = manager
        self._ready = ready
        self._alive = alive
        self._status = status
        self._pause = (manager.watchdog or 0) / _SHARE
        self._every = min(_EVERY, self._pause) or _EVERY
        self._stopping = threading.Event()
        self._thread = ServiceThread("systemd", "the thread that tells systemd how the server is", self._run, died)
        self._trouble = ""
        self._since = 0.0

    def start(self) -> None:
        """Begin."""
        if self._manager.listens:
            self._thread.start()

    def end(self) -> None:
        """Say nothing any more: from here on the server may be slow to answer."""
        self._stopping.set()

    def stop(self) -> None:
        """Wait for the thread's end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_well(self._ready):
            self._manager.tell(f"STATUS={self._trouble}")
            if self._stopping.wait(_AGAIN):
                return
        if self._stopping.is_set():
            return
        told = self._status()
        self._manager.tell("READY=1", f"STATUS={told}")
        due = 0.0
        while not self._stopping.is_set():
            is_fed = time.monotonic() >= due and self._manager.watchdog is not None and self._is_well(self._alive)
            if is_fed:
                due = time.monotonic() + self._pause
            status = self._trouble or self._status()
            lines = ["WATCHDOG=1"] * is_fed + [f"STATUS={status}"] * (status != told)
            if lines and not self._stopping.is_set():
                self._manager.tell(*lines)
            told = status
            self._stopping.wait(self._every)

    def _is_well(self, checks: tuple[Check, ...]) -> bool:
        """Asks until one thing is wrong; for each `_every` at most."""
        trouble = next((said for check in checks if (said := check(self._every)) is not None), "")
        if trouble and not self._trouble and not self._stopping.is_set():
            self._since = time.monotonic()
            _log.error("%s Until it does, systemd is not told that the server is alive", trouble)
        elif self._trouble and not trouble:
            _log.info("the server answers again, after %.1f s", time.monotonic() - self._since)
        self._trouble = trouble
        return not trouble
