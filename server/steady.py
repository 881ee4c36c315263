"""Unix time that never steps: whatever is judged by how long ago something was, is judged by this.

Many a gateway has no clock that runs on without power. It starts with a time that is minutes or years wrong, and NTP puts
that right in one step, at any time later on. By the system's clock all devices would have been silent for as long, their
updates would have failed, and a history of months would be too old; after a step back nothing would be due any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_SLACK = 1.0
"""Seconds: less is no step that anybody would see."""
_log = logging.getLogger(__name__)


class Steady:
    """What Unix time was at the start, and the seconds that went by since then.

    What is shown to people, and what is kept until the next start, goes through `unix`. Threads: one calls `beat`, any the rest.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """`wall` gives Unix time as the system has it, `monotonic` counts seconds."""
        self.wall = wall
        self._monotonic = monotonic
        self._since = monotonic()
        self._begin = wall() - self._since
        self._step = 0.0

    def __call__(self) -> float:
        """Seconds; only to be compared with others of the same start."""
        return self._begin + self._monotonic()

    def unix(self, seconds: float) -> float:
        """The Unix time of then, as far as the system knows now."""
        return seconds + self._step

    @property
    def agreed(self) -> float:
        """Seconds for which the system's clock was not set."""
        return self._monotonic() - self._since

    def beat(self) -> None:
        """Take over that the system's clock was set; to be called again and again."""
        step = round(self.wall() - self(), 3)
        if abs(step - self._step) > _SLACK:
            _log.info("the system's clock was set by %+.0f s; nothing is judged by that", step - self._step)
            self._step, self._since = step, self._monotonic()
