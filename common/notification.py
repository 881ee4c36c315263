"""Telling devices of a release, and what each of them answered.

"accepted" is what the device said to the notification (RIOT: 2.01). Whether it then updates is another fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class DeviceState(StrEnum):
    """How far one device's notification is."""

    WAITING = "waiting"
    UNKNOWN = "unknown"
    """It was to be told when the server ended; what it does next shows whether it was."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    """It was not told, because a person ended the batch."""


class Nul(StrEnum):
    """Whether a NUL byte ends the payload: RIOT since 2025.01 needs it, others may not like it."""

    AUTO = "auto"
    """Ask the device's .well-known/core first; one that lists /riot/board gets it."""
    YES = "yes"
    NO = "no"


class BatchState(StrEnum):
    """What goes on with all devices of one act of notifying."""

    RUNNING = "running"
    PAUSED = "paused"
    """Those that were told go on; no other is told."""
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """One device's row: `code` is the CoAP code that came back, as "2.01"."""

    device: str
    """The device URL, as `str(DeviceUrl)` writes it."""
    state: DeviceState
    code: str | None
    message: str
    """A sentence for a person."""

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a result."""
        return {"device": self.device, "state": self.state.value, "code": self.code, "message": self.message}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DeviceResult:
        """The inverse of `to_json`. Raises KeyError or ValueError for anything else."""
        return cls(data["device"], DeviceState(data["state"]), data["code"], data["message"])


@dataclass(frozen=True, slots=True)
class Notification:
    """A snapshot of one act of notifying: the rows are in the order in which the devices were given."""

    id: str
    publish_id: str
    results: tuple[DeviceResult, ...]
    state: BatchState = BatchState.RUNNING
    eta_seconds: float | None = None
    """Until the last device has been told and has its files, by how long the others took; None before that is known."""

    @property
    def done(self) -> bool:
        """No device is waiting any more."""
        return all(r.state not in (DeviceState.WAITING, DeviceState.UNKNOWN) for r in self.results)

    @property
    def all_accepted(self) -> bool:
        """Every device said yes."""
        return all(r.state is DeviceState.ACCEPTED for r in self.results)

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a notification."""
        return {
            "id": self.id, "publish_id": self.publish_id, "state": self.state.value, "eta_seconds": self.eta_seconds,
            "results": [r.to_json() for r in self.results],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Notification:
        """The inverse of `to_json`. Raises KeyError or ValueError for anything else."""
        return cls(
            id=data["id"],
            publish_id=data["publish_id"],
            results=tuple(DeviceResult.from_json(r) for r in data["results"]),
            state=BatchState(data.get("state", BatchState.RUNNING)),
            eta_seconds=data.get("eta_seconds"),
        )
