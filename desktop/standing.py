"""How one device stands with the release that it was told of: the server's answer and its verdict, put together.

Only `confirmed` is proven to run the release; all else is how far it came, or why it came no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from common.device import Device, Update, UpdateState
from common.notification import DeviceResult, DeviceState
from common.rollout import Accept, Outcome, RolloutDevice
from common.transfer import Transfer


class End(StrEnum):
    """How it ended, as people read it."""

    CONFIRMED = "confirmed"
    DOWNLOADED = "downloaded, not confirmed"
    FAILED = "failed"
    SILENT = "silent"
    UNREPORTED = "accepted"
    """The server does not say what becomes of devices."""


_UPDATES = {
    UpdateState.CONFIRMED: End.CONFIRMED,
    UpdateState.DOWNLOADED: End.DOWNLOADED,
    UpdateState.FAILED: End.FAILED,
    UpdateState.SILENT: End.SILENT,
}
_OUTCOMES = {
    Outcome.CONFIRMED: End.CONFIRMED,
    Outcome.DOWNLOADED: End.DOWNLOADED,
    Outcome.FAILED: End.FAILED,
    Outcome.SILENT: End.SILENT,
}
_FETCHED = (UpdateState.DOWNLOADED.value, UpdateState.REBOOTED.value)


@dataclass(frozen=True, slots=True)
class Standing:
    """One device and one release, now."""

    url: str
    """The device URL, as the server writes it."""
    name: str
    """What people call it; its device URL where it has no name."""
    state: str
    """How far it is, in a word or two."""
    reason: str = ""
    """A sentence; empty where the state says it all."""
    end: End | None = None
    """None: it is under way."""
    device: Device | None = None
    """What the server knows of it; None before it knows it."""
    transfer: Transfer | None = None
    """What it fetches in this moment."""

    def is_good(self, accept: Accept) -> bool:
        """Whether it is what was waited for. Where downloads count, a finished one does before its verdict, too."""
        if self.end is End.CONFIRMED:
            return True
        return accept is Accept.DOWNLOADED and (self.end is End.DOWNLOADED or (self.end is None and self.state in _FETCHED))

    @property
    def text(self) -> str:
        """`failed: It stopped at 40 %.`"""
        return f"{self.state}: {self.reason}" if self.reason else self.state


def of_result(
    result: DeviceResult, device: Device | None, transfer: Transfer | None, publish_id: str, reported: bool
) -> Standing:
    """Of a device that was notified. `reported`: the server says what becomes of devices.

    `device` is asked for after `result`, so that of one that has answered it is no older than the notification.
    """
    name = device.name if device is not None and device.name else result.device
    now = Standing(result.device, name, result.state.value, device=device)
    update = device.update if device is not None else None
    match result.state:
        case DeviceState.WAITING | DeviceState.UNKNOWN:
            return replace(now, state="waiting")
        case DeviceState.REFUSED:
            code = f" ({result.code})" if result.code else ""
            why = result.message.removeprefix(f"Refused{code}: ")
            return replace(now, state=f"refused{code}", reason=why, end=End.FAILED)
        case DeviceState.CANCELLED:
            return replace(now, reason=result.message, end=End.FAILED)
        case DeviceState.UNREACHABLE if not _came_back(update, publish_id):
            return replace(now, reason=result.message, end=End.SILENT)
    if update is None:
        code = f" ({result.code})" if result.code else ""
        return replace(now, state=f"accepted{code}", end=None if reported else End.UNREPORTED)
    if update.publish_id != publish_id:
        why = f"It has gone on to another release, {update.publish_id}."
        return replace(now, state=End.FAILED.value, reason=why, end=End.FAILED)
    end = _UPDATES.get(update.state) if update.over else None
    return _with(now, update.state.value, update.reason, end, transfer)


def of_rollout(row: RolloutDevice, device: Device | None, transfer: Transfer | None, publish_id: str) -> Standing:
    """Of a device in a rollout, whose outcome is the server's word."""
    name = device.name if device is not None and device.name else row.device
    now = Standing(row.device, name, row.outcome.value, device=device)
    end = _OUTCOMES.get(row.outcome)
    if end is not None:
        return _with(now, row.outcome.value, row.reason, end, None)
    update = device.update if device is not None else None
    if row.told and update is not None and update.publish_id == publish_id:
        return _with(now, update.state.value, "", None, transfer)
    return replace(now, state="told" if row.told else f"waiting for wave {row.wave}")


def distinct(rows: Sequence[Standing]) -> tuple[Standing, ...]:
    """With the device URL beside a name that two devices have."""
    names = Counter(row.name for row in rows)
    return tuple(row if names[row.name] == 1 else replace(row, name=f"{row.name} {row.url}") for row in rows)


def tally(rows: Sequence[Standing]) -> str:
    """`2 confirmed, 1 failed, 1 under way`."""
    counts = Counter(row.end for row in rows)
    parts = [f"{counts[end]} {end}" for end in End if counts[end]]
    return ", ".join(parts + [f"{counts[None]} under way"] * bool(counts[None]))


def _with(now: Standing, state: str, reason: str, end: End | None, transfer: Transfer | None) -> Standing:
    if end is End.DOWNLOADED:
        state, reason = end.value, reason.removeprefix("Downloaded, not confirmed. ")
    return replace(now, state=state, reason=reason, end=end, transfer=transfer if end is None else None)


def _came_back(update: Update | None, publish_id: str) -> bool:
    """An answer may be lost on its way; what the device asked for afterwards says more."""
    if update is None or update.publish_id != publish_id:
        return False
    return update.state not in (UpdateState.NOTIFIED, UpdateState.SILENT)
