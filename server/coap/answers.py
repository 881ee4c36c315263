"""Answers that were given once, remembered within a bound: for one image, one is a function of the request's options."""

from __future__ import annotations

from server.coap.progress import Code

_OVERHEAD = 200
"""Bytes that an entry costs beside its key and its answer."""
Answer = tuple[Code, bytes]
"""Which block, and the response behind the token."""


class Answers:
    """Two generations: what is asked for again moves into the young one, and the old one is forgotten as a whole.

    So a flood of requests of which each is made once pushes out nothing that is still asked for.
    Threads: the receive loop and the pool. Each step is one operation on a dict; a lost entry is made again.
    """

    def __init__(self, limit: int) -> None:
        """`limit` in bytes, for both generations together."""
        self._limit = limit // 2
        self._old: dict[bytes, Answer] = {}
        self._held = 0
        self._held_old = 0
        self.young: dict[bytes, Answer] = {}
        """Asked first, and directly: a call would cost more than the look."""

    def recall(self, key: bytes) -> Answer | None:
        """An answer of the old generation, which is young again with this."""
        found = self._old.get(key)
        if found is not None:
            self.put(key, found)
        return found

    def put(self, key: bytes, answer: Answer) -> None:
        """Remember it; an answer over the bound is not kept."""
        size = len(key) + len(answer[1]) + _OVERHEAD
        if self._held + size > self._limit:
            self._old, self.young = self.young, {}
            self._held_old, self._held = self._held, 0
        if size <= self._limit:
            self.young[key] = answer
            self._held += size

    @property
    def held(self) -> int:
        """Bytes that both generations take, about."""
        return self._held + self._held_old
