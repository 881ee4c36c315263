"""What a device's traces prove of its update: a pure state machine of facts.

A RIOT device reports nothing. That it runs a release is known only by proof: the active slot was asked before and after and
has flipped, or a version resource shows the release. All else is inference, and its sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.device import UpdateState
from common.finding import Role
from common.notification import DeviceState
from common.transfer import TransferState
from server.fleet.devices.facts import Fact, Fetch, Missed, Shown, Told
from server.fleet.devices.trace import FETCHING, Trace

_SLOTS = {Role.SLOT0: 0, Role.SLOT1: 1}
_REJECTED = "likely the signature, the sequence number, the class or the offset."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a device is given, in seconds."""

    proof: float = 600.0
    """To show that it runs the release, once it has it."""

    @property
    def begin(self) -> float:
        """To ask for the manifest that it was told of. RIOT does so within milliseconds, and asks again for 80 s."""
        return self.proof * 0.15

    @property
    def verify(self) -> float:
        """To look at the manifest's signature and to ask for an image; and between two answers that say the same."""
        return self.proof * 0.1

    @property
    def stall(self) -> float:
        """To ask for the next block. RIOT gives up after 80 s without an answer."""
        return self.proof * 0.2

    def pause(self, asked: int) -> float:
        """Before a device is asked again which slot is active."""
        return float(min(self.proof / 120 * 2**asked, self.proof / 10))


def begin(publish_id: str, now: float) -> Trace:
    """A device that was told of a release, or asked for it by itself."""
    return Trace(publish_id, UpdateState.NOTIFIED, since=now, heard=now)


def judge(trace: Trace, fact: Fact, now: float, patience: Patience) -> Trace:
    """What is known with this fact, too; the same trace where it changes nothing."""
    match fact:
        case Told():
            return _told(trace, fact, now)
        case Fetch():
            return _fetched(trace, fact, now, patience)
        case Missed():
            return _missed(trace, fact, now)
        case Shown():
            return _shown(trace, fact, now, patience)
    return _waited(trace, now, patience)


def next_look(trace: Trace, patience: Patience) -> float:
    """When time alone changes something; infinity: never."""
    if trace.over:
        return float("inf")
    if trace.downloaded is not None:
        return trace.downloaded + patience.proof
    if trace.state is UpdateState.NOTIFIED:
        return float("inf") if trace.accepted is None else trace.accepted + patience.begin
    if trace.has_manifest and trace.role is None:
        return trace.heard + patience.verify
    return trace.heard + patience.stall


def _to(trace: Trace, state: UpdateState, now: float, reason: str = "", *, over: bool = False) -> Trace:
    since = trace.since if state is trace.state else now
    return replace(trace, state=state, since=since, reason=reason, over=over)


def _told(trace: Trace, told: Told, now: float) -> Trace:
    trace = replace(trace, accepted=now)
    if trace.state is not UpdateState.NOTIFIED:
        return trace  # its own requests say more, and may come before the answer
    match told.state:
        case DeviceState.REFUSED:
            return _to(trace, UpdateState.FAILED, now, f"It did not take the notification. {told.message}", over=True)
        case DeviceState.UNREACHABLE:
            return _to(trace, UpdateState.SILENT, now, told.message, over=True)
    return trace


def _fetched(trace: Trace, fetch: Fetch, now: float, patience: Patience) -> Trace:
    if fetch.state is TransferState.RESTARTED or fetch.seen < trace.heard:
        return trace  # something later is known
    done, news = fetch.state is TransferState.DONE, fetch.seen > trace.heard
    if done and trace.downloaded is not None and fetch.role is trace.role:
        return replace(trace, heard=fetch.seen)  # the last block, asked for again
    if not news and not done and trace.over:
        return trace
    if fetch.role is Role.MANIFEST:
        if trace.role is not None and not news:
            return trace
        trace = replace(trace, has_manifest=done, role=None)
    else:
        trace = replace(trace, has_manifest=True, role=fetch.role)
    trace = replace(trace, heard=fetch.seen, downloaded=None, ask=None, unsure=trace.unsure and not news)
    state = FETCHING[fetch.role]
    match fetch.state:
        case TransferState.DONE if fetch.role is not Role.MANIFEST:
            ask = now + patience.pause(0)
            whole = replace(trace, downloaded=fetch.seen, asked=0, ask=ask, vanished=False, old=None)
            return _to(whole, UpdateState.DOWNLOADED, now)
        case TransferState.STALLED:
            return _to(trace, state, now, f"Nothing was asked for lately, at {fetch.percent} %.")
        case TransferState.ABANDONED:
            return _stopped(trace, now, f"at {fetch.percent} %")
    return _to(trace, state, now)


