"""Waits until every device that was told of a release has come to an end, or the time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from common import rollout_client
from common.client import Client
from common.errors import ServerUnreachable
from common.fleet_client import FleetClient
from common.notification import Notification
from common.rollout import Rollout
from desktop import standing
from desktop.finder import Finder
from desktop.standing import End, Standing

POLL = 0.5
"""Seconds between two looks."""
GRACE = 20.0
"""Seconds for which a server may be away, as when it is started anew."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All devices at one moment."""

    rows: tuple[Standing, ...]
    """In the order in which the server has them."""
    over: bool
    """Nothing more is to be waited for."""
    sentence: str = ""
    """What the server says of the whole."""


class Source(Protocol):
    """Where a look comes from. Raises OtaError."""

    def look(self) -> Sight:
        """All devices as they are now."""


class Notified:
    """Devices that one notification tells."""

    def __init__(self, client: Client, notification: Notification, finder: Finder) -> None:
        self._client = client
        self._fleet = FleetClient(client)
        self._finder = finder
        self._reported = True
        self.notification = notification

    def look(self) -> Sight:
        """The answers first, then the verdicts: so of one that answered, the verdict is no older than the notification."""
        publish_id = self.notification.publish_id
        if not self.notification.done:
            self.notification = self._client.notification(self.notification.id)
        if self._reported:
            self._reported = _take(self._client, self._fleet, self._finder, publish_id)
        rows = []
        for result in self.notification.results:
            device = self._finder.device(result.device)
            transfer = self._finder.transfer(device)
            rows.append(standing.of_result(result, device, transfer, publish_id, self._reported))
        return Sight(standing.distinct(rows), all(row.end is not None for row in rows))


class RolledOut:
    """Devices that one rollout reaches in waves."""

    def __init__(self, client: Client, rollout: Rollout, finder: Finder) -> None:
        self._client = client
        self._fleet = FleetClient(client)
        self._finder = finder
        self.rollout = rollout

    def look(self) -> Sight:
        """A paused rollout is not over: a person decides."""
        self.rollout = rollout = rollout_client.get(self._client, self.rollout.id)
        _take(self._client, self._fleet, self._finder, rollout.publish_id)
        rows = []
        for row in rollout.devices:
            device = self._finder.device(row.device)
            transfer = self._finder.transfer(device)
            rows.append(standing.of_rollout(row, device, transfer, rollout.publish_id))
        return Sight(standing.distinct(rows), rollout.over, rollout.summary)


def watch(
    source: Source,
    seconds: float,
    shown: Callable[[Sight], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """Look until all is over or `seconds` have passed; whether all is over. `shown` is given each sight.

    Raises ServerUnreachable where the server is away for longer than GRACE, or when the time is over.
    """
    end = clock() + seconds
    heard = clock()
    while True:
        last = clock() >= end
        try:
            sight = source.look()
        except ServerUnreachable:
            if last or clock() - heard >= GRACE:
                raise
        else:
            heard = clock()
            shown(sight)
            if sight.over or last:
                return sight.over
        sleep(max(0.0, min(POLL, end - clock())))


def verdict(rows: tuple[Standing, ...], good: int, seconds: float, over: bool) -> str:
    """The last line: what came of it all, and who is still under way."""
    if any(row.end is End.UNREPORTED for row in rows):
        return "This server does not say what becomes of its devices: that they accepted is all that is known."
    if over:
        return f"{standing.tally(rows)}." if good < len(rows) or len(rows) > 1 else ""
    left = [row for row in rows if row.end is None]
    names = ", ".join(f"{row.name} ({row.state})" for row in left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    ended = [row for row in rows if row.end is not None]
    first = f"{standing.tally(ended)}; " if ended else ""
    return (
        f"The wait of {seconds:.10g} s is over: {first}still under way: {names}."
        " The server and the devices go on without this command."
    )


def _take(client: Client, fleet: FleetClient, finder: Finder, publish_id: str) -> bool:
    devices = fleet.devices()
    if devices is not None:
        finder.take(devices, client.transfers() or (), publish_id)
    return devices is not None
