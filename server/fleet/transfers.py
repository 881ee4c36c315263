"""Who fetches what, and how far they are: made of the block path's pins, which know nothing of it.

A device says nothing of its update. What it asks for, and what it asks for no more, is all that there is to see.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from common.finding import Role
from common.transfer import Transfer, TransferState
from server.coap.pins import EXCHANGE_LIFETIME, Pin, Pins
from server.coap.source import device_of
from server.firmware.catalogue import LiveCatalogue
from server.steady import Steady

STALLED = 10.0
"""Seconds without a request."""
_KEEP = 3600.0
"""Seconds that an ended transfer is still told of."""
_MOST_ENDED = 4096
_RATE_OVER = 30.0
"""Seconds over which the rate is taken."""
_UNDER_WAY = (TransferState.RUNNING, TransferState.STALLED)


@dataclass(slots=True, eq=False)
class _Watched:
    """A pin, and what was seen of it."""

    pin: Pin
    device: str
    publish_id: str | None
    role: Role | None
    epoch: float
    """What the steady time was when the pins' clock was 0."""
    samples: deque[tuple[float, int]] = field(default_factory=deque)
    """When it was heard, and how many bytes it had then."""
    taken_over: float | None = None
    """When the device began with the same file anew."""

    def state(self, complete: bool, now: float) -> TransferState:
        silent = now - self.pin.seen
        if complete:
            return TransferState.DONE
        if self.taken_over is not None and self.taken_over >= self.pin.seen:
            return TransferState.RESTARTED
        if silent > EXCHANGE_LIFETIME:
            return TransferState.ABANDONED
        return TransferState.STALLED if silent > STALLED else TransferState.RUNNING

    def rate(self, got: int) -> float | None:
        """Bytes a second, as of when it was heard last."""
        seen = self.pin.seen
        if not self.samples or self.samples[-1][0] < seen:
            self.samples.append((seen, got))
        while len(self.samples) > 2 and seen - self.samples[1][0] >= _RATE_OVER:
            self.samples.popleft()
        since, had = self.samples[0]
        return (got - had) / (seen - since) if seen > since and got > had else None


