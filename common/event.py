"""One thing that happened, as the history keeps it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.device import time_text


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, when, and to what."""

    id: int
    """Ascending; never given to another event."""
    time: dt.datetime
    kind: str
    """A stable word for programs."""
    who: str
    """A person's address or name, a device, or `server`."""
    what: str
    """A sentence for a person."""
    publish_id: str | None = None
    device: str | None = None
    """As `Device.device` writes it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is known, as JSON values."""

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of an event."""
        return {
            "id": self.id,
            "time": time_text(self.time),
            "kind": self.kind,
            "who": self.who,
            "what": self.what,
            "publish_id": self.publish_id,
            "device": self.device,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            id=int(data["id"]),
            time=dt.datetime.fromisoformat(data["time"]),
            kind=data["kind"],
            who=data["who"],
            what=data["what"],
            publish_id=data.get("publish_id"),
            device=data.get("device"),
            details=dict(data.get("details") or {}),
        )
