"""How often each address may make us ask somebody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

BURST = 8
"""Questions at once: behind a translating router some devices may share an address."""
PAUSE = 10.0
"""Seconds for one question more."""
_MOST = 4096
"""Addresses that are remembered; the longest unheard goes first."""


class Allowance:
    """Counts by address. Not thread-safe: `Registry` locks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Whether it may cause one question now, which is counted then."""
        now = self._clock()
        used, at = self._used.pop(address, (0.0, now))
        used = max(0.0, used - (now - at) / PAUSE)
        fits = used + 1 <= BURST
        self._used[address] = (used + fits, now)
        if len(self._used) > _MOST:
            self._used.popitem(last=False)
        return fits
