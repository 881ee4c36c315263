"""Time that only a test moves."""

from __future__ import annotations

import time


class Clock:
    """Unix time; it begins well after what the test writes."""

    def __init__(self) -> None:
        self.now = time.time() + 1000

    def __call__(self) -> float:
        return self.now
