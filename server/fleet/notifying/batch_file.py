"""Batches in the database, so that one goes on where it was after the server ended, however it ended."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable

from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from common.notification import BatchState, DeviceResult, DeviceState, Nul
from server.fleet.notifying.batch import Batch, Turn
from server.fleet.record.database import Database, NotRecorded

SCHEMA = (
    """
    CREATE TABLE batches (
        id TEXT PRIMARY KEY,
        began REAL NOT NULL,
        publish_id TEXT NOT NULL,
        nul TEXT NOT NULL,
        who TEXT NOT NULL,
        state TEXT NOT NULL
    );
    CREATE TABLE batch_rows (
        batch TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
        row INTEGER NOT NULL,
        device TEXT NOT NULL,
        state TEXT NOT NULL,
        code TEXT,
        message TEXT NOT NULL,
        address TEXT,
        PRIMARY KEY (batch, row)
    ) WITHOUT ROWID;
    """,
)
"""`address` is set in the moment before the device is told."""
_KEPT = 30 * 86400.0
"""Seconds that a batch is kept after it began, if it is over."""
_GOES_ON = "state IN ('running', 'paused') AND id IN (SELECT batch FROM batch_rows WHERE state IN ('waiting', 'unknown'))"
_log = logging.getLogger(__name__)


class Batches:
    """Threads: any."""

    def __init__(self, database: Database, wall: Callable[[], float]) -> None:
        """`database` has SCHEMA and has been started; `wall` gives Unix time."""
        self._database = database
        self._wall = wall

    def load(self) -> Iterable[Batch]:
        """Those that still have devices to tell; what was being told then is `unknown`, and has its turn."""
        try:
            return self._database.commit(self._load)
        except NotRecorded as error:
            _log.warning("batches of an earlier start cannot be read: %s", error)
            return ()

    def find(self, number: str) -> Batch | None:
        """One by its id, also when it is over. Raises NotRecorded."""

        def work(connection: sqlite3.Connection) -> Batch | None:
            query = "SELECT id, publish_id, nul, who, state FROM batches WHERE id = ?"
            head = connection.execute(query, (number,)).fetchone()
            return None if head is None else self._readable(connection, *head)

        return self._database.read(work)

    def add(self, batch: Batch) -> None:
        """It is on the disk, if that can be, when this returns."""
        began = self._wall()
        head = (batch.id, began, batch.publish_id, batch.nul.value, batch.who, batch.state.value)
        rows = [(batch.id, n, row.device, row.state.value, row.message) for n, row in enumerate(batch.rows)]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?)", head)
            connection.executemany(
                "INSERT OR REPLACE INTO batch_rows (batch, row, device, state, message) VALUES (?, ?, ?, ?, ?)", rows
            )

        self._commit(work)

    def intend(self, batch: Batch, row: int) -> None:
        """On the disk, if that can be, when this returns."""
        key = (batch.turns[row].address, batch.id, row)
        self._commit(lambda c: c.execute("UPDATE batch_rows SET address = ? WHERE batch = ? AND row = ?", key))

    def keep(self, batch: Batch, rows: Iterable[int]) -> None:
        """Returns at once."""
        head = (batch.state.value, batch.id)
        values = []
        for n in rows:
            row = batch.rows[n]
            waits = row.state is DeviceState.WAITING
            values.append((row.state.value, row.code, row.message, waits, batch.id, n))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE batches SET state = ? WHERE id = ?", head)
            connection.executemany(
                "UPDATE batch_rows SET state = ?, code = ?, message = ?, address = CASE ? WHEN 1 THEN NULL ELSE address END"
                " WHERE batch = ? AND row = ?",
                values,
            )

        self._database.submit(work)

    def _commit(self, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            self._database.commit(work)
        except NotRecorded as error:
            _log.debug("a batch goes on unrecorded: %s", error)  # the database says it, once

    def _load(self, connection: sqlite3.Connection) -> list[Batch]:
        old = f"SELECT id FROM batches WHERE began < ? AND NOT ({_GOES_ON})"
        values = (self._wall() - _KEPT,)
        connection.execute(f"DELETE FROM batch_rows WHERE batch IN ({old})", values)
        connection.execute(f"DELETE FROM batches WHERE id IN ({old})", values)
        heads = connection.execute(
            f"SELECT id, publish_id, nul, who, state FROM batches WHERE {_GOES_ON} ORDER BY rowid"
        ).fetchall()
        return [batch for head in heads if (batch := self._readable(connection, *head)) is not None]

    def _readable(self, connection: sqlite3.Connection, number: str, *head: str) -> Batch | None:
        try:
            return self._batch(connection, number, *head)
        except (ValueError, TypeError, InvalidDeviceUrl):
            _log.info("what was kept of the batch %s cannot be read, and it does not go on", number)
            return None

    @staticmethod
    def _batch(connection: sqlite3.Connection, number: str, publish_id: str, nul: str, who: str, state: str) -> Batch:
        found = connection.execute(
            "SELECT device, state, code, message, address FROM batch_rows WHERE batch = ? ORDER BY row", (number,)
        ).fetchall()
        devices = tuple(DeviceUrl.parse(device) for device, *_ in found)
        batch = Batch(number, publish_id, devices, Nul(nul), who, [], BatchState(state))
        for n, (device, row_state, code, message, address) in enumerate(found):
            row = DeviceResult(device, DeviceState(row_state), code, message)
            if address is not None:
                batch.addresses[n] = address
            if row.state in (DeviceState.WAITING, DeviceState.UNKNOWN) and address is not None:
                text = "It was being told when the server ended: what it asks for shows whether it was."
                row = DeviceResult(device, DeviceState.UNKNOWN, None, text)
                batch.turns[n] = Turn(None, address)
            elif row.state is DeviceState.ACCEPTED:
                batch.turns[n] = Turn(None, address, answered=True)
            batch.rows.append(row)
        return batch


