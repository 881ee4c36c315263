"""Devices in the database: names, groups, and how far each one's update is, from one start of the server to the next."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from common.device import UpdateState
from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from common.finding import Role
from server.fleet.devices import traces
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.trace import Trace
from server.fleet.record.database import Database, NotRecorded

SCHEMA = ("CREATE TABLE devices (address TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;",)
_log = logging.getLogger(__name__)


class Register:
    """A Keeper. Threads: any; writing returns at once."""

    def __init__(self, database: Database, unix: Callable[[float], float] = float) -> None:
        """`database` has SCHEMA and has been started; `unix` makes Unix times, which are kept, of the devices' times."""
        self._unix = unix
        self._database = database

    def load(self) -> Iterable[Known]:
        """All that were kept; what cannot be read is left out."""
        try:
            rows = self._database.read(lambda c: c.execute("SELECT address, data FROM devices").fetchall())
        except NotRecorded as error:
            _log.warning("devices of an earlier start cannot be read: %s", error)
            return
        for address, data in rows:
            try:
                yield _known(address, json.loads(data))
            except (ValueError, KeyError, TypeError, AttributeError, InvalidDeviceUrl):
                _log.info("what was kept of the device %s cannot be read and is forgotten", address)

    def keep(self, device: Known) -> None:
        """As it is now."""
        device = traces.moved(device, self._unix(0.0))
        data = asdict(device) | {"url": None if device.url is None else str(device.url)}
        row = (device.address, json.dumps(data))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO devices VALUES (?, ?)", row)

        self._database.submit(work)

    def forget(self, address: str) -> None:
        """For good."""
        self._database.submit(lambda c: c.execute("DELETE FROM devices WHERE address = ?", (address,)))


def _known(address: str, data: dict[str, Any]) -> Known:
    """Raises ValueError, KeyError, TypeError or InvalidDeviceUrl for what `keep` did not write."""
    trace = data["trace"]
    if trace is not None:
        before, role = trace["before"], trace["role"]
        trace = Trace(**trace | {
            "state": UpdateState(trace["state"]),
            "role": None if role is None else Role(role),
            "before": None if before is None else Shown(**before),
        })  # fmt: skip
    url = data["url"]
    return Known(**data | {"address": address, "url": None if url is None else DeviceUrl.parse(url), "trace": trace})
