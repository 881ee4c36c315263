"""Who is registered, until when, and who goes when there is no room."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from common.device_url import DEFAULT_PATH, DeviceUrl

MOST = 4096
"""Registrations at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration: a value that is replaced when the device registers again."""

    identity: str
    endpoint: str
    sector: str
    url: DeviceUrl
    explicit: bool
    """The device named its address itself."""
    lifetime: int
    """Seconds."""
    ends: float
    """By the directory's clock, in seconds."""
    asked: float
    """When it was looked at last whether the device is there."""
    answered: bool = False
    """It was there."""

    @property
    def base(self) -> DeviceUrl:
        """Its address and port."""
        return base_of(self.url)


def base_of(url: DeviceUrl) -> DeviceUrl:
    """Address and port alone, so that two can be compared."""
    return replace(url, path=DEFAULT_PATH)


class Entries:
    """Finds registrations by id and by endpoint and sector. Not thread-safe: `Registry` locks.

    Each ends after its lifetime. Where there is no room, one goes whose device never answered, else the one that ends
    soonest.
    """

    def __init__(self, clock: Callable[[], float], most: int = MOST) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._most = most
        self._all: dict[str, Entry] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._soonest = math.inf
        """Nothing ends before."""

    def all(self) -> list[Entry]:
        """Those of now."""
        self._expire()
        return list(self._all.values())

    def get(self, identity: str) -> Entry | None:
        """By its id."""
        self._expire()
        return self._all.get(identity)

    def find(self, endpoint: str, sector: str) -> Entry | None:
        """By what names it."""
        self._expire()
        return self._all.get(self._by_key.get((endpoint, sector), ""))

    def put(self, entry: Entry) -> None:
        """Take it in, in place of an earlier one of the same id."""
        self._expire()
        if entry.identity not in self._all and len(self._all) >= self._most:
            self.drop(min(self._all.values(), key=lambda one: (one.answered, one.ends)).identity)
        self._all[entry.identity] = entry
        self._by_key[entry.endpoint, entry.sector] = entry.identity
        self._soonest = min(self._soonest, entry.ends)

    def drop(self, identity: str) -> bool:
        """False when there is none."""
        self._expire()
        entry = self._all.pop(identity, None)
        if entry is not None:
            del self._by_key[entry.endpoint, entry.sector]
        return entry is not None

    def _expire(self) -> None:
        now = self._clock()
        if now < self._soonest:
            return
        for entry in [entry for entry in self._all.values() if entry.ends <= now]:
            del self._all[entry.identity]
            del self._by_key[entry.endpoint, entry.sector]
        self._soonest = min((entry.ends for entry in self._all.values()), default=math.inf)
