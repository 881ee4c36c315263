"""Forgets a device that was thrown away or has another address now, unless the server itself still means to tell it something."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping

from common.device import Device
from common.device_url import DeviceUrl
from common.errors import InvalidRequest
from common.notification import BatchState
from server.fleet.devices.devices import Devices
from server.fleet.devices.known import address_of
from server.fleet.notifying.batch import OPEN
from server.fleet.notifying.notifier import Notifier
from server.fleet.rollouts.rollouts import Rollouts
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
            told_at = [self._notifier.addresses(wave.notification) for wave in rollout.waves if wave.notification is not None]
            urls = [row.device for row in rollout.devices if not row.outcome.settled]
            if _is_among(address, urls, ChainMap(*map(dict, told_at))):
                raise InvalidRequest(
                    f"The rollout {rollout.id} of {rollout.publish_id}, which is {rollout.state}, still waits for {address}:"
                    " stop it first, or let it end."
                )
        for notification in self._notifier.all():
            urls = [row.device for row in notification.results if row.state in OPEN]
            if _is_among(address, urls, self._notifier.addresses(notification.id)):
                cancel = "" if notification.state is BatchState.CANCELLED else "cancel it first, or "
                raise InvalidRequest(
                    f"A notification of {notification.publish_id}, which is {notification.state}, still waits for {address}:"
                    f" {cancel}let it end."
                )
        return device

    def forget(self, address: str) -> Device:
        """The device as it was known at last. Heard again, it is a new one. Raises NotFound and InvalidRequest."""
        self.check(address)
        device = self._devices.forget(address, self._transfers.known())
        self._unregister(address)
        return device


def _is_among(address: str, urls: Iterable[str], told_at: Mapping[str, str]) -> bool:
    """Whether one of the device URLs is that of the device at this address; `told_at`: the addresses of those that were told."""
    return any(address == (told_at.get(url) or address_of(DeviceUrl.parse(url))) for url in urls)
