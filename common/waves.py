"""In which steps a rollout reaches its devices: `1, 10 %, 50 %, rest`.

One rule: each entry says how many devices have been reached in all once its wave is open, as a number or as a percent of all
devices, rounded up. So `1, 10 %, 50 %, rest` over 50 devices reaches 1, then 5, then 25, then all 50: waves of 1, 4, 20 and 25.
`rest` is every device; it stands at the end, and is there also when it is not written. An entry that reaches nobody new, as
10 % of 5 devices behind 1, makes no wave: every wave has a device.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Self

from common.errors import InvalidRequest

DEFAULT = "1, 10 %, 50 %, rest"
MOST = 50
"""Entries."""
_REST = "rest"
_ENTRY = re.compile(r"(?P<number>\d{1,9})(?P<percent>\s*%)?", re.ASCII)
_FORM = "Write the waves as 1, 10 %, 50 %, rest: how many devices have been reached in all after each."


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: so many devices in all, or so many percent of them."""

    number: int
    percent: bool = False

    def reached(self, count: int) -> int:
        """How many of `count` devices have been reached with it."""
        return min(count, -(-count * self.number // 100) if self.percent else self.number)

    def __str__(self) -> str:
        return f"{self.number} %" if self.percent else str(self.number)


@dataclass(frozen=True, slots=True)
class Waves:
    """The entries before `rest`. `str()` gives the form that parses to the same."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what was typed; InvalidRequest says what is wrong with it and shows the right form."""
        parts = [part.strip().lower() for part in text.split(",")]
        if parts == [""]:
            raise InvalidRequest(f"No wave is named. {_FORM}")
        if len(parts) > MOST:
            raise InvalidRequest(f"{len(parts)} waves are named; at most {MOST} can be. {_FORM}")
        if _REST in parts[:-1]:
            raise InvalidRequest(f"{_REST!r} is every device that is left, so it can only be the last wave. {_FORM}")
        steps = [_step(part) for part in parts if part != _REST]
        for percent in (False, True):
            alike = [step for step in steps if step.percent is percent]
            for before, after in itertools.pairwise(alike):
                if after.number <= before.number:
                    raise InvalidRequest(
                        f"The wave {str(after)!r} follows {str(before)!r} and must be more than it. {_FORM}"
                    )
        return cls(tuple(steps))

    def sizes(self, count: int) -> tuple[int, ...]:
        """How many of `count` devices each wave adds; their sum is `count`, and none is 0."""
        sizes, reached = [], 0
        for target in (*(step.reached(count) for step in self.steps), count):
            if target > reached:
                sizes.append(target - reached)
                reached = target
        return tuple(sizes)

    def __str__(self) -> str:
        return ", ".join([*map(str, self.steps), _REST])


def _step(text: str) -> Step:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"{text!r} is no wave: it is a number of devices, a whole percent of them, or {_REST!r}. {_FORM}")
    step = Step(int(found["number"]), found["percent"] is not None)
    if not step.number:
        raise InvalidRequest(f"{text!r} is no wave: every wave has at least one device. {_FORM}")
    if step.percent and step.number > 100:
        raise InvalidRequest(f"{text!r} is no wave: it is more than all devices. {_FORM}")
    return step
