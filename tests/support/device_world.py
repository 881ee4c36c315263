"""One start of the fleet's devices' side, in a time that only the test moves."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from common.device import UpdateState
from common.device_url import DeviceUrl
from common.finding import Role
from common.notification import DeviceState
from common.release import Release, ReleaseFile, State
from common.transfer import Transfer, TransferState
from server.fleet.devices.devices import Devices
from server.fleet.devices.known import Known
from server.fleet.devices.trace import Trace
from server.fleet.devices.verdicts import Patience
from server.steady import Steady
from tests.fakes.asked_devices import Keeper, Later, Prober
from tests.support.clock import Clock, SystemClock

PATIENCE = Patience(600)
ADDRESS = "fd00::2"
URL = DeviceUrl.parse("[fd00::2]/suit/trigger")
LISTING = b"</riot/board>,</suit/slot/active>"
RUNNING, DONE = TransferState.RUNNING, TransferState.DONE
CONFIRMED, FAILED, SILENT = (UpdateState.CONFIRMED, True), (UpdateState.FAILED, True), (UpdateState.SILENT, True)
"""Verdicts that are the last word."""


def release(publish_id: str, *shas: str) -> Release:
    """With images of these digests."""
    roles = (Role.MANIFEST, Role.SLOT0, Role.SLOT1)
    digests = (f"manifest of {publish_id}", *shas)
    pairs = zip(roles, digests, strict=False)
    files = tuple(ReleaseFile(role, role, 1000, sha, f"{publish_id}/{role}", (f"fw/{role}",)) for role, sha in pairs)
    return Release(publish_id, dt.datetime.now(dt.UTC), State.READY, files)


class World:
    """Devices over fakes; `steps` are the verdicts as they came. Another one with the same `keeper` is the next start."""

    def __init__(self, clock: Clock, keeper: Keeper) -> None:
        self.clock = clock
        self.wall = SystemClock(clock)
        self.steady = Steady(self.wall, clock)
        self.keeper = keeper
        self.prober = Prober()
        self.pool = Later()
        shared = [release("v1", "a", "b"), release("v2", "a", "c"), release("twins", "same", "same")]
        self.releases = {r.publish_id: r for r in shared}
        self.devices = Devices(self.prober, self.pool, self.releases.get, keeper, self.steady, PATIENCE)  # type: ignore[arg-type]
        self.steps: list[tuple[UpdateState, bool]] = []
        self.devices.start()
        self.devices.listen(self._changed)

    def _changed(self, known: Known, before: Trace | None) -> None:
        trace = known.trace
        assert trace is not None
        step = (trace.state, trace.over)
        if before is None or (before.state, before.over) != step:
            self.steps.append(step)

    def tell(self, publish_id: str = "v1", state: DeviceState = DeviceState.ACCEPTED, message: str = "") -> None:
        """As the teller does."""
        before = self.devices.before(URL, publish_id, LISTING)
        self.devices.intend(URL, publish_id, before)
        self.devices.told(URL, publish_id, state, message)

    def fetch(
        self, role: Role, state: TransferState, publish_id: str = "v1", part: float = 0.5, device: str = ADDRESS, **other: Any
    ) -> None:
        """A transfer as `Transfers.look` tells it, a second later; it began half a second before that."""
        self.clock.now += 1
        now = dt.datetime.fromtimestamp(round(self.clock(), 3), dt.UTC)
        of = self.releases[publish_id].file(role) if publish_id in self.releases else None
        done = 1000 if state is DONE else int(1000 * part)
        transfer = Transfer(
            device, publish_id, role, f"{publish_id}/{role}", of.sha256 if of else "?", done, 1000, done, 1000,
            None, None, 0, 0, state, now - dt.timedelta(seconds=0.5), now,
        )  # fmt: skip
        self.devices.beat([replace(transfer, **other)], [])

    def download(self, publish_id: str = "v1", role: Role = Role.SLOT1) -> None:
        """The manifest and the image, a second apart."""
        for which, state in ((Role.MANIFEST, RUNNING), (Role.MANIFEST, DONE), (role, RUNNING), (role, DONE)):
            self.fetch(which, state, publish_id)

    def wait(self, seconds: float) -> None:
        """Time passes in beats of a second, and devices answer at once."""
        for _ in range(int(seconds)):
            self.clock.now += 1
            self.devices.beat([], [])
            self.pool.work()

    @property
    def trace(self) -> Trace:
        trace = self.devices.trace(ADDRESS)
        assert trace is not None
        return trace

    @property
    def verdict(self) -> tuple[UpdateState, bool]:
        return self.trace.state, self.trace.over
