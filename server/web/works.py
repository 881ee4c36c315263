"""What goes on with many devices at once, as people see it: notifications and rollouts, and what can be done about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.notification import BatchState, DeviceState, Notification
from common.rollout import Outcome, Rollout, RolloutState
from server.web.device_rows import span

_SHOWN = 3
"""Rollouts that are over, too; more are in the history."""


@dataclass(frozen=True, slots=True)
class Act:
    """A button: the state that it asks for."""

    state: str
    word: str
    grave: bool = False
    """It cannot be undone."""


@dataclass(frozen=True, slots=True)
class Work:
    """A notification or a rollout."""

    title: str
    href: str
    """Where there is more to see; "" where there is not."""
    api: str
    """Where its state is set."""
    page: str
    """The same for a form without scripts."""
    publish_id: str
    state: str
    kind: str
    """The state's colour."""
    done: int
    total: int
    text: str
    caution: str
    acts: tuple[Act, ...]


_PAUSE, _RESUME = Act("paused", "Pause"), Act("running", "Resume")
_CANCEL, _STOP = Act("cancelled", "Cancel", grave=True), Act("stopped", "Stop", grave=True)


def of_notifications(found: Iterable[Notification]) -> list[Work]:
    """Those that go on."""
    return [_notification(n) for n in found if n.state in (BatchState.RUNNING, BatchState.PAUSED) and not n.done]


def of_rollouts(found: Iterable[Rollout]) -> list[Work]:
    """Those that go on, and the latest that ended."""
    all_of_them = list(found)
    over = [r.id for r in all_of_them if r.over][:_SHOWN]
    return [_rollout(r) for r in all_of_them if not r.over or r.id in over]


def _notification(found: Notification) -> Work:
    told = sum(r.state not in (DeviceState.WAITING, DeviceState.UNKNOWN) for r in found.results)
    total = len(found.results)
    text = f"{told} of {total} {'device' if total == 1 else 'devices'} answered or given up"
    if found.eta_seconds is not None and found.state is BatchState.RUNNING:
        text += f", about {span(found.eta_seconds)} left"
    running = found.state is BatchState.RUNNING
    return Work(
        "Notifying", f"notifications/{found.id}", f"api/v1/notifications/{found.id}", f"notifications/{found.id}",
        found.publish_id, found.state.value.capitalize(), "move" if running else "warn", told, total, f"{text}.", "",
        (_PAUSE if running else _RESUME, _CANCEL),
    )  # fmt: skip


def _rollout(found: Rollout) -> Work:
    settled = sum(found.count(outcome) for outcome in Outcome if outcome.settled)
    kinds = {RolloutState.RUNNING: "move", RolloutState.PAUSED: "warn", RolloutState.STOPPED: "bad"}
    acts: tuple[Act, ...] = ()
    if not found.over:
        acts = (_PAUSE if found.state is RolloutState.RUNNING else _RESUME, _STOP)
    return Work(
        "Rollout", "", f"api/v1/rollouts/{found.id}", f"rollouts/{found.id}", found.publish_id, found.state.value.capitalize(),
        kinds.get(found.state, "good" if found.succeeded else "warn"), settled, len(found.devices),
        f"{found.summary} {found.reason}".strip(), found.caution, acts,
    )  # fmt: skip