def _missed(trace: Trace, missed: Missed, now: float) -> Trace:
    if trace.over or trace.role is not None:
        return trace
    if not trace.has_manifest and missed.path.startswith(missed.manifest_path):
        why = f"It asked for {missed.path!r}, the manifest's path with something behind it: notify it with a final NUL byte."
    elif trace.has_manifest:
        why = f"It has the manifest and asked for {missed.path!r}, which is not served: likely the manifest's URI is another one."
    else:
        why = f"It asked for {missed.path!r}, which is not served."
    return _to(replace(trace, heard=now), UpdateState.FAILED, now, why, over=True)


def _shown(trace: Trace, shown: Shown, now: float, patience: Patience) -> Trace:
    if trace.over:
        return trace
    if trace.downloaded is None:
        if trace.role is not None and _flipped(trace, shown):  # its last blocks came from a server that ended then
            return _confirmed(trace, shown, now)
        return replace(trace, before=shown) if shown.answered and trace.before is None else trace
    asked = trace.asked + 1
    trace = replace(trace, asked=asked, ask=now + patience.pause(asked))
    if not shown.answered:
        return replace(trace, vanished=True, old=None)
    before = trace.before or Shown(answered=False)
    if shown.version or _flipped(trace, shown):
        return _confirmed(trace, shown, now)
    if not shown.provable:
        return _unproven(trace, now, "The device has no resource that could prove it.")
    if shown.version is None and before.slot is None:
        return _unproven(trace, now, "Which slot was active before is not known.")
    if not trace.vanished:
        return _to(trace, UpdateState.DOWNLOADED, now, "The old slot is still active; the device is asked again.")
    old = now if trace.old is None else trace.old
    if now - old >= patience.verify:
        return _old_slot(trace, now, "It was away, and came back with the old slot active")
    return _to(replace(trace, old=old), UpdateState.REBOOTED, now, "The old slot is still active; the device is asked again.")


def _flipped(trace: Trace, shown: Shown) -> bool:
    """Whether the slot is active now that it fetched an image for, and was not before."""
    before = trace.before.slot if trace.before is not None else None
    return before is not None and shown.slot != before and shown.slot == _SLOTS.get(trace.role or Role.MANIFEST)


def _confirmed(trace: Trace, shown: Shown, now: float) -> Trace:
    proof = "Its version resource shows the release." if shown.version else f"Slot {shown.slot} is active now."
    return _to(replace(trace, ask=None), UpdateState.CONFIRMED, now, proof, over=True)


def _waited(trace: Trace, now: float, patience: Patience) -> Trace:
    if now < next_look(trace, patience):
        return trace
    if trace.downloaded is not None:
        if not trace.asked:
            return _unproven(trace, now, "The device could not be asked which slot is active.")
        if trace.vanished and trace.old is None:
            why = "It has all blocks, and gave no answer since."
            return _to(replace(trace, ask=None), UpdateState.SILENT, now, why, over=True)
        return _old_slot(trace, now, "It has all blocks, and the old slot is still active")
    if trace.state is UpdateState.NOTIFIED:
        why = f"It took the notification, and asked for nothing{_since_start(trace)}."
        return _to(trace, UpdateState.SILENT, now, why, over=True)
    if trace.has_manifest and trace.role is None:
        why = f"It has the manifest and asked for no image{_since_start(trace)}: " + _REJECTED
        return _to(trace, UpdateState.FAILED, now, why, over=True)
    return _stopped(trace, now, "in the middle")


def _stopped(trace: Trace, now: float, where: str) -> Trace:
    what = "the image" if trace.role is not None else "the manifest"
    known = f"It stopped {where} of {what}"
    if trace.unsure:
        known = f"It was {where} of {what}, and asked for nothing{_since_start(trace)}"
    return _to(trace, UpdateState.FAILED, now, f"{known}: likely the radio or the power.", over=True)


def _since_start(trace: Trace) -> str:
    return " since the server was started again" if trace.unsure else ""


def _old_slot(trace: Trace, now: float, what: str) -> Trace:
    return _to(replace(trace, ask=None), UpdateState.FAILED, now, f"{what}: likely the image's digest or header.", over=True)


def _unproven(trace: Trace, now: float, why: str) -> Trace:
    return _to(replace(trace, ask=None), UpdateState.DOWNLOADED, now, f"Downloaded, not confirmed. {why}", over=True)
