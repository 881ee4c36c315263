"""The server's devices joined with the address book: one row a device, in words, signs and order for a list."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from common.device import Device as Known
from common.device import Update, UpdateState
from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from common.transfer import Transfer, TransferState
from desktop.address_book import Device, normal_url
from desktop.following import key_of


class Kind(Enum):
    """What a list is ordered and counted by; the order is the one in which they stand."""

    TROUBLE = 0
    MOVING = 1
    CONFIRMED = 2
    OTHER = 3


class Mood(Enum):
    """How far a device is, as a list tells it."""

    NOTIFIED = "notified"
    FETCHING_MANIFEST = "fetching manifest"
    FETCHING_SLOT0 = "fetching slot0"
    FETCHING_SLOT1 = "fetching slot1"
    FETCHING = "fetching"
    """Something, without having been told to."""
    DOWNLOADED = "downloaded"
    REBOOTED = "rebooted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SILENT = "silent"
    STALLED = "stalled"
    UNPROVEN = "unproven"
    """It has all of it, and nothing more is waited for."""
    IDLE = "idle"
    UNKNOWN = "unknown"
    """The server does not know it."""

    @property
    def kind(self) -> Kind:
        """Where it belongs."""
        if self in (Mood.FAILED, Mood.SILENT, Mood.STALLED):
            return Kind.TROUBLE
        if self is Mood.CONFIRMED:
            return Kind.CONFIRMED
        return Kind.OTHER if self in (Mood.UNPROVEN, Mood.IDLE, Mood.UNKNOWN) else Kind.MOVING


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One device: as the book has it, as the server knows it, or both."""

    entry: Device | None
    known: Known | None
    transfer: Transfer | None = None
    """What it fetches now."""

    @property
    def key(self) -> tuple[str, str]:
        """The same for the same device when it has moved on."""
        return ("book", self.entry.key or self.entry.name) if self.entry else ("server", self.address)

    @property
    def address(self) -> str:
        """By which the server knows it; "" where it does not."""
        return self.known.device if self.known else ""

    @property
    def name(self) -> str:
        """As the book has it, else as the server."""
        return (self.entry.name if self.entry else "") or (self.known.name if self.known else "")

    @property
    def url(self) -> str:
        """The device URL, as far as it is known."""
        if self.entry:
            return self.entry.url
        assert self.known is not None
        return self.known.url or self.known.device

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.name or self.url

    @property
    def group(self) -> str:
        """As the book has it, else as the server."""
        return (self.entry.group if self.entry else "") or (self.known.group if self.known else "")

    @property
    def board(self) -> str:
        """What it says of itself."""
        return (self.known.board or "") if self.known else ""

    @property
    def release(self) -> str:
        """Which one it was told of, or has."""
        if self.known is None:
            return ""
        return (self.known.update.publish_id if self.known.update else self.known.completed) or ""

    @property
    def reason(self) -> str:
        """Why it is where it is; "" where the state says it all."""
        return self.known.update.reason if self.known and self.known.update else ""

    @property
    def mood(self) -> Mood:
        """How far it is."""
        return Mood.UNKNOWN if self.known is None else _mood(self.known.update, self.transfer)

    @property
    def place(self) -> tuple[int, float, tuple[tuple[int, int, str], ...]]:
        """The newest trouble first, then what moves, then the others, the latest first."""
        kind, since = self.mood.kind, 0.0
        if kind is not Kind.MOVING and self.known is not None and self.known.update is not None:
            since = -self.known.update.since.timestamp()
        if self.mood is Mood.STALLED and self.transfer is not None:
            since = -self.transfer.last_seen.timestamp()
        return kind.value, since, natural(self.title)

    @property
    def seen(self) -> dt.datetime | None:
        """When the server heard of it last."""
        return self.known.last_seen if self.known else None

    def as_entry(self) -> Device:
        """What the address book keeps of it."""
        return self.entry or Device(self.name, normal_url(self.url) or self.url, self.group)


def joined(book: Iterable[Device], known: Iterable[Known], transfers: Iterable[Transfer]) -> list[FleetRow]:
    """A row for each entry, then one for each device that only the server knows; found by address and zone."""
    moving: dict[str, Transfer] = {}
    for transfer in transfers:
        if transfer.state in (TransferState.RUNNING, TransferState.STALLED):
            before = moving.get(transfer.device)
            if before is None or before.last_seen <= transfer.last_seen:
                moving[transfer.device] = transfer
    there = {_address(device.device): device for device in known}
    rows, left = [], dict(there)
    for entry in book:
        place = _place(entry.url)
        found = there.get(place) if place else None
        left.pop(place, None)
        rows.append(FleetRow(entry, found, moving.get(found.device) if found else None))
    rows += [FleetRow(None, device, moving.get(device.device)) for device in left.values()]
    return rows


def _mood(update: Update | None, transfer: Transfer | None) -> Mood:
    if update is None or (update.over and update.state not in (UpdateState.FAILED, UpdateState.SILENT)):
        if transfer is not None and transfer.state is TransferState.RUNNING:
            return Mood.FETCHING
        if update is None:
            return Mood.IDLE
        return Mood.CONFIRMED if update.state is UpdateState.CONFIRMED else Mood.UNPROVEN
    if not update.over and transfer is not None and transfer.state is TransferState.STALLED:
        return Mood.STALLED
    if not update.over and transfer is not None and transfer.publish_id == update.publish_id and transfer.role is not None:
        return Mood(f"fetching {transfer.role}")  # the verdict comes a moment later
    return Mood(update.state.value)


@lru_cache(maxsize=40_000)
def _place(url: str) -> tuple[str, str]:
    """Address and zone of a device URL; a name stands for itself, and finds nothing."""
    found = key_of(url)
    if found is not None:
        return found
    try:
        parsed = DeviceUrl.parse(url)
    except InvalidDeviceUrl:
        return "", url
    return parsed.host, parsed.zone or ""


@lru_cache(maxsize=40_000)
def _address(address: str) -> tuple[str, str]:
    """The same of an address as the server writes it."""
    host, _, zone = address.partition("%")
    return _place(f"[{host}%{zone}]" if zone else f"[{host}]" if ":" in host else host)


@lru_cache(maxsize=40_000)
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """To sort node2 before node10."""
    parts = filter(None, re.split(r"([0-9]+)", text.casefold()))
    return tuple((0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in parts)
