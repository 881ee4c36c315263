"""What a server process holds at one time, and how that grows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

_CLOCK = 100.0
"""Ticks a second of /proc/PID/stat."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory and the database in KiB, CPU in percent of a core since the sample before."""

    seconds: float
    rss: float
    threads: float
    files: float
    database: float
    cpu: float


class Sampler:
    """Looks at one process."""

    def __init__(self, pid: int, state: Path) -> None:
        self._process = Path("/proc") / str(pid)
        self._state = state
        self._begin = self._last = time.monotonic()
        self._ticks = self._used()

    def sample(self) -> Sample:
        """Now. Raises OSError when the process is gone."""
        status = dict(line.split(":", 1) for line in (self._process / "status").read_text().splitlines() if ":" in line)
        now, used = time.monotonic(), self._used()
        cpu = 100 * (used - self._ticks) / _CLOCK / max(now - self._last, 0.001)
        self._last, self._ticks = now, used
        return Sample(
            seconds=now - self._begin,
            rss=float(status["VmRSS"].split()[0]),
            threads=float(status["Threads"]),
            files=len(list((self._process / "fd").iterdir())),
            database=sum(p.stat().st_size for p in self._state.glob("fleet.db*")) / 1024,
            cpu=cpu,
        )

    def _used(self) -> int:
        after_name = (self._process / "stat").read_text().rpartition(")")[2].split()
        return int(after_name[11]) + int(after_name[12])


@dataclass(frozen=True, slots=True)
class Growth:
    """How one figure grew over the last two thirds of the time."""

    name: str
    an_hour: float
    """By least squares, in the sample's own unit."""
    over_the_time: float
    """What that makes of the time that was measured."""
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than is allowed."""
        return self.over_the_time <= self.allowed


_ALLOWED = {"rss": 6 * 1024.0, "threads": 1.5, "files": 6.0}
"""In all, over what is measured, not an hour: threads and connections come and go, and what pages are made of leaves holes in
the memory."""


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """Of the figures that must be flat."""
    later = [s for s in samples if s.seconds >= samples[-1].seconds / 3]
    times = [s.seconds for s in later]
    found = []
    for field in fields(Sample):
        if field.name in _ALLOWED:
            slope = statistics.linear_regression(times, [getattr(s, field.name) for s in later]).slope
            found.append(Growth(field.name, slope * 3600, slope * (times[-1] - times[0]), _ALLOWED[field.name]))
    return found
