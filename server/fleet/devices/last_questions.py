"""Who is asked once more before time alone gives the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from server.fleet.devices.asking import Seen
from server.fleet.devices.trace import Trace

_TRIES = 3
"""Over a bad radio one question in fifty stays without an answer."""


@dataclass(frozen=True, slots=True)
class _Last:
    since: float
    """A question that was asked before is none of these: the device may have been busy installing then."""
    left: int
    """How many questions may still stay without an answer."""


class LastQuestions:
    """A server that is killed forgets the blocks of its last second: what it takes for a device that stopped in the middle
    may have updated, and says so when it is asked.

    Threads: those that call `Devices`, one at a time.
    """

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}

    def are_open(self, address: str, trace: Trace, now: float) -> bool:
        """Whether the device, whose time is over, is still to be asked."""
        if trace.downloaded is not None or trace.before is None:
            return False
        last = self._last.get(address)
        if last is None:
            last = self._last[address] = _Last(now, _TRIES if trace.unsure else 1)
        return last.left > 0

    def take(self, seen: Seen) -> None:
        """With an answer there is nothing left to ask."""
        last = self._last.get(seen.address)
        if last is not None and seen.asked >= last.since:
            self._last[seen.address] = replace(last, left=0 if seen.shown.answered else last.left - 1)

    def drop(self, address: str) -> None:
        """It was heard, or is judged, or known no more."""
        self._last.pop(address, None)
