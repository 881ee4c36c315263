"""What one device looks like to a person: the words for how far it is, its bar, and its place in the list.

static/device-row.js says the same of what arrives later; the words are here only, and the page hands them on.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from common.device import Device, Update, UpdateState
from common.transfer import Transfer, TransferState
from server.web.cards import human_size, when

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: never by colour alone."""

    word: str
    kind: str
    """Its colour: good, bad, warn, move or quiet."""
    sign: str
    """The symbol's name in the page's sprite."""
    group: str
    """What the list is filtered by: trouble, moving, confirmed or other."""


LOOKS: Mapping[str, Look] = MappingProxyType({
    "notified": Look("Notified", "move", "told", "moving"),
    "fetching manifest": Look("Fetching manifest", "move", "fetch", "moving"),
    "fetching slot0": Look("Fetching slot0", "move", "fetch", "moving"),
    "fetching slot1": Look("Fetching slot1", "move", "fetch", "moving"),
    "fetching": Look("Fetching", "move", "fetch", "moving"),
    "downloaded": Look("Downloaded", "move", "wait", "moving"),
    "rebooted": Look("Rebooted", "move", "wait", "moving"),
    "confirmed": Look("Confirmed", "good", "yes", "confirmed"),
    "failed": Look("Failed", "bad", "no", "trouble"),
    "silent": Look("Silent", "warn", "silent", "trouble"),
    "stalled": Look("Stalled", "warn", "pause", "trouble"),
    "unproven": Look("Downloaded, unproven", "quiet", "wait", "other"),
    "idle": Look("No update yet", "quiet", "none", "other"),
})
GROUPS = (("", "All"), ("trouble", "Need a look"), ("moving", "Updating"), ("confirmed", "Confirmed"), ("other", "Others"))
_ORDER = {"trouble": 0, "moving": 1, "confirmed": 2, "other": 2}


@dataclass(frozen=True, slots=True)
class Row:
    """One device in the list."""

    address: str
    href: str
    title: str
    """Its name, or else its address."""
    under: str
    """Its address, where it has a name."""
    group: str
    board: str
    release: str
    look: Look
    reason: str
    percent: int | None
    """Of its transfer; None where nothing is fetched."""
    progress: str
    """`45 % · 7.3 kB/s · 2 min left`, or ""."""
    seen: tuple[str, str] | None
    """For programs, for people."""
    since: dt.datetime


def current(transfers: Iterable[Transfer]) -> dict[str, Transfer]:
    """For each device, the transfer that goes on: the one that it asked for last."""
    found: dict[str, Transfer] = {}
    for transfer in transfers:
        if transfer.state in (TransferState.RUNNING, TransferState.STALLED):
            known = found.get(transfer.device)
            if known is None or known.last_seen <= transfer.last_seen:
                found[transfer.device] = transfer
    return found


def look(update: Update | None, transfer: Transfer | None) -> Look:
    """Which of the looks it has."""
    if update is None or (update.over and update.state not in (UpdateState.FAILED, UpdateState.SILENT)):
        if transfer is not None and transfer.state is TransferState.RUNNING:
            return LOOKS["fetching"]
        if update is None:
            return LOOKS["idle"]
        return LOOKS["confirmed" if update.state is UpdateState.CONFIRMED else "unproven"]
    if not update.over and transfer is not None and transfer.state is TransferState.STALLED:
        return LOOKS["stalled"]
    return LOOKS[update.state.value]


def row(device: Device, transfer: Transfer | None) -> Row:
    """What the list shows of it."""
    update = device.update
    found = look(update, transfer)
    since = update.since if update is not None else _EPOCH
    if found is LOOKS["stalled"] and transfer is not None:
        since = transfer.last_seen
    return Row(
        address=device.device,
        href=f"devices/{quote(device.device, safe='')}",
        title=device.name or device.device,
        under=device.device if device.name else "",
        group=device.group,
        board=device.board or "",
        release=(update.publish_id if update is not None else device.completed) or "",
        look=found,
        reason=update.reason if update is not None else "",
        percent=percent(transfer) if transfer is not None else None,
        progress=progress(transfer) if transfer is not None else "",
        seen=when(device.last_seen) if device.last_seen is not None else None,
        since=since,
    )


def rows(devices: Iterable[Device], transfers: Iterable[Transfer]) -> list[Row]:
    """The newest trouble first, then what moves, then the others, the latest first."""
    moving = current(transfers)
    return sorted((row(device, moving.get(device.device)) for device in devices), key=_place)


def counts(found: Iterable[Row]) -> dict[str, int]:
    """How many there are of each group; "" stands for all."""
    counted = {name: 0 for name, _ in GROUPS}
    for one in found:
        counted[one.look.group] += 1
        counted[""] += 1
    return counted


def percent(transfer: Transfer) -> int:
    """Whole per cents, never 100 before the last byte."""
    return 100 * transfer.bytes // transfer.size if transfer.size else 100


def progress(transfer: Transfer) -> str:
    """How far, how fast, how long it still takes; a line breaks only between them."""
    parts = [f"{percent(transfer)} %"]
    if transfer.state is TransferState.RUNNING:
        if transfer.bytes_per_second is not None:
            parts.append(f"{human_size(round(transfer.bytes_per_second))}/s")
        if transfer.eta_seconds is not None:
            parts.append(f"{span(transfer.eta_seconds)} left")
    return " · ".join(part.replace(" ", "\u00a0") for part in parts)


def span(seconds: float) -> str:
    """`45 s`, `2 min`, `3 h`, `2 d`: the largest unit of which there are two, or else the smallest that fits."""
    for length, word in _UNITS:
        if seconds >= 2 * length or length == 1:
            return f"{max(1, round(seconds / length))} {word}"
    raise AssertionError  # the last unit always fits


def natural(text: str) -> list[tuple[int, int | str]]:
    """To sort node2 before node10."""
    parts = filter(None, re.split(r"([0-9]+)", text.lower()))
    return [(0, int(part)) if part.isascii() and part.isdigit() else (1, part) for part in parts]




def _place(one: Row) -> tuple[int, float, list[tuple[int, int | str]]]:
    first = _ORDER[one.look.group]
    return first, 0.0 if first == 1 else -one.since.timestamp(), natural(one.title)
