"""How much of request bodies lies on the disk."""

from __future__ import annotations

import threading


class Spool:
    """How many bytes of request bodies lie on the disk. Threads: waitress' main loop and its workers."""

    def __init__(self, body_limit: int, total_limit: int) -> None:
        """Bytes: one request's body, and all of them together."""
        self.body_limit = body_limit
        self._total_limit = total_limit
        self._lock = threading.Lock()
        self._held = 0

    def take(self, size: int) -> bool:
        """Reserve `size` bytes; False when the spool is full."""
        with self._lock:
            if self._held + size > self._total_limit:
                return False
            self._held += size
            return True

    def give_back(self, size: int) -> None:
        """`size` bytes are free again."""
        with self._lock:
            self._held -= size

    @property
    def held(self) -> int:
        """Bytes reserved at the moment."""
        return self._held
