"""A thread that does the same again and again: it looks at the devices, or writes down what goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)


class Pulse:
    """Calls what it is given again and again, in a thread of its own.

    Threads: one owner calls `start` and `stop`.
    """

    def __init__(self, name: str, beats: Sequence[Callable[[], object]], every: float, died: Callable[[str], None]) -> None:
        """`name` is the thread's. `beats` are called in their order, `every` so many seconds; `died` is told the name when one
        of them ends by a fault.
        """
        self._beats = beats
        self._died = died
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

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
            _log.exception("the thread %r died", self._thread.name)
            self._died(self._thread.name)
