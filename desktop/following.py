"""What is known of each device that is told of a release: its answer, and then how its download goes on.

A download that is finished is no update: only the device knows whether it runs what it fetched.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from common.finding import Role
from common.notification import DeviceState, Notification
from common.transfer import Transfer, TransferState

PATIENCE = 30.0
"""Seconds for which a device may do nothing before it is watched no longer."""


class Stage(Enum):
    """How far one device is."""

    WAITING = auto()
    NO_ANSWER = auto()
    """Telling it ended before it answered: whether it was told is not known."""
    REFUSED = auto()
    UNREACHABLE = auto()
    NOTIFIED = auto()
    """It accepted; more is not known."""
    ASKED_NOTHING = auto()
    """It accepted, and has not asked for the manifest within PATIENCE."""
    FETCHING = auto()
    MANIFEST_ONLY = auto()
    """It has the manifest, and has not asked for an image within PATIENCE."""
    STALLED = auto()
    DOWNLOADED = auto()
    """An image was sent wholly."""
    ABANDONED = auto()


FAILED = frozenset({Stage.NO_ANSWER, Stage.REFUSED, Stage.UNREACHABLE, Stage.ABANDONED})
"""What telling the device again may mend."""
_MAY_MOVE = frozenset({Stage.NOTIFIED, Stage.FETCHING, Stage.STALLED})
_ANSWERS = {
    DeviceState.WAITING: Stage.WAITING,
    DeviceState.ACCEPTED: Stage.NOTIFIED,
    DeviceState.REFUSED: Stage.REFUSED,
    DeviceState.UNREACHABLE: Stage.UNREACHABLE,
}
_MOVES = {
    TransferState.RUNNING: Stage.FETCHING,
    TransferState.STALLED: Stage.STALLED,
    TransferState.ABANDONED: Stage.ABANDONED,
    TransferState.DONE: Stage.FETCHING,
}


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device."""

    device: str
    """As the server writes its device URL."""
    stage: Stage = Stage.WAITING
    why: str = ""
    """The server's sentence; "" where the stage says it all."""
    transfer: Transfer | None = None
    """What it fetches, or fetched last."""


@dataclass(frozen=True, slots=True)
class Following:
    """One act of publishing or telling, as far as it is."""

    publish_id: str
    server: str = ""
    """Its address, as people may read it."""
    rows: tuple[DeviceRow, ...] = ()
    """In the order in which the devices were given."""
    on: bool = True
    """Whether it may still change."""
    stopped: bool = False
    """Whether a person ended it while devices were fetching."""

    @property
    def told(self) -> bool:
        """Every device has answered: from here on they are only watched."""
        return bool(self.rows) and all(row.stage is not Stage.WAITING for row in self.rows)

    @property
    def failed(self) -> tuple[DeviceUrl, ...]:
        """The devices that may be told again."""
        return tuple(DeviceUrl.parse(row.device) for row in self.rows if row.stage in FAILED)

    def ended(self, stopped: bool = False) -> Following:
        """The same when nobody asks any more; whoever did not answer counts as failed."""
        rows = tuple(replace(row, stage=Stage.NO_ANSWER, why="") if row.stage is Stage.WAITING else row for row in self.rows)
        return replace(self, rows=rows, on=False, stopped=stopped)


