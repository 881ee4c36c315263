"""The thread that looks at the devices once a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

EVERY = 1.0
"""Seconds."""
_log = logging.getLogger(__name__)


class Pulse:
    """Calls what it is given again and again, in the thread "fleet".

    Threads: one owner calls `start` and `stop`.
    """

    def __init__(self, beats: Sequence[Callable[[], object]], died: Callable[[str], None], every: float = EVERY) -> None:
        """`beats` are called in their order every so many seconds; `died` is told when one of them ends by a fault."""
        self._beats = beats
        self._died = died
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._every):
                for beat in self._beats:
                    beat()
        except Exception:
            _log.exception("the thread that looks at the devices died")
            self._died("fleet")
