"""One device as the fleet knows it, and where it is remembered from one start to the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Protocol

from common.device import Device, Update
from common.device_url import DeviceUrl
from server.fleet.devices.trace import Trace


@dataclass(frozen=True, slots=True)
class Known:
    """One device: a value that is replaced as more is known."""

    address: str
    url: DeviceUrl | None = None
    """Where it takes notifications, numeric. Only a device that has answered there is ever asked for anything."""
    answered: bool = False
    name: str = ""
    group: str = ""
    board: str | None = None
    seen: float | None = None
    """In seconds, as in `Trace`."""
    completed: str | None = None
    trace: Trace | None = None

    def shown(self, unix: Callable[[float], float]) -> Device:
        """For people and programs; `unix` makes Unix times of its times."""
        trace = self.trace
        update = None
        if trace is not None:
            update = Update(trace.publish_id, trace.state, trace.reason, _time(unix(trace.since)), trace.over)
        seen = _time(unix(self.seen)) if self.seen is not None else None
        url = str(self.url) if self.url is not None else None
        return Device(self.address, url, self.name, self.group, self.board, seen, self.completed, update)


class Keeper(Protocol):
    """Where devices are remembered from one start to the next."""

    def load(self) -> Iterable[Known]:
        """All that were kept."""

    def keep(self, device: Known) -> None:
        """Remember it as it is now; returns at once."""

    def forget(self, address: str) -> None:
        """Remember it no more; returns at once."""


def address_of(url: DeviceUrl) -> str:
    """A device's address and zone, as its transfers name it; of a numeric device URL."""
    return f"{url.host}%{url.zone}" if url.zone else url.host


def differs(before: Known, after: Known) -> bool:
    """Whether more changed than that it was heard again, which is so with every block."""
    return _essence(before) != _essence(after)


_KNOWN = attrgetter(*(field.name for field in fields(Known) if field.name not in ("seen", "trace")))
_TRACE = attrgetter(*(field.name for field in fields(Trace) if field.name not in ("heard", "reason", "asked", "ask")))


def _essence(known: Known) -> tuple[object, ...]:
    return _KNOWN(known), _TRACE(known.trace) if known.trace is not None else None


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