class Follower:
    """Joins what the devices answered with what they fetch. Threads: one at a time."""

    def __init__(self, before: Following, devices: Sequence[DeviceUrl], clock: Callable[[], float] = time.monotonic) -> None:
        """`before` has the rows of an earlier try, which stay; `devices` are told now. `clock` gives seconds."""
        self._clock = clock
        again = set(map(str, devices))
        rows = [DeviceRow(row.device) if row.device in again else row for row in before.rows]
        here = {row.device for row in rows}
        rows += [DeviceRow(url) for url in map(str, devices) if url not in here]
        self._told = again
        self._keys = {row.device: key_of(row.device) for row in rows}
        self._old: set[tuple[str, str, object]] = set()
        """Transfers that had ended before the devices were told."""
        self._reported = False
        self._since: dict[str, float] = {}
        """When a device accepted, or had the manifest: from there on it may begin with the next."""
        self.now = replace(before, rows=tuple(rows), on=True, stopped=False)

    def ignore(self, transfers: Sequence[Transfer] | None) -> None:
        """What the server reports before the devices are told; None: it reports no transfers."""
        self._reported = transfers is not None
        told = {self._keys[device] for device in self._told}
        ended = (TransferState.DONE, TransferState.ABANDONED, TransferState.RESTARTED)
        self._old = {_name(t) for t in transfers or () if t.state in ended and _address(t.device) in told}

    @property
    def watching(self) -> bool:
        """Whether it is worth asking for transfers now."""
        return self._reported and any(self._may_move(row) for row in self.now.rows)

    def answered(self, notification: Notification) -> Following:
        """Take the devices' answers so far."""
        results = {r.device: r for r in notification.results}
        rows = []
        for row in self.now.rows:
            result = results.get(row.device)
            if result is not None and row.stage is Stage.WAITING:
                stage = _ANSWERS[result.state]
                said = result.message if stage in (Stage.REFUSED, Stage.UNREACHABLE) else ""
                row = DeviceRow(row.device, stage, said)
                if stage is Stage.NOTIFIED:
                    self._since[row.device] = self._clock()
            rows.append(row)
        return self._keep(rows)

    def moved(self, transfers: Sequence[Transfer]) -> Following:
        """Take what the devices fetch."""
        mine = [t for t in transfers if t.publish_id == self.now.publish_id and _name(t) not in self._old]
        by_device: dict[tuple[str, str], list[Transfer]] = {}
        for transfer in mine:
            by_device.setdefault(_address(transfer.device), []).append(transfer)
        return self._keep([self._joined(row, by_device) for row in self.now.rows])

    def _keep(self, rows: Iterable[DeviceRow]) -> Following:
        self.now = replace(self.now, rows=tuple(rows))
        self.now = replace(self.now, on=not self.now.told or self.watching)
        return self.now

    def _may_move(self, row: DeviceRow) -> bool:
        return row.stage in _MAY_MOVE and self._keys[row.device] is not None

    def _joined(self, row: DeviceRow, by_device: Mapping[tuple[str, str], list[Transfer]]) -> DeviceRow:
        key = self._keys[row.device]
        if key is None or not self._may_move(row):
            return row
        now = self._clock()
        since = self._since.setdefault(row.device, now)
        latest = _latest(by_device.get(key, ()))
        if latest is None:
            return replace(row, stage=Stage.ASKED_NOTHING) if row.transfer is None and now - since >= PATIENCE else row
        stage = _MOVES[latest.state]
        if latest.state is TransferState.DONE:
            if latest.role is not Role.MANIFEST:
                stage = Stage.DOWNLOADED
            elif row.transfer is None or row.transfer.state is not TransferState.DONE:
                self._since[row.device] = now
            elif now - since >= PATIENCE:
                stage = Stage.MANIFEST_ONLY
        return replace(row, stage=stage, transfer=latest)


def key_of(device: str) -> tuple[str, str] | None:
    """By what a device's transfers are found; None where its address cannot be told from its device URL."""
    try:
        url = DeviceUrl.parse(device)
        ipaddress.ip_address(url.host)
    except (InvalidDeviceUrl, ValueError):
        return None
    if url.zone is not None and url.zone.isdigit():
        return None  # a number here is a name there, or another number
    return _address(url.host + (f"%{url.zone}" if url.zone else ""))


def _address(text: str) -> tuple[str, str]:
    """Address and zone in one form."""
    host, _, zone = text.partition("%")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return text, ""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip), zone


def _name(transfer: Transfer) -> tuple[str, str, object]:
    return transfer.device, transfer.path, transfer.started


def _latest(transfers: Iterable[Transfer]) -> Transfer | None:
    """A whole image before all, else what was asked for last."""
    going = [t for t in transfers if t.state is not TransferState.RESTARTED]
    return max(
        going,
        key=lambda t: (t.state is TransferState.DONE and t.role is not Role.MANIFEST, t.last_seen, t.started),
        default=None,
    )