class Transfers:
    """What devices fetch now, and what they fetched within the last hour.

    Threads: one calls `look` again and again, and reads `over`; any thread calls `all`.
    """

    def __init__(self, pins: Pins, live: LiveCatalogue, steady: Steady) -> None:
        """The pins have a clock of their own."""
        self._pins = pins
        self._live = live
        self._steady = steady
        self._lock = threading.Lock()
        self._watched: dict[Pin, _Watched] = {}
        self._newest: dict[tuple[str, str], _Watched] = {}
        """Device and path -> the transfer that began last."""
        self._said: dict[Pin, Transfer] = {}
        """What `look` told last of each."""
        self._went: list[tuple[Pin, Transfer]] = []
        """Those that are watched no more, and their end, of which `look` has not told yet: `all` meets them, too."""
        self.over: list[Transfer] = []
        """Those of which the last `look` told for the last time, or had nothing more to tell."""
        self._ended: deque[tuple[float, Transfer]] = deque(maxlen=_MOST_ENDED)

    def all(self) -> list[Transfer]:
        """Those under way, and those that ended, the latest begun first; in Unix time."""
        step = dt.timedelta(seconds=self._steady.unix(0.0))
        return [replace(t, started=t.started + step, last_seen=t.last_seen + step) if step else t for t in self.known()]

    def known(self) -> list[Transfer]:
        """The same, as the fleet knows them: in steady time, as `look` tells them."""
        with self._lock:
            now = self._pins.clock()
            self._collect(now)
            watched = [w for w in self._watched.values() if now - w.pin.seen <= _KEEP]
            found = [t for w in watched if (t := self._told(w, now)) is not None]
            found += (t for _, t in self._ended)
        return sorted(found, key=lambda t: t.started, reverse=True)

    @property
    def running(self) -> int:
        """How many go on at the moment."""
        now = self._pins.clock()
        heard = (pin.progress.sent() for pin in self._pins.all() if now - pin.seen <= STALLED)
        return sum(sent is not None and not sent.complete for sent in heard)

    def under_way(self) -> dict[TransferState, int]:
        """How many run and how many are stalled, as of the last look."""
        with self._lock:
            states = Counter(told.state for told in self._said.values())
        return {state: states[state] for state in _UNDER_WAY}

    def look(self) -> list[Transfer]:
        """Those that are otherwise than at the last look, whoever began first among them first."""
        with self._lock:
            now = self._pins.clock()
            self._collect(now)
            changed = []
            for pin, watched in self._watched.items():
                told = self._told(watched, now)
                if told is not None and told != self._said.get(pin):
                    changed.append(told)
                    self._said[pin] = told
            changed += (t for pin, t in self._went if t != self._said.pop(pin, None))
            self.over = [t for _, t in self._went]
            self._went.clear()
        return sorted(changed, key=lambda t: t.started)

    def _collect(self, now: float) -> None:
        """Take in the pins that came, and let go of those that went."""
        there = self._pins.all()
        came: Iterable[Pin] = [p for p in there if p not in self._watched and p.progress.due >= 0]
        went = dict.fromkeys(self._watched.keys() - there)  # where very many end at once, the pins forget the oldest of them
        while self._pins.ended:
            went[self._pins.ended.popleft()] = None
        for pin in sorted({*came, *(p for p in went if p not in self._watched)}, key=lambda p: p.began):
            self._take(pin)
        for pin in went:
            watched = self._watched.pop(pin)
            told = self._told(watched, now)
            key = (watched.device, pin.path)
            if self._newest.get(key) is watched:
                del self._newest[key]
            if told is None:
                continue
            if told.state in _UNDER_WAY:  # it had to make room for others, or the image's bytes had
                told = replace(told, state=TransferState.ABANDONED, bytes_per_second=None, eta_seconds=None)
            self._went.append((pin, told))
            self._keep(told, now)
        while self._ended and now - self._ended[0][0] > _KEEP:
            self._ended.popleft()

    def _keep(self, told: Transfer, now: float) -> None:
        """A device that polls a file is told of once, not once for each time that it had it."""
        if told.state is TransferState.DONE:
            same = [e for e in self._ended if (e[1].device, e[1].path, e[1].state) == (told.device, told.path, told.state)]
            for entry in same:
                self._ended.remove(entry)
        self._ended.append((now, told))

    def _take(self, pin: Pin) -> None:
        catalogue = self._live.current
        image = catalogue.images.get(pin.path)
        origin = catalogue.origin(pin.path) if image is not None and image.sha256 == pin.sha256 else None
        publish_id, role = origin or (None, None)
        watched = _Watched(pin, device_of(pin.source), publish_id, role, self._steady() - self._pins.clock())
        watched.samples.append((pin.began, 0))
        before = self._newest.get((watched.device, pin.path))
        if before is not None:
            before.taken_over = pin.began
        self._watched[pin] = self._newest[watched.device, pin.path] = watched

    def _told(self, watched: _Watched, now: float) -> Transfer | None:
        pin, sent = watched.pin, watched.pin.progress.sent()
        if sent is None:
            return None
        state = watched.state(sent.complete, now)
        rate = watched.rate(sent.bytes)
        moves = state is TransferState.RUNNING and rate is not None
        return Transfer(
            device=watched.device,
            publish_id=watched.publish_id,
            role=watched.role,
            path=pin.path,
            sha256=pin.sha256,
            blocks_done=sent.blocks,
            blocks_total=sent.blocks_total,
            bytes=sent.bytes,
            size=pin.progress.size,
            bytes_per_second=rate if moves or state is TransferState.DONE else None,
            eta_seconds=(pin.progress.size - sent.bytes) / rate if moves and rate else None,
            asked_again=sent.asked_again,
            gaps=sent.gaps,
            state=state,
            started=_time(watched.epoch + pin.began),
            last_seen=_time(watched.epoch + pin.seen),
        )


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(round(seconds, 3), dt.UTC)
