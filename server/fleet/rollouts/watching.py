"""Looks at the devices of a rollout: what the notifications and the devices' traces say of each now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from common.device_url import DeviceUrl
from common.notification import DeviceResult, DeviceState
from common.rollout import Rollout, RolloutDevice, RolloutState
from server.fleet.devices.devices import Devices
from server.fleet.devices.known import address_of
from server.fleet.notifying.notifier import Notifier
from server.fleet.rollouts.outcomes import look


class Watching:
    """Threads: the one that uses it holds the rollouts' lock."""

    def __init__(self, notifier: Notifier, devices: Devices) -> None:
        self._notifier = notifier
        self._devices = devices
        self._seen: dict[str, tuple[dict[str, DeviceResult], Mapping[str, str]]] = {}
        """Of each notification the latest rows and addresses: the notifier forgets old ones."""
        self._numeric: dict[str, str] = {}
        """Addresses by device URL, as far as they can be known before a device is told."""
        self._began: dict[str, float] = {}
        """When each rollout began, in the devices' seconds: the clock may have been set between that and what they do."""

    def begin(self, rollout: Rollout, began: float) -> None:
        """Watch it from here on."""
        self._began[rollout.id] = began

    def is_of_use(self, rollout: Rollout) -> bool:
        """Whether more can become known of it."""
        if not rollout.over:
            return True
        if rollout.state is RolloutState.DONE:
            return False
        if any(row.told and not row.outcome.settled for row in rollout.devices):
            return True
        ids = [wave.notification for wave in rollout.waves if wave.notification is not None]
        rows = [row for number in ids if number in self._seen for row in self._seen[number][0].values()]
        return any(row.state in (DeviceState.WAITING, DeviceState.UNKNOWN) for row in rows)

    def look(self, rollout: Rollout) -> Rollout:
        """The rollout with its devices as they are now."""
        for wave in rollout.waves:
            if wave.notification is not None:
                self._refresh(wave.notification)
        rows = tuple(self._device(rollout, row) for row in rollout.devices)
        return replace(rollout, devices=rows) if rows != rollout.devices else rollout

    def forget(self, rollout: Rollout) -> None:
        """It is remembered no more."""
        self._began.pop(rollout.id, None)
        for wave in rollout.waves:
            self._seen.pop(wave.notification or "", None)
        for row in rollout.devices:
            self._numeric.pop(row.device, None)

    def _refresh(self, number: str) -> None:
        # Addresses first: a device that is told between the two only looks as if it waited still.
        addresses = self._notifier.addresses(number)
        notification = self._notifier.get(number)
        if notification is not None:
            self._seen[number] = ({row.device: row for row in notification.results}, addresses)

    def _device(self, rollout: Rollout, device: RolloutDevice) -> RolloutDevice:
        notification = rollout.waves[device.wave - 1].notification
        rows, addresses = self._seen.get(notification or "", ({}, {}))
        told_at = addresses.get(device.device)
        trace = self._devices.trace(told_at or self._address(device.device))
        # An older trace may be of the same release, from before this rollout.
        is_new = trace is not None and trace.since >= self._began[rollout.id]
        return look(device, rollout.publish_id, rows.get(device.device), trace, told_at is not None and is_new)

    def _address(self, device: str) -> str:
        if device not in self._numeric:
            self._numeric[device] = address_of(DeviceUrl.parse(device))
        return self._numeric[device]
