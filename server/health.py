"""Whether the server does what it is for, in words: the checks that were given, made when somebody asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

FRESH = 0.5
"""Seconds for which what was found is told again without another look."""
PATIENCE = 3.0
"""Seconds that are waited for a look that somebody else has begun: a disk that gives no answer holds one worker, not all."""
_log = logging.getLogger(__name__)


class Status(IntEnum):
    """The worst that was found decides."""

    OK = 0
    DEGRADED = 1
    """Devices get their firmware, and something else does not work, or soon will not."""
    FAILING = 2
    """Devices do not get their firmware, or it is not known."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was found; OK: it is for people to look at, and the server does all it can."""

    status: Status
    message: str
    """A sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was found, worst first."""

    symptoms: tuple[Symptom, ...] = ()

    @property
    def status(self) -> Status:
        """The worst."""
        return max((symptom.status for symptom in self.symptoms), default=Status.OK)

    def to_json(self) -> dict[str, Any]:
        """The JSON shape `health`: `problems` are what makes it not ok, `notes` what people should look at all the same."""
        return {
            "status": self.status.name.lower(),
            "problems": [s.message for s in self.symptoms if s.status is not Status.OK],
            "notes": [s.message for s in self.symptoms if s.status is Status.OK],
        }


Check = Callable[[], Iterable[Symptom]]


class Health:
    """Threads: the web workers call `look`."""

    def __init__(self, checks: Sequence[Check], clock: Callable[[], float], patience: float = PATIENCE) -> None:
        """`clock` counts seconds."""
        self._checks = checks
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._last: tuple[float, Verdict] | None = None

    def look(self) -> Verdict:
        """What is found now, or was found a moment ago."""
        if not self._lock.acquire(timeout=self._patience):
            why = "The server has been looking after itself for seconds without an end: a disk or a file system gives no answer."
            return Verdict((Symptom(Status.FAILING, why),))
        try:
            if self._last is None or self._clock() - self._last[0] >= FRESH:
                found = [symptom for check in self._checks for symptom in _made(check)]
                verdict = Verdict(tuple(sorted(found, key=lambda s: -s.status)))
                self._last = (self._clock(), verdict)
            return self._last[1]
        finally:
            self._lock.release()


def _made(check: Check) -> Iterable[Symptom]:
    """No fault of one check hides what the others find."""
    try:
        return list(check())
    except Exception:
        _log.exception("a check of the server's health failed")
        return [Symptom(Status.FAILING, "The server could not look after itself, which is a fault; its log says more.")]
