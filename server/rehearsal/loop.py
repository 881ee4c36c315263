"""One thread for a hundred devices: their sockets, and a heap of what is due later."""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
from collections.abc import Callable


class Timer:
    """Something due later, until it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """It does not happen any more; of no effect where it has happened."""
        self.action = None


class Loop:
    """Waits for sockets and for time. One thread calls everything, and all that it calls runs in that thread.

    `speed` divides every time that is asked for: at 10, what takes ten seconds takes one. `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float], speed: float = 1.0) -> None:
        self._clock = clock
        self._speed = speed
        self._selector = selectors.DefaultSelector()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all that is due. The sockets are their owners' to close."""
        self._heap.clear()
        self._selector.close()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call it once, so many seconds of the devices' time from now."""
        timer = Timer(action)
        heapq.heappush(self._heap, (self._clock() + seconds / self._speed, next(self._order), timer))
        return timer

    def watch(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call it whenever the socket has something."""
        self._selector.register(sock, selectors.EVENT_READ, ready)

    def forget(self, sock: socket.socket) -> None:
        """Watch it no more."""
        self._selector.unregister(sock)

    def run(self, done: Callable[[], bool]) -> None:
        """Go on until `done()`, which is asked after each step."""
        while not done():
            self.step()

    def step(self, longest: float = 1.0) -> None:
        """Wait for a socket or for the next time, at most `longest` seconds, and do what there is to do."""
        self._drop_cancelled()
        wait = min(longest, self._heap[0][0] - self._clock()) if self._heap else longest
        for key, _ in self._selector.select(max(0.0, wait)):
            # One socket's turn may have closed another's.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        self._do_due()

    def _do_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            if timer.action is not None:
                timer.action()

    def _drop_cancelled(self) -> None:
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
