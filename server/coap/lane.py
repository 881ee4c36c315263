"""Work that must not hold up the receive loop: a bounded queue, and the threads that work it off."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Lane:
    """Runs what is submitted, in order. What comes when it is full is dropped, as the network would drop it.

    Threads: owns `<name>-N`; the receive loop submits.
    """

    def __init__(self, name: str, threads: int, bound: int, busy: Callable[[], int] | None = None) -> None:
        """At most `bound` pieces of work wait. `busy` counts what has the right of way: after each piece during which
        the count rose, the thread rests for as long as the piece took, so that computing takes half of one core at most.
        """
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(bound)
        self._busy = busy
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}") for n in range(threads)]
        self.dropped = 0
        """Pieces of work that found no room."""

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the pieces under way, forget the others, wait for the threads."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                self._wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def submit(self, work: Callable[[], None]) -> bool:
        """Have it done soon; False when there is no room, or the lane stops."""
        if self._stopping.is_set():
            return False
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def _wake(self) -> None:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            pass  # nobody sleeps then

    def _run(self) -> None:
        while not self._stopping.is_set():
            work = self._queue.get()
            if work is None or self._stopping.is_set():
                continue
            before, began = self._busy() if self._busy else 0, time.thread_time()
            try:
                work()
            except Exception:
                _log.exception("a CoAP datagram could not be handled")
            if self._busy is not None and self._busy() != before:
                self._stopping.wait(time.thread_time() - began)
