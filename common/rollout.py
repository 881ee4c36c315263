"""A release that goes to many devices in waves, and what became of each. The JSON shape `rollout`.

`Rollout.to_json` and `Rollout.from_json` are inverses; unknown keys are ignored, and so are the sums that can be counted again.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from common.device import time_text
from common.waves import DEFAULT

WEAKER = (
    "A finished download is enough to open the next wave, without any proof that the device runs the release:"
    " this is weaker than confirmed."
)
"""What every screen says of a rollout that accepts downloads."""


class RolloutState(StrEnum):
    """What goes on with it as a whole."""

    RUNNING = "running"
    PAUSED = "paused"
    """No other device is told until a person decides; those that were told go on."""
    STOPPED = "stopped"
    """No other device is ever told; those that were told go on."""
    DONE = "done"
    """All devices were told and nothing more is waited for; `succeeded` says whether it went well."""


class WaveState(StrEnum):
    """How far one wave is."""

    WAITING = "waiting"
    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


class Outcome(StrEnum):
    """What is known of one device and the rollout's release."""

    PENDING = "pending"
    """Not told yet, or on its way."""
    UNKNOWN = "unknown"
    """It was to be told when the server ended; what it does next shows whether it was."""
    CONFIRMED = "confirmed"
    DOWNLOADED = "downloaded"
    """It has all of it, and cannot prove that it runs it."""
    FAILED = "failed"
    SILENT = "silent"
    """It did not answer, or went on to say nothing: not confirmed, and no failure either."""

    @property
    def settled(self) -> bool:
        """Nothing more is waited for."""
        return self not in (Outcome.PENDING, Outcome.UNKNOWN)


class Accept(StrEnum):
    """What of a device counts towards the share that opens the next wave."""

    CONFIRMED = "confirmed"
    DOWNLOADED = "downloaded"
    """Where no device can prove anything: weaker, and every screen says so."""


@dataclass(frozen=True, slots=True)
class RolloutDevice:
    """One device's row."""

    device: str
    """The device URL, as `str(DeviceUrl)` writes it."""
    wave: int
    """From 1 on."""
    outcome: Outcome = Outcome.PENDING
    told: bool = False
    """It was told of the release in this rollout, or may have been."""
    reason: str = ""
    """A sentence, or how far it is."""

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a row."""
        return {
            "device": self.device, "wave": self.wave, "outcome": self.outcome.value, "told": self.told, "reason": self.reason,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RolloutDevice:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(data["device"], int(data["wave"]), Outcome(data["outcome"]), bool(data["told"]), data["reason"])


@dataclass(frozen=True, slots=True)
class Wave:
    """Devices that are told together."""

    state: WaveState = WaveState.WAITING
    notification: str | None = None
    """The batch that tells them; None before it was opened, and where nobody had to be told."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Wave:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(WaveState(data["state"]), data["notification"])


