"""One device fetching one file, block by block, as the server saw it. The JSON shape `transfers`.

`Transfer.to_json` and `Transfer.from_json` are inverses; unknown keys are ignored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from common.finding import Role


class TransferState(StrEnum):
    """How a transfer goes on, or how it ended."""

    RUNNING = "running"
    STALLED = "stalled"
    """Nothing was asked for 10 s."""
    DONE = "done"
    """Every block was sent at least once."""
    ABANDONED = "abandoned"
    """Nothing was asked for 247 s (EXCHANGE_LIFETIME: RFC 7252, 4.8.2), and blocks are missing."""
    RESTARTED = "restarted"
    """The device began with this file anew, from block 0; another transfer goes on in its stead."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far one device is with one file."""

    device: str
    """Its address without brackets, with the zone where it has one: `fd00::2`, `fe80::2%wpan0`, `10.0.0.7`."""
    publish_id: str | None
    """The release whose file it is; None where it is of no release any more."""
    role: Role | None
    path: str
    """Without a leading slash, as the device asked for it."""
    sha256: str
    """Of the whole file; lower-case hex."""
    blocks_done: int
    """Different blocks that were sent, counted in the size that was asked for last."""
    blocks_total: int
    bytes: int
    """Of the file, sent at least once."""
    size: int
    """Bytes of the whole file."""
    bytes_per_second: float | None
    """Over the last while; None before it can be told, and where nothing moves."""
    eta_seconds: float | None
    """Until the last block, at that rate."""
    asked_again: int
    """Blocks that were asked for once more: what the radio lost."""
    gaps: int
    """Times that the device went on behind the block that would have been next."""
    state: TransferState
    started: dt.datetime
    last_seen: dt.datetime

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of one transfer."""
        data: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("started", "last_seen"):
            data[name] = data[name].isoformat().replace("+00:00", "Z")
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Transfer:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            device=data["device"],
            publish_id=data["publish_id"],
            role=Role(data["role"]) if data["role"] else None,
            path=data["path"],
            sha256=data["sha256"],
            blocks_done=int(data["blocks_done"]),
            blocks_total=int(data["blocks_total"]),
            bytes=int(data["bytes"]),
            size=int(data["size"]),
            bytes_per_second=_maybe(data["bytes_per_second"]),
            eta_seconds=_maybe(data["eta_seconds"]),
            asked_again=int(data["asked_again"]),
            gaps=int(data["gaps"]),
            state=TransferState(data["state"]),
            started=dt.datetime.fromisoformat(data["started"]),
            last_seen=dt.datetime.fromisoformat(data["last_seen"]),
        )


def _maybe(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
