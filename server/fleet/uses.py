"""Which releases devices, notifications and rollouts need now."""

from __future__ import annotations

from collections.abc import Iterator

from common.release import Release
from server.coap.pins import EXCHANGE_LIFETIME, Pins
from server.firmware.catalogue import Catalogue
from server.firmware.retention import Uses
from server.fleet.devices.devices import Devices
from server.fleet.notifying.notifier import Notifier
from server.fleet.rollouts.rollouts import Rollouts


class Needs:
    """A device needs what it fetches, what it was last told of or fetched, and what it had last in the end, as far as that is
    known and however long ago it was heard: only then it can be told of it again, and be compared with it.

    Threads: any.
    """

    def __init__(self, pins: Pins, devices: Devices, notifier: Notifier, rollouts: Rollouts) -> None:
        self._pins = pins
        self._devices = devices
        self._notifier = notifier
        self._rollouts = rollouts

    def of(self, current: Catalogue) -> Uses:
        """Of the releases in this catalogue."""
        rolled_out = {rollout.publish_id for rollout in self._rollouts.all() if not rollout.over}
        by_id = dict(self._by_devices())
        by_id.update({n.publish_id: "a notification of it is not over" for n in self._notifier.all() if not n.done})
        by_id.update(dict.fromkeys(rolled_out, "it is being rolled out"))
        by_id.update(dict.fromkeys(self._fetched(current.releases), "a device fetches it"))
        return Uses(by_id, {release.publish_id for release in current.latest.holders.values()}, rolled_out)

    def _by_devices(self) -> Iterator[tuple[str, str]]:
        for known in self._devices.known():
            name = known.name or known.address
            if known.completed is not None:
                yield known.completed, f"{name} has it"
            if known.trace is not None:
                yield known.trace.publish_id, f"{name} was told of it or fetched it"

    def _fetched(self, releases: tuple[Release, ...]) -> Iterator[str]:
        now = self._pins.clock()
        images = {pin.sha256 for pin in self._pins.all() if now - pin.seen <= EXCHANGE_LIFETIME}
        if images:
            for release in releases:
                if any(file.sha256 in images for file in release.files):
                    yield release.publish_id
