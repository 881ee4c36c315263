"""Which release a device's requests are about, by what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from common.device import UpdateState
from common.finding import Role
from common.release import Release, ReleaseFile
from common.transfer import Transfer, TransferState
from server.fleet.devices.asking import Seen
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.trace import Trace

_IN_SLOT = {0: Role.SLOT0, 1: Role.SLOT1}


def of_transfer(
    trace: Trace | None, transfer: Transfer, release: Callable[[str], Release | None]
) -> tuple[str, Role] | None:
    """The publish id and the role; None where the file is of no release.

    One file may be of two releases: then it is of the one that the device is at.
    """
    if trace is not None:
        current = release(trace.publish_id)
        same = [file for file in current.files if file.sha256 == transfer.sha256] if current is not None else []
        if same:
            return trace.publish_id, _asked(same, transfer).role
    if transfer.publish_id is None or transfer.role is None:
        return None
    return transfer.publish_id, transfer.role


def _asked(same: list[ReleaseFile], transfer: Transfer) -> ReleaseFile:
    """Both slots may have the same bytes: then the path says which one it is."""
    named = (file for file in same if transfer.path == file.path or transfer.path in file.also_served_at)
    return next(named, next((file for file in same if file.role is transfer.role), same[0]))


def begins_again(trace: Trace, role: Role, transfer: Transfer) -> bool:
    """Whether a device that had the release comes for it once more: what it showed before the first time counts no more."""
    if not trace.over or trace.downloaded is None or role is not Role.MANIFEST:
        return False
    return transfer.state is not TransferState.RESTARTED and transfer.started.timestamp() > trace.heard


def is_early(trace: Trace, asked: float) -> bool:
    """Whether a device that was asked at this time had not all of the image yet."""
    return trace.downloaded is not None and asked <= trace.downloaded


def with_early(trace: Trace, shown: Shown, answered: float) -> Trace:
    """With an early question's answer: from before the download's end it says how it was before, and later on nothing."""
    if trace.downloaded is None or answered >= trace.downloaded or trace.before is not None or trace.over or not shown.answered:
        return trace
    return replace(trace, before=shown)


def unseen(trace: Trace, seen: Seen) -> Trace:
    """As after the download, if what the device shows now proves that it has updated: a server that is killed forgets the
    last second's blocks."""
    shown, before = seen.shown, trace.before
    if trace.over or trace.downloaded is not None or before is None:
        return trace
    role = _IN_SLOT.get(shown.slot) if shown.slot is not None and before.slot is not None else None
    flipped = role is not None and shown.slot != before.slot and trace.role in (None, role)
    if flipped or (shown.version is True and before.version is False):
        return replace(trace, has_manifest=True, role=trace.role or role, downloaded=seen.asked)
    return trace


def resumed(known: Known, now: float) -> Known:
    """As after a time in which nobody looked: whatever the device is waited for, it is given that time from now on."""
    trace = known.trace
    if trace is None or trace.over:
        return known
    accepted = now if trace.state is UpdateState.NOTIFIED or trace.accepted is not None else None
    downloaded = now if trace.downloaded is not None else None
    again = replace(trace, heard=now, accepted=accepted, downloaded=downloaded, old=None, ask=now, unsure=True)
    return replace(known, trace=again)


def moved(known: Known, seconds: float) -> Known:
    """With all its times so much later."""
    if not seconds:
        return known

    def later(time: float | None) -> float | None:
        return None if time is None else time + seconds

    trace = known.trace
    if trace is not None:
        trace = replace(
            trace, since=trace.since + seconds, heard=trace.heard + seconds, accepted=later(trace.accepted),
            downloaded=later(trace.downloaded), old=later(trace.old), ask=later(trace.ask),
        )  # fmt: skip
    return replace(known, seen=later(known.seen), trace=trace)


def manifest_path(publish_id: str, release: Release | None) -> str:
    """Where devices are told that the manifest is."""
    file = release.file(Role.MANIFEST) if release is not None else None
    return file.path if file is not None else f"{publish_id}/{Role.MANIFEST}"
