"""A thread that does the same again and again: it looks at the devices, or writes down what goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from server.service_thread import ServiceThread


class Pulse:
    """Calls what it is given again and again, in a thread of its own.

    Threads: one owner calls `start` and `stop`.
    """

    def __init__(self, name: str, beats: Sequence[Callable[[], object]], every: float, died: Callable[[str], None]) -> None:
        """`name` is the thread's. `beats` are called in their order, `every` so many seconds; `died` is told the name when one
        of them ends by a fault.
        """
        self._beats = beats
        self._every = every
        self._stopping = threading.Event()
        self._thread = ServiceThread(name, f"the thread {name!r}", self._run, died)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            for beat in self._beats:
                beat()
