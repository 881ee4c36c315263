"""A device as the server knows it, and what became of the release that it was told of. The JSON shape `devices`.

`Device.to_json` and `Device.from_json` are inverses; unknown keys are ignored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class UpdateState(StrEnum):
    """How far a device is with a release. Only `confirmed` is proven to run it."""

    NOTIFIED = "notified"
    FETCHING_MANIFEST = "fetching manifest"
    FETCHING_SLOT0 = "fetching slot0"
    FETCHING_SLOT1 = "fetching slot1"
    DOWNLOADED = "downloaded"
    REBOOTED = "rebooted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Update:
    """One device and one release. `reason` is an inference from what the device asked for, and says so."""

    publish_id: str
    state: UpdateState
    reason: str
    """A sentence for a person; empty where the state says it all."""
    since: dt.datetime
    over: bool
    """Nothing more is waited for. Should the device do something all the same, it goes on."""

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of an update."""
        return {
            "publish_id": self.publish_id, "state": self.state.value, "reason": self.reason,
            "since": time_text(self.since), "over": self.over,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Update:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        since = dt.datetime.fromisoformat(data["since"])
        return cls(data["publish_id"], UpdateState(data["state"]), data["reason"], since, bool(data["over"]))


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of one device."""

    device: str
    """Its address without brackets, with the zone where it has one: `fd00::2`, `fe80::2%wpan0`, `10.0.0.7`."""
    url: str | None
    """The device URL at which it takes notifications, as `str(DeviceUrl)` writes it; None before it is known."""
    name: str
    """Given by people; empty at first."""
    group: str
    board: str | None
    """What it says of itself at /riot/board."""
    last_seen: dt.datetime | None
    completed: str | None
    """The release whose image it last downloaded wholly."""
    update: Update | None

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a device."""
        return {
            "device": self.device,
            "url": self.url,
            "name": self.name,
            "group": self.group,
            "board": self.board,
            "last_seen": time_text(self.last_seen) if self.last_seen else None,
            "completed": self.completed,
            "update": self.update.to_json() if self.update else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Device:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        seen = data["last_seen"]
        return cls(
            device=data["device"],
            url=data.get("url"),
            name=data["name"],
            group=data["group"],
            board=data["board"],
            last_seen=dt.datetime.fromisoformat(seen) if seen else None,
            completed=data.get("completed"),
            update=Update.from_json(data["update"]) if data["update"] else None,
        )


def time_text(time: dt.datetime) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
