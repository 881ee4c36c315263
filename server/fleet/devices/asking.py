"""Asks devices beside everything else what they show of themselves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from common.device_url import DeviceUrl
from common.release import Release
from server.fleet.crew import Hands
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.prober import Prober

_TRIES = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one device showed."""

    address: str
    shown: Shown
    board: str | None
    asked: float
    """Seconds, by the clock that the device is judged by."""
    answered: float
    """The same: then it was known what it showed, or that it gave no answer."""


class Asking:
    """Each device is asked once at a time, and is being asked until its answer is taken.

    Threads: any; the pool's threads wait for the devices.
    """

    def __init__(
        self, prober: Prober, pool: Hands, release: Callable[[str], Release | None], clock: Callable[[], float]
    ) -> None:
        """`release` gives a release by its publish id; `clock` counts seconds."""
        self._prober = prober
        self._pool = pool
        self._release = release
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._seen: list[Seen] = []

    def __contains__(self, address: object) -> bool:
        """Whether its answer is still to come or to be taken."""
        with self._lock:
            return address in self._asked

    def ask(self, known: Known) -> None:
        """Only one that has answered before is asked."""
        if not known.answered or known.url is None:
            return
        with self._lock:
            if known.address in self._asked:
                return
            self._asked.add(known.address)
        self._pool.submit(self._probe, known)

    def before(self, device: DeviceUrl, publish_id: str, listing: bytes) -> Shown | None:
        """As `server.fleet.notifying.teller.Witness` has it; waits for the device."""
        if not self._prober.is_of_use(listing):
            return None
        release = self._release(publish_id)
        for _ in range(_TRIES):
            shown = self._prober.show(device, release)
            if shown.answered:
                return shown
        return None

    def take(self) -> list[Seen]:
        """What they showed since the last call."""
        with self._lock:
            seen, self._seen = self._seen, []
            self._asked.difference_update(one.address for one in seen)
        return seen

    def _probe(self, known: Known) -> None:
        try:
            assert known.url is not None
            release = self._release(known.trace.publish_id) if known.trace is not None else None
            asked = self._clock()
            shown = self._prober.show(known.url, release)
            answered = self._clock()
            board = self._prober.board(known.url) if shown.answered and known.board is None else None
            with self._lock:
                self._seen.append(Seen(known.address, shown, board, asked, answered))
        except Exception:
            _log.exception("asking %s failed", known.address)
            with self._lock:
                self._asked.discard(known.address)
