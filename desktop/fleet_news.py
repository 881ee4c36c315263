"""What the server tells of its devices and rollouts, asked again and again; only what changed is sent (RFC 9110, 13.1.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from common.client import Client
from common.device import Device
from common.errors import NotFound
from common.event import Event
from common.rollout import Rollout
from common.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Heard:
    """One list, or None where the server has no such list; the very same while nothing has changed."""

    items: tuple[Any, ...] | None = None
    etag: str | None = None

    def again(self, client: Client, path: str, name: str, shape: Callable[[Any], Any]) -> Heard:
        """Ask for it anew."""
        try:
            news = client.get_if_changed(lambda data: tuple(map(shape, data[name])), path, self.etag)
        except NotFound:
            return self if self == Heard() else Heard()
        if news is None or (news[0] == self.items and news[1] == self.etag):
            return self
        return Heard(*news)


@dataclass(frozen=True, slots=True)
class FleetNews:
    """The latest that was heard."""

    devices: Heard = Heard()
    transfers: Heard = Heard()
    rollouts: Heard = Heard()
    address: str = ""
    """Of the device whose events are known."""
    events: tuple[Event, ...] = ()
    """The newest first."""
    told: Device | None = None
    """As it was when its events were asked for."""

    def again(self, client: Client, address: str, devices: bool = True, rollouts: bool = True) -> FleetNews:
        """Ask for what is wanted, and for the events of the device at `address` where it moved on. Raises OtaError."""
        now = self
        if devices:
            known = self.devices.again(client, "/api/v1/devices", "devices", Device.from_json)
            moving = self.transfers
            if known.items is not None:
                moving = self.transfers.again(client, "/api/v1/transfers", "transfers", Transfer.from_json)
            now = replace(now, devices=known, transfers=moving)
            now = now._with_events(client, address)
        if rollouts:
            now = replace(now, rollouts=self.rollouts.again(client, "/api/v1/rollouts", "rollouts", Rollout.from_json))
        return now

    def _with_events(self, client: Client, address: str) -> FleetNews:
        found = next((device for device in self.devices.items or () if device.device == address), None)
        if found is None:
            return replace(self, address=address, events=(), told=None)
        if address == self.address and found == self.told:
            return self
        try:
            events = client.call(_events, "GET", f"/api/v1/devices/{quote(address, safe='')}")
        except NotFound:
            events = ()
        return replace(self, address=address, events=events, told=found)


def _events(data: Any) -> tuple[Event, ...]:
    return tuple(sorted(map(Event.from_json, data["events"]), key=lambda event: -event.id))
