"""What is known of one device and one release: a value that facts and time change."""

from __future__ import annotations

from dataclasses import dataclass

from common.device import UpdateState
from common.finding import Role
from server.fleet.devices.facts import Shown

FETCHING = {
    Role.MANIFEST: UpdateState.FETCHING_MANIFEST,
    Role.SLOT0: UpdateState.FETCHING_SLOT0,
    Role.SLOT1: UpdateState.FETCHING_SLOT1,
}
"""What a device is at that asks for a file of this role."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One device and one release, as far as it is known. Times are seconds as `server.steady` counts them."""

    publish_id: str
    state: UpdateState
    since: float
    reason: str = ""
    heard: float = 0.0
    """When it last asked for anything of this release; at first, when the trace began."""
    accepted: float | None = None
    """When the notification came to its end."""
    has_manifest: bool = False
    role: Role | None = None
    """The image that it fetched last."""
    before: Shown | None = None
    """What it said of itself before it had the image."""
    vanished: bool = False
    """Since the download it gave no answer once."""
    old: float | None = None
    """Since when it says, after the download, that the old slot is active; without an interruption."""
    asked: int = 0
    """How often it was asked since the download."""
    ask: float | None = None
    """When it is to be asked next."""
    over: bool = False
    downloaded: float | None = None
    unsure: bool = False
    """The server was started again, and nothing was heard since: what it asked for just before that may not be known."""

    @property
    def is_under_way(self) -> bool:
        """The radio is in use for it, or will be at once."""
        return self.state is UpdateState.NOTIFIED or self.state in FETCHING.values()
