"""The server's devices over its HTTP API, as Python calls: what is known of them, their names, and whom to notify."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from common.client import Client
from common.device import Device
from common.device_url import DeviceUrl
from common.errors import InvalidRequest, NotFound
from common.notification import BatchState, Notification, Nul

_DEVICES = "/api/v1/devices"
_NOTIFICATIONS = "/api/v1/notifications"


class FleetClient:
    """The part of a Client that is about devices. Every failure is an OtaError. Threads: one at a time, as with the Client."""

    def __init__(self, client: Client) -> None:
        """`client` stays its owner's, who closes it."""
        self._client = client
        self._known: tuple[Device, ...] = ()
        self._etag: str | None = None

    def devices(self) -> tuple[Device, ...] | None:
        """All devices that the server knows; None where the server does not report them."""

        def known(data: Any) -> tuple[Device, ...]:
            return tuple(map(Device.from_json, data["devices"]))

        try:
            news = self._client.get_if_changed(known, _DEVICES, self._etag)
        except NotFound:
            return None
        if news is not None:
            self._known, self._etag = news
        return self._known

    def device(self, address: str) -> Device:
        """One device by its address, with its zone where it has one; NotFound if there is none."""
        return self._client.call(Device.from_json, "GET", _of(address))

    def name_device(self, address: str, name: str | None = None, group: str | None = None) -> Device:
        """Give it a name, a group, or both; None leaves what there is. NotFound, or InvalidRequest for what is no name."""
        given = {key: value for key, value in (("name", name), ("group", group)) if value is not None}
        return self._client.call(Device.from_json, "PUT", _of(address), json=given)

    def forget_device(self, address: str) -> None:
        """Have the server know it no more, until it is heard again. NotFound, or InvalidRequest while a rollout or a notification
        waits for it."""
        self._client.call(lambda _data: None, "DELETE", _of(address))

    def forget_devices(self, addresses: Iterable[str]) -> None:
        """Forget all of these that it still knows; the first one that has to stay is raised after the last one was asked for."""
        refused: InvalidRequest | None = None
        for address in addresses:
            try:
                self.forget_device(address)
            except NotFound:
                continue
            except InvalidRequest as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def check_groups(self, groups: Sequence[str]) -> None:
        """Raises InvalidRequest for a group of which no device can be notified. Asks nothing where no group is named."""
        if not groups:
            return
        known = self.devices()
        if known is None:
            raise InvalidRequest(f"The server at {self._client.shown_url} knows no groups of devices: name the devices.")
        there = {device.group for device in known if device.url is not None}
        for group in groups:
            if group not in there:
                raise InvalidRequest(
                    f"The server knows no device of a group {group!r} that can be notified:"
                    " name devices, and give them that group."
                )

    def notify(
        self, publish_id: str, devices: Iterable[DeviceUrl], groups: Iterable[str] = (), nul: Nul = Nul.AUTO
    ) -> Notification:
        """Have the server tell the devices and those of the groups, each once, and return at once."""
        form = [("publish_id", publish_id), ("urls", ",".join(map(str, devices))), ("nul", nul.value)]
        form += [("group", group) for group in groups]
        return self._client.call(Notification.from_json, "POST", "/notify", data=form, headers={"Prefer": "respond-async"})

    def notifications(self) -> tuple[Notification, ...]:
        """Those that the server remembers, the latest first; NotFound where it does not list them."""

        def remembered(data: Any) -> tuple[Notification, ...]:
            return tuple(map(Notification.from_json, data["notifications"]))

        return self._client.call(remembered, "GET", _NOTIFICATIONS)

    def set_state(self, notification_id: str, state: BatchState) -> Notification:
        """Pause, go on with, or cancel a notification; NotFound, or InvalidRequest for a state that nobody can set."""
        path = f"{_NOTIFICATIONS}/{quote(notification_id, safe='')}"
        return self._client.call(Notification.from_json, "POST", path, data={"state": state.value})


def _of(address: str) -> str:
    return f"{_DEVICES}/{quote(address, safe='')}"
