"""Rollouts in the database: the intent of each wave is there before anybody is told."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence

from common.rollout import Rollout
from server.fleet.record.database import Database, NotRecorded

SCHEMA = (
    """
    CREATE TABLE rollouts (id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, state TEXT NOT NULL, data TEXT NOT NULL);
    CREATE TABLE rollout_devices (
        rollout TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
        row INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (rollout, row)
    ) WITHOUT ROWID;
    """,
)
"""`data`: the JSON shapes of a rollout without its devices, and of one of its devices. `number` ascends."""
_log = logging.getLogger(__name__)


class RolloutFile:
    """Threads: any."""

    def __init__(self, database: Database) -> None:
        """`database` has SCHEMA and has been started."""
        self._database = database

    def load(self) -> list[Rollout]:
        """All that are kept, in the order in which they were begun; what cannot be read is left out."""
        try:
            heads, rows = self._database.read(_read)
        except NotRecorded as error:
            _log.warning("rollouts of an earlier start cannot be read: %s", error)
            return []
        found = []
        for number, head in heads:
            try:
                devices = [json.loads(data) for rollout, data in rows if rollout == number]
                found.append(Rollout.from_json(json.loads(head) | {"devices": devices}))
            except (ValueError, KeyError, TypeError):
                _log.info("what was kept of the rollout %s cannot be read and is forgotten", number)
        return found

    def commit(self, rollout: Rollout, before: Rollout | None) -> None:
        """On the disk when this returns. Raises NotRecorded."""
        head, rows = _head(rollout), _rows(rollout, before)
        self._database.commit(lambda connection: _write(connection, head, rows))

    def keep(self, rollout: Rollout, before: Rollout) -> None:
        """Returns at once."""
        head, rows = _head(rollout), _rows(rollout, before)
        self._database.submit(lambda connection: _write(connection, head, rows))

    def flush(self) -> None:
        """What was to be kept is on the disk, if that can be, when this returns."""
        try:
            self._database.commit(lambda connection: None)  # noqa: ARG005
        except NotRecorded as error:
            _log.debug("a rollout goes on unrecorded: %s", error)  # the database says it, once

    def forget(self, rollout_ids: Iterable[str]) -> None:
        """For good; returns at once."""
        keys = [(number,) for number in rollout_ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM rollout_devices WHERE rollout = ?", keys)
            connection.executemany("DELETE FROM rollouts WHERE id = ?", keys)

        self._database.submit(work)


def _read(connection: sqlite3.Connection) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    heads = connection.execute("SELECT id, data FROM rollouts ORDER BY number").fetchall()
    return heads, connection.execute("SELECT rollout, data FROM rollout_devices ORDER BY rollout, row").fetchall()


def _head(rollout: Rollout) -> tuple[str, str, str]:
    data = rollout.to_json()
    waves = [{"state": wave["state"], "notification": wave["notification"]} for wave in data["waves"]]
    return rollout.id, rollout.state.value, json.dumps(data | {"waves": waves, "devices": []})


def _rows(rollout: Rollout, before: Rollout | None) -> Sequence[tuple[str, int, str]]:
    """Those that are others now."""
    known = before.devices if before is not None else (None,) * len(rollout.devices)
    pairs = enumerate(zip(known, rollout.devices, strict=True))
    return [(rollout.id, n, json.dumps(new.to_json())) for n, (old, new) in pairs if old != new]


def _write(connection: sqlite3.Connection, head: tuple[str, str, str], rows: Sequence[tuple[str, int, str]]) -> None:
    connection.execute(
        "INSERT INTO rollouts (id, number, state, data) VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM rollouts), ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state, data = excluded.data",
        head,
    )
    connection.executemany("INSERT OR REPLACE INTO rollout_devices VALUES (?, ?, ?)", rows)
