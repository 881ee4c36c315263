"""Rollouts over the server's HTTP API, as Python calls: functions of a Client. Every failure is an OtaError."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from common.client import Client
from common.rollout import Rollout, RolloutPlan, RolloutState

POLL = 1.0
"""Seconds between two looks."""
_PATH = "/api/v1/rollouts"


def begin(client: Client, plan: RolloutPlan) -> Rollout:
    """Have the server begin it; returns as soon as the first wave is open.

    InvalidRequest where the plan cannot be, ReleaseNotFound, InvalidRelease where devices could not fetch the release,
    NotAllowed, StoreFull where the server cannot record it.
    """
    return client.call(Rollout.from_json, "POST", _PATH, json=plan.to_json())


def all_rollouts(client: Client) -> tuple[Rollout, ...]:
    """Those that the server remembers, the latest first; NotFound where it knows no rollouts."""

    def rollouts(data: Any) -> tuple[Rollout, ...]:
        return tuple(map(Rollout.from_json, data["rollouts"]))

    return client.call(rollouts, "GET", _PATH)


def get(client: Client, rollout_id: str) -> Rollout:
    """How far it is; NotFound if there is none."""
    return client.call(Rollout.from_json, "GET", _of(rollout_id))


def pause(client: Client, rollout_id: str) -> Rollout:
    """Tell no other device for now; NotFound, or InvalidRequest when it is over."""
    return _set(client, rollout_id, RolloutState.PAUSED)


def resume(client: Client, rollout_id: str) -> Rollout:
    """Go on; after a wave with too few accepted devices this opens the next one all the same."""
    return _set(client, rollout_id, RolloutState.RUNNING)


def stop(client: Client, rollout_id: str) -> Rollout:
    """Stop it for good; NotFound, or InvalidRequest when it is over."""
    return _set(client, rollout_id, RolloutState.STOPPED)


def watch(client: Client, rollout: Rollout, ended: threading.Event | None = None, every: float = POLL) -> Iterator[Rollout]:
    """The rollout as it is given, and again each time it changed, until it is over or `ended` is set.

    A paused one is watched on: a person decides. `every` is in seconds.
    """
    ended = ended or threading.Event()
    yield rollout
    while not rollout.over and not ended.wait(every):
        now = get(client, rollout.id)
        if now != rollout:
            rollout = now
            yield now


def _set(client: Client, rollout_id: str, state: RolloutState) -> Rollout:
    return client.call(Rollout.from_json, "POST", _of(rollout_id), json={"state": state.value})


def _of(rollout_id: str) -> str:
    return f"{_PATH}/{quote(rollout_id, safe='')}"
