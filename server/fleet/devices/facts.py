"""What is learned of a device's update, one thing at a time: values that a verdict is made of."""

from __future__ import annotations

from dataclasses import dataclass

from common.finding import Role
from common.notification import DeviceState
from common.transfer import TransferState


@dataclass(frozen=True, slots=True)
class Told:
    """The device was notified, and this came of it."""

    state: DeviceState
    message: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """How far the device is with one file of the release."""

    role: Role
    state: TransferState
    percent: int
    seen: float
    """When it came with its last request, in seconds by the same clock as the trace."""


@dataclass(frozen=True, slots=True)
class Missed:
    """It asked for a path that is not served."""

    path: str
    manifest_path: str
    """Where the release's manifest is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the device says of itself when it is asked."""

    answered: bool
    slot: int | None = None
    """The active one; None where it has no such resource."""
    version: bool | None = None
    """Whether its version resource shows the release; None where it has none."""

    @property
    def provable(self) -> bool:
        """Whether anything that it says can be a proof."""
        return self.slot is not None or self.version is not None


Fact = Told | Fetch | Missed | Shown | None
"""None: time went by."""
