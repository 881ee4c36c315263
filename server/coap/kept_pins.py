"""Which transfer began with which image, from one server to the next: neither a restart nor a kill mixes two images."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from server import kept_file
from server.coap.pins import EXCHANGE_LIFETIME, Pin, Pins, key_of
from server.coap.progress import Progress
from server.coap.resources import DISCOVERY
from server.coap.source import SIZES, Source

_MAX_BYTES = 64 * 1024 * 1024
_LISTING = f"{DISCOVERY}?"
_FRESH = 60.0
"""Seconds after which transfers that go on are written down again, so that the file says that they do."""
_RATE = 20_000
"""Bytes a second that are written at most, whatever a flood of requests begins."""
_Name = tuple[Source, str, str]
"""Peer, path and image: what makes a transfer another one."""
_log = logging.getLogger(__name__)


class KeptPins:
    """Whatever is odd about the file, it is done without.

    Threads: one at a time calls it; `save_when_due` while devices are answered, the others while none is.
    """

    def __init__(self, path: Path, pins: Pins, since_boot: Callable[[], float]) -> None:
        """`path` is replaced as a whole; `since_boot` gives the seconds since the machine started, when it slept too.

        Not by the clock on the wall, which a board without a battery has wrong until the network puts it right.
        """
        self._path = path
        self._pins = pins
        self._since_boot = since_boot
        self._written: frozenset[_Name] = frozenset()
        self._at = 0.0
        self._next = 0.0
        self._failing = False

    def save_when_due(self) -> None:
        """Save when transfers began or ended since the last time, or go on for long: a server that is killed does not say so."""
        now = self._pins.clock()
        if now < self._next:
            return
        under_way = _named(self._going_on(now))
        if under_way != self._written or (under_way and now - self._at >= _FRESH):
            self.save()

    def save(self) -> None:
        """Write the transfers that may go on; failing costs a line in the log, once, and nothing else."""
        now = self._pins.clock()
        pins = self._going_on(now)
        rows = ",\n".join(self._row(pin, now) for pin in pins)
        text = f'{{"saved": {self._since_boot()}, "transfers": [\n{rows}\n]}}\n'
        self._next = now + len(text) / _RATE
        try:
            kept_file.replace(self._path, (text.encode(),))
        except OSError as error:
            if not self._failing:
                what = "the transfers under way cannot be remembered in %r (%s)"
                _log.warning(what, str(self._path), error.strerror or error)
            self._failing = True
            return
        self._failing = False
        self._at = now
        self._written = _named(pins)

    @staticmethod
    def _row(pin: Pin, now: float) -> str:
        """One by one: all at once would keep the thread that answers devices waiting."""
        row = (pin.source.hex(), pin.path, pin.sha256, pin.progress.size, pin.mid, now - pin.seen, now - pin.began)
        return json.dumps(row)

    def _going_on(self, now: float) -> list[Pin]:
        return [pin for pin in self._pins.all() if now - pin.seen <= EXCHANGE_LIFETIME and not pin.path.startswith(_LISTING)]

    def restore(self) -> None:
        """Take them in. The file stays until the next save, for this server may be killed before it."""
        try:
            data = json.loads(kept_file.read(self._path, _MAX_BYTES))
            passed = self._passed(float(data["saved"]))
            pins = [self._pin(row, passed) for row in data["transfers"]]
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            text = "which transfers were under way is not known from %r (%s): those of a replaced image may have to begin anew"
            _log.warning(text, str(self._path), kept_file.reason(error))
            pins = []
        for pin in sorted(pins, key=lambda pin: pin.seen):
            if self._pins.clock() - pin.seen <= EXCHANGE_LIFETIME:
                self._pins.restore(pin)

    def _passed(self, saved: float) -> float:
        """Seconds since the file was written, at least: the machine may have started anew, and more than once."""
        now = self._since_boot()
        return now - saved if 0.0 <= saved <= now else now

    def _pin(self, row: list[object], passed: float) -> Pin:
        """Raises ValueError or TypeError for anything else than `save` wrote."""
        source, path, sha256, size, mid, silent, age = row
        if not (isinstance(source, str) and isinstance(path, str) and isinstance(sha256, str) and len(sha256) == 64):
            raise ValueError("no transfer")
        if type(size) is not int or size < 0 or not isinstance(mid, int | None):
            raise ValueError("no transfer")
        if not isinstance(silent, int | float) or not isinstance(age, int | float) or silent < 0 or age < 0:
            raise ValueError("no times")
        peer = bytes.fromhex(source)
        if len(peer) not in SIZES.values():
            raise ValueError("no address")
        now = self._pins.clock()
        seen = now - silent - passed
        return Pin(peer, path, sha256, key_of(sha256, path), mid, seen, Progress(size), placed=seen, began=now - age - passed)


def _named(pins: Iterable[Pin]) -> frozenset[_Name]:
    return frozenset((pin.source, pin.path, pin.sha256) for pin in pins)