@dataclass(frozen=True, slots=True)
class Rollout:
    """A snapshot of one rollout; `devices` are in the order in which they are told."""

    id: str
    publish_id: str
    state: RolloutState
    reason: str
    """Why it is in this state, as a sentence."""
    accept: Accept
    share: float
    """Of a wave's devices, above 0 and at most 1: as soon as so many are accepted, the next one opens."""
    stop_after: int
    """So many failures, in all waves together, stop it."""
    started: dt.datetime
    who: str
    """Who began it."""
    waves: tuple[Wave, ...]
    devices: tuple[RolloutDevice, ...]

    @property
    def caution(self) -> str:
        """What every screen says of it beside its state; empty where there is nothing to say."""
        return WEAKER if self.accept is Accept.DOWNLOADED else ""

    @property
    def opened(self) -> int:
        """The number of the latest wave that was opened, from 1 on; 0: none yet."""
        return sum(wave.state is not WaveState.WAITING for wave in self.waves)

    @property
    def touched(self) -> int:
        """Devices that were told, or may have been."""
        return sum(row.told for row in self.devices)

    @property
    def untouched(self) -> int:
        """All others."""
        return len(self.devices) - self.touched

    @property
    def succeeded(self) -> bool:
        """It is done, and every wave reached its share."""
        return self.state is RolloutState.DONE and all(wave.state is WaveState.PASSED for wave in self.waves)

    @property
    def over(self) -> bool:
        """No other device will be told."""
        return self.state in (RolloutState.STOPPED, RolloutState.DONE)

    @property
    def summary(self) -> str:
        """One line for people: "Stopped in wave 1 of 4: 1 device touched, 49 untouched."."""
        where = "" if self.state is RolloutState.DONE else f" in wave {self.opened} of {len(self.waves)}"
        told = f"{self.touched} device{'' if self.touched == 1 else 's'} touched, {self.untouched} untouched"
        good = self.count(Outcome.CONFIRMED)
        more = f", {good} confirmed" if good else ""
        if self.accept is Accept.DOWNLOADED and self.count(Outcome.DOWNLOADED):
            more += f", {self.count(Outcome.DOWNLOADED)} only downloaded"
        return f"{self.state.value.capitalize()}{where}: {told}{more}."

    def of_wave(self, number: int) -> tuple[RolloutDevice, ...]:
        """The rows of the wave of this number, from 1 on."""
        return tuple(row for row in self.devices if row.wave == number)

    def count(self, outcome: Outcome, wave: int | None = None) -> int:
        """How many devices have it, in one wave or in all."""
        return sum(row.outcome is outcome for row in self.devices if wave is None or row.wave == wave)

    def accepts(self, outcome: Outcome) -> bool:
        """Whether it counts towards the share."""
        return outcome is Outcome.CONFIRMED or (outcome is Outcome.DOWNLOADED and self.accept is Accept.DOWNLOADED)

    def accepted(self, wave: int) -> int:
        """How many of the wave's devices count towards its share."""
        return sum(self.accepts(row.outcome) for row in self.of_wave(wave))

    def needed(self, wave: int) -> int:
        """How many of the wave's devices open the next one."""
        return max(1, math.ceil(self.share * len(self.of_wave(wave)) - 1e-9))

    def with_wave(self, number: int, wave: Wave) -> Rollout:
        """With this one in the place of the wave of this number."""
        return replace(self, waves=(*self.waves[: number - 1], wave, *self.waves[number:]))

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a rollout."""
        return {
            "id": self.id, "publish_id": self.publish_id, "state": self.state.value, "reason": self.reason,
            "accept": self.accept.value, "caution": self.caution, "share": self.share, "stop_after": self.stop_after,
            "started": time_text(self.started), "who": self.who, "summary": self.summary, "succeeded": self.succeeded,
            "touched": self.touched, "untouched": self.untouched,
            "waves": [self._wave_json(n, wave) for n, wave in enumerate(self.waves, 1)],
            "devices": [row.to_json() for row in self.devices],
        }  # fmt: skip

    def _wave_json(self, number: int, wave: Wave) -> dict[str, Any]:
        rows = self.of_wave(number)
        counts = {outcome.value: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
        return {
            "devices": [row.device for row in rows], "state": wave.state.value, "notification": wave.notification,
            "needed": self.needed(number), "accepted": self.accepted(number), "touched": sum(row.told for row in rows), **counts,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rollout:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            id=data["id"],
            publish_id=data["publish_id"],
            state=RolloutState(data["state"]),
            reason=data["reason"],
            accept=Accept(data["accept"]),
            share=float(data["share"]),
            stop_after=int(data["stop_after"]),
            started=dt.datetime.fromisoformat(data["started"]),
            who=data["who"],
            waves=tuple(map(Wave.from_json, data["waves"])),
            devices=tuple(map(RolloutDevice.from_json, data["devices"])),
        )


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """What a person asks for. `devices` are device URLs, `groups` names of groups; `waves` as common/waves.py reads them."""

    publish_id: str
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    waves: str = DEFAULT
    share: str = "100 %"
    """A percent, or a fraction of at most 1."""
    stop_after: int = 1
    accept: Accept = Accept.CONFIRMED

    def to_json(self) -> dict[str, Any]:
        """The body of POST /api/v1/rollouts."""
        return {
            "publish_id": self.publish_id, "urls": list(self.devices), "group": list(self.groups), "waves": self.waves,
            "share": self.share, "stop_after": self.stop_after, "accept": self.accept.value,
        }  # fmt: skip


def named(devices: Iterable[RolloutDevice], most: int = 5) -> str:
    """Some devices with what is known of them, for a sentence."""
    rows = list(devices)
    texts = [f"{row.device} ({row.reason.rstrip('.') or row.outcome.value})" for row in rows[:most]]
    more = len(rows) - most
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")
