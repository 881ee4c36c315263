"""Forgets a device that was thrown away or has another address now, unless the server itself still means to tell it something."""

from __future__ import annotations

from collections.abc import Callable

from common.device import Device
from common.device_url import DeviceUrl
from common.errors import InvalidRequest
from common.notification import BatchState
from server.fleet.batch import OPEN
from server.fleet.devices import Devices
from server.fleet.known import address_of
from server.fleet.notifier import Notifier
from server.fleet.rollouts import Rollouts
from server.fleet.transfers import Transfers


class Forgetting:
    """A device that is waited for would come back by being told, or leave a wait that never ends: it is refused.

    Which device a host name stands for is known only once it was told. Threads: any.
    """

    def __init__(
        self, devices: Devices, transfers: Transfers, notifier: Notifier, rollouts: Rollouts, unregister: Callable[[str], None]
    ) -> None:
        """`unregister` ends the registrations of the device at an address: it registers anew where it is still there."""
        self._devices = devices
        self._transfers = transfers
        self._notifier = notifier
        self._rollouts = rollouts
        self._unregister = unregister

    def check(self, address: str) -> Device:
        """Whether it can be forgotten now. Raises NotFound and InvalidRequest."""
        device = self._devices.get(address)
        for rollout in self._rollouts.all():
            if rollout.over:
                continue
            rows = [(row.device, rollout.waves[row.wave - 1].notification) for row in rollout.devices if not row.outcome.settled]
            if any(self._is(address, url, number) for url, number in rows):
                raise InvalidRequest(
                    f"The rollout {rollout.id} of {rollout.publish_id}, which is {rollout.state}, still waits for {address}:"
                    " stop it first, or let it end."
                )
        for notification in self._notifier.all():
            urls = [row.device for row in notification.results if row.state in OPEN]
            if any(self._is(address, url, notification.id) for url in urls):
                cancel = "" if notification.state is BatchState.CANCELLED else "cancel it first, or "
                raise InvalidRequest(
                    f"A notification of {notification.publish_id}, which is {notification.state}, still waits for {address}:"
                    f" {cancel}let it end."
                )
        return device

    def forget(self, address: str) -> Device:
        """The device as it was known at last. Heard again, it is a new one. Raises NotFound and InvalidRequest."""
        self.check(address)
        device = self._devices.forget(address, self._transfers.all())
        self._unregister(address)
        return device

    def _is(self, address: str, url: str, notification: str | None) -> bool:
        told_at = self._notifier.addresses(notification).get(url) if notification is not None else None
        return address == (told_at or address_of(DeviceUrl.parse(url)))
