"""The air between a device and the gateway: it loses datagrams, and it takes time."""

from __future__ import annotations

import random
from collections.abc import Callable

from server.rehearsal.loop import Loop


class Radio:
    """One device's radio. The same seed loses the same datagrams of a series."""

    def __init__(self, loop: Loop, chance: random.Random, loss: float = 0.0, delay: float = 0.0) -> None:
        """`loss`: the share that is lost in each direction, 0 to 1. `delay`: seconds in each direction."""
        self._loop = loop
        self._chance = chance
        self._loss = loss
        self._delay = delay
        self.lost = 0

    def carry(self, deliver: Callable[[], None]) -> None:
        """Deliver a datagram, at once or later, or never."""
        if self._loss and self._chance.random() < self._loss:
            self.lost += 1
        elif self._delay:
            self._loop.after(self._delay, deliver)
        else:
            deliver()
