"""How many blocks and errors went out, by response code: counted off the fast path, read by whoever asks."""

from __future__ import annotations

import threading
from collections import Counter

from server.coap.datagram import dotted


class Tally:
    """Threads: the receive loop and the lanes call `add`, any thread reads `counts`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()

    def add(self, code: int) -> None:
        """One more answer with this code, as the byte of the header."""
        with self._lock:
            self._counts[code] += 1

    def counts(self) -> dict[str, int]:
        """By code as people write it, "4.04"."""
        with self._lock:
            found = dict(self._counts)
        return {dotted(code): count for code, count in sorted(found.items())}
