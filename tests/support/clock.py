"""Time that only a test moves."""

from __future__ import annotations

import time


class Clock:
    """Unix time; it begins well after what the test writes."""

    def __init__(self) -> None:
        self.now = time.time() + 1000

    def __call__(self) -> float:
        return self.now


class SystemClock:
    """Unix time as a system has it whose clock is set now and then; `clock` goes on evenly."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.wrong = 0.0
        """Seconds by which it is ahead."""

    def __call__(self) -> float:
        return self.clock() + self.wrong
