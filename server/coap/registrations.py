"""Who observes what (RFC 7641), within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.coap.datagram import Block
from server.coap.source import Control, Source, host_of
from server.firmware.images import Content

MOST = 4096
"""Observers at once."""
MOST_OF_A_HOST = 256
"""Of one address, whatever its ports and tokens: behind a translating router many devices may share one."""


@dataclass(slots=True, eq=False)
class Observer:
    """One registration."""

    source: Source
    control: Control
    token: bytes
    path: str
    block: Block
    """Of the size that it asked for."""
    asked: bool
    """It asked for blocks."""
    told: str
    """The SHA-256 of what it was told last, or is being told."""
    heard: float
    missing: float | None = None
    """Since when there is nothing at the path."""
    sent: bytes = b""
    """The notification that is not acknowledged yet."""
    content: Content | None = None
    """What that is the first block of."""
    mid: int | None = None
    tries: int = 0
    due: float = 0.0
    pause: float = 0.0
    ends: bool = False
    """The notification under way is the last one."""

    @property
    def key(self) -> tuple[Source, bytes]:
        """What tells registrations apart (RFC 7641, 4.1)."""
        return (self.source, self.token)


class Registrations:
    """Finds an observer by its token and by the message id of its notification. Not thread-safe: `Observers` locks.

    Where there is no room, the oldest one of the same address goes, or who never acknowledged a notification.
    """

    def __init__(self) -> None:
        self._all: dict[tuple[Source, bytes], Observer] = {}
        self._unproven: dict[tuple[Source, bytes], None] = {}
        self._of_host: dict[bytes, dict[tuple[Source, bytes], None]] = {}
        self._by_mid: dict[tuple[Source, int], Observer] = {}

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Observer]:
        """Those of now."""
        return list(self._all.values())

    def get(self, key: tuple[Source, bytes]) -> Observer | None:
        """By source and token."""
        return self._all.get(key)

    def waits_for(self, source: Source, mid: int) -> Observer | None:
        """The one whose notification has this message id."""
        return self._by_mid.get((source, mid))

    def add(self, observer: Observer) -> bool:
        """Take it in, in place of an earlier one of the same key; False when there is no room."""
        before = self._all.get(observer.key)
        proven = before is not None and observer.key not in self._unproven
        if before is not None:
            self.drop(before)
        of_host = self._of_host.get(host_of(observer.source), {})
        if len(of_host) >= MOST_OF_A_HOST:
            self.drop(self._all[next(iter(of_host))])
        elif len(self._all) >= MOST:
            oldest = next(iter(self._unproven), None)
            if oldest is None:
                return False
            self.drop(self._all[oldest])
        self._all[observer.key] = observer
        self._of_host.setdefault(host_of(observer.source), {})[observer.key] = None
        if not proven:
            self._unproven[observer.key] = None
        return True

    def is_told(self, observer: Observer, free: Callable[[], int]) -> int:
        """A message id for its next notification, from `free`, that none of this source's has."""
        self._forget_mid(observer)
        mid = free() & 0xFFFF
        while (observer.source, mid) in self._by_mid:
            mid = free() & 0xFFFF
        self._by_mid[observer.source, mid] = observer
        observer.mid = mid
        return mid

    def acknowledged(self, observer: Observer) -> None:
        """It is there."""
        self._forget_mid(observer)
        self._unproven.pop(observer.key, None)
        observer.sent, observer.content = b"", None

    def drop(self, observer: Observer) -> None:
        """It is none any more; a second time does nothing."""
        self._forget_mid(observer)
        observer.sent, observer.content = b"", None
        if self._all.get(observer.key) is not observer:
            return
        del self._all[observer.key]
        self._unproven.pop(observer.key, None)
        of_host = self._of_host[host_of(observer.source)]
        del of_host[observer.key]
        if not of_host:
            del self._of_host[host_of(observer.source)]

    def _forget_mid(self, observer: Observer) -> None:
        if observer.mid is not None:
            self._by_mid.pop((observer.source, observer.mid), None)
            observer.mid = None
