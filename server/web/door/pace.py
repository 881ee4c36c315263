"""Whether bytes come fast enough for somebody to wait for them."""

from __future__ import annotations


class Pace:
    """At least `least` bytes in each `span` seconds. Threads: one."""

    def __init__(self, least: int, span: float, now: float) -> None:
        """`now`: seconds of any clock, the same in every call."""
        self._least = least
        self._span = span
        self._since = now
        self._came = 0

    def came(self, count: int) -> None:
        """`count` bytes more."""
        self._came += count

    def is_too_slow(self, now: float) -> bool:
        """Whether the span that has just ended brought too little; False within a span."""
        if now - self._since < self._span:
            return False
        slow = self._came < self._least
        self._since, self._came = now, 0
        return slow
