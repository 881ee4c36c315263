"""What a rollout does next: a pure function of how far its devices are, with the reason as a sentence.

Nothing here tells anybody anything. `decide` names one step, `carried_out` is the rollout after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from common.rollout import Outcome, Rollout, RolloutState, Wave, WaveState, named


class Act(Enum):
    """One step."""

    OPEN = auto()
    """The devices of the next wave are told."""
    PAUSE = auto()
    STOP = auto()
    FINISH = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """A step and why it is taken."""

    act: Act
    reason: str
    wave: int
    """The wave that it is about, from 1 on; 0 before there is any."""


def decide(rollout: Rollout) -> Decision | None:
    """The next step, or None while there is something to wait for, or a person has to decide."""
    if rollout.over:
        return None
    now = rollout.opened
    failures = rollout.count(Outcome.FAILED)
    if failures >= rollout.stop_after:
        bad = named(row for row in rollout.devices if row.outcome is Outcome.FAILED)
        why = f"Stopped in {_wave(rollout, now)}: {_count(failures, 'failure')} (stops after {rollout.stop_after}): {bad}."
        return Decision(Act.STOP, why, now)
    if rollout.state is RolloutState.PAUSED:
        return None
    if not now:
        return Decision(Act.OPEN, f"{_opens(rollout, 1)}: the rollout begins.", 1)
    return _after(rollout, now)


def carried_out(rollout: Rollout, decision: Decision, notification: str | None = None) -> Rollout:
    """The rollout after the step; `notification` tells the devices of a wave that opens."""
    rollout = replace(rollout, reason=decision.reason)
    now = rollout.opened
    match decision.act:
        case Act.OPEN:
            if now and rollout.waves[now - 1].state is WaveState.OPEN:
                rollout = _ended(rollout, now, WaveState.PASSED)
            return rollout.with_wave(decision.wave, Wave(WaveState.OPEN, notification))
        case Act.PAUSE:
            return replace(_ended(rollout, now, WaveState.FAILED), state=RolloutState.PAUSED)
        case Act.STOP:
            return stopped(rollout, decision.reason)
    passed = rollout.accepted(now) >= rollout.needed(now)
    return replace(_ended(rollout, now, WaveState.PASSED if passed else WaveState.FAILED), state=RolloutState.DONE)


def stopped(rollout: Rollout, reason: str) -> Rollout:
    """For good."""
    now = rollout.opened
    if now and rollout.waves[now - 1].state is WaveState.OPEN:
        rollout = _ended(rollout, now, WaveState.FAILED)
    return replace(rollout, state=RolloutState.STOPPED, reason=reason)


def _after(rollout: Rollout, now: int) -> Decision | None:
    """What follows the open wave, or one that a person let go on."""
    accepted, needed = rollout.accepted(now), rollout.needed(now)
    rows = rollout.of_wave(now)
    of_all = f"{accepted} of {_count(len(rows), 'device')} in wave {now} {_verb(rollout, now)} (needed: {needed})"
    is_last = now == len(rollout.waves)
    if is_last:
        return _finish(rollout) if all(row.outcome.settled for row in rollout.devices) else None
    if rollout.waves[now - 1].state is WaveState.FAILED:
        why = f"{_opens(rollout, now + 1)}, although only {of_all}: a person let it go on."
        return Decision(Act.OPEN, why, now + 1)
    if accepted >= needed:
        return Decision(Act.OPEN, f"{_opens(rollout, now + 1)}: {of_all}.", now + 1)
    if all(row.outcome.settled for row in rows):
        missing = named(row for row in rows if not rollout.accepts(row.outcome))
        why = f"Paused after {_wave(rollout, now)}: only {of_all}. Not so: {missing}."
        if not rollout.caution and any(row.outcome is Outcome.DOWNLOADED for row in rows):
            why += " Where devices can prove nothing, a rollout can accept downloads; that is weaker."
        return Decision(Act.PAUSE, f"{why} A person decides: going on opens {_wave(rollout, now + 1)}.", now)
    return None


def _finish(rollout: Rollout) -> Decision:
    good = [row for row in rollout.devices if rollout.accepts(row.outcome)]
    confirmed, total = rollout.count(Outcome.CONFIRMED), len(rollout.devices)
    unproven = len(good) - confirmed
    why = f"Done: {confirmed} of {_count(total, 'device')} confirmed"
    if unproven:
        why += f", {unproven} only downloaded, without a proof"
    bad = named(row for row in rollout.devices if not rollout.accepts(row.outcome))
    return Decision(Act.FINISH, f"{why}. Not so: {bad}." if bad else f"{why}.", len(rollout.waves))


def _ended(rollout: Rollout, number: int, state: WaveState) -> Rollout:
    return rollout.with_wave(number, replace(rollout.waves[number - 1], state=state))


def _opens(rollout: Rollout, number: int) -> str:
    return f"{_wave(rollout, number).capitalize()} opens with {_count(len(rollout.of_wave(number)), 'device')}"


def _wave(rollout: Rollout, number: int) -> str:
    return f"wave {number} of {len(rollout.waves)}"


def _verb(rollout: Rollout, number: int) -> str:
    unproven = rollout.count(Outcome.DOWNLOADED, number) if rollout.caution else 0
    if not unproven:
        return "confirmed"
    return f"confirmed or downloaded ({unproven} without a proof)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
