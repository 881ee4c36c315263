"""One act of notifying many devices: who was told, whose turn it is, and how long the rest takes. A value of one lock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from common.device_url import DeviceUrl
from common.notification import BatchState, DeviceResult, DeviceState, Notification, Nul
from server.fleet.notifying.teller import Notice

OPEN = (DeviceState.WAITING, DeviceState.UNKNOWN)
_FRESH = 60.0
"""Seconds after which what a device said of itself is asked again before it is told."""


@dataclass(slots=True)
class Turn:
    """A device that was told, or is being told: it may use the radio."""

    began: float | None
    """When its turn came, in seconds by the notifier's clock; None: before this start of the server."""
    address: str | None = None
    """Its address and zone, once they are known."""
    answered: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """`Notifier` locks."""

    id: str
    publish_id: str
    devices: tuple[DeviceUrl, ...]
    nul: Nul
    who: str
    rows: list[DeviceResult]
    state: BatchState = BatchState.RUNNING
    turns: dict[int, Turn] = field(default_factory=dict)
    lasted: list[float] = field(default_factory=list)
    """Seconds that each turn so far took."""
    asking: set[int] = field(default_factory=set)
    """Rows of devices that are asked what has to be known before they are told."""
    ready: dict[int, tuple[Notice, float]] = field(default_factory=dict)
    """Rows of those that answered and wait for their turn; when they did, in seconds by the notifier's clock."""
    addresses: dict[int, str] = field(default_factory=dict)
    """Of those that were told: their addresses and zones."""

    @classmethod
    def of(cls, number: str, publish_id: str, devices: Sequence[DeviceUrl], nul: Nul, who: str) -> Batch:
        """Nobody has been told yet."""
        rows = [DeviceResult(str(device), DeviceState.WAITING, None, "Waiting.") for device in devices]
        return cls(number, publish_id, tuple(devices), nul, who, rows)

    @property
    def waiting(self) -> int:
        """Devices without a result."""
        return sum(row.state in OPEN for row in self.rows)

    @property
    def changeable(self) -> bool:
        """It can be paused, go on, or be cancelled."""
        return self.state is not BatchState.CANCELLED and bool(self.waiting)

    @property
    def over(self) -> bool:
        """Nothing more is done for it."""
        return not self.waiting and not self.turns

    def expected(self) -> list[tuple[str, str]]:
        """Address and publish id of each device of which it is not known whether it was told."""
        unknown = [turn.address for turn in self.turns.values() if not turn.answered]
        return [(address, self.publish_id) for address in unknown if address is not None]

    def next(self) -> int | None:
        """The row of which nothing has been asked yet."""
        begun = {*self.turns, *self.asking, *self.ready}
        return next((n for n, row in enumerate(self.rows) if row.state is DeviceState.WAITING and n not in begun), None)

    def begin_turn(self, now: float) -> tuple[int, Notice | None]:
        """The next row of those that are ready, and what its device is to be told; None where it is to be asked again first."""
        row = next(iter(self.ready))
        notice, since = self.ready.pop(row)
        self.turns[row] = Turn(now)
        return row, notice if now - since <= _FRESH else None

    def end_turns(self, goes_on: Callable[[str], bool], now: float) -> list[int]:
        """Those that were told, and use the radio no longer; `goes_on` says it of an address."""
        ended = [n for n, t in self.turns.items() if t.answered and (t.address is None or not goes_on(t.address))]
        for row in ended:
            began = self.turns.pop(row).began
            if began is not None:
                self.lasted.append(now - began)
        return ended

    def cancel(self) -> list[int]:
        """Nobody else is told; the rows that this ends."""
        self.state = BatchState.CANCELLED
        self.ready.clear()
        ended = [n for n, row in enumerate(self.rows) if row.state in OPEN and n not in self.turns]
        for n in ended:
            self.rows[n] = replace(self.rows[n], state=DeviceState.CANCELLED, message="Cancelled before it was told.")
        return ended

    def enter(self, state: BatchState) -> list[int]:
        """In this state from here on; the rows that this ends."""
        ended = self.cancel() if state is BatchState.CANCELLED else []
        self.state = state
        return ended

    def settle(self, address: str, was_told: bool) -> list[int]:
        """It is known now whether the device at this address was told; the rows of which that was not known."""
        settled = [n for n, t in self.turns.items() if t.address == address and self.rows[n].state is DeviceState.UNKNOWN]
        untold = DeviceState.CANCELLED if self.state is BatchState.CANCELLED else DeviceState.WAITING
        for n in settled:
            state, text = (DeviceState.ACCEPTED, "It asked for the manifest.") if was_told else (untold, "Waiting.")
            self.rows[n] = replace(self.rows[n], state=state, message=text)
            self.turns[n].answered = was_told
            if not was_told:
                del self.turns[n]
        return settled

    def abandon(self, why: str) -> None:
        """In memory only: what was not told is told after the next start."""
        for n, row in enumerate(self.rows):
            if row.state in OPEN:
                self.rows[n] = replace(row, state=DeviceState.UNREACHABLE, message=why)

    def shown(self, at_once: int) -> Notification:
        """For people and programs; `at_once` devices have their turn at a time."""
        state = self.state
        if state in (BatchState.RUNNING, BatchState.PAUSED) and not self.waiting:
            state = BatchState.DONE
        return Notification(self.id, self.publish_id, tuple(self.rows), state, self._eta(at_once))

    def _eta(self, at_once: int) -> float | None:
        left = self.waiting + sum(turn.answered for turn in self.turns.values())
        if not left or not self.lasted or self.state is not BatchState.RUNNING:
            return None
        return math.ceil(left / at_once) * sum(self.lasted) / len(self.lasted)
