"""Each system call of SQLite fails in turn while the history is opened, written, pruned and read: nothing is lost or doubled."""

from __future__ import annotations

import errno
import itertools
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from server.fleet.record.database import Database, NotRecorded
from server.fleet.record.history import PRUNED, SCHEMA, History
from server.steady import Steady
from tests.support.clock import Clock
from tests.support.faults import ERRORS
from tests.support.sqlite_faults import SqliteFaults, failing, library
from tests.waiting import wait_until

PUT = "INSERT INTO events (time, kind, who, what, details) VALUES (9000000000000, 'k', 'w', ?, '{}')"


def use(folder: Path, faults: SqliteFaults) -> list[str]:
    """Write and read while calls fail, and when they do no more; what is wrong then."""
    sqlite = library()
    assert sqlite is not None
    wrong: list[str] = []
    died: list[str] = []
    wall = Clock()
    path = folder / "fleet.db"
    before = {"old": 1} if path.exists() else {}
    database = Database(path, SCHEMA, died.append, retry=0.01)
    history = History(database, Steady(wall, wall), keep_days=1)
    with failing(sqlite, faults):
        database.start()
        history.start()
        for number in range(3):
            history.record("k", str(number))
        committed = _try(database, "intent", wrong)
        history.since()
        history.last(1)
        wall.now += PRUNED
        history.beat()
    wait_until(lambda: _is_written(database), 60, "the history to be recorded again")
    history.record("k", "later")
    database.stop()
    if died:
        wrong.append(f"the thread died: {died}")
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            wrong.append("the file is not sound")
        found = Counter(what for (what,) in connection.execute("SELECT what FROM events"))
    wanted = Counter({**before, "0": 1, "1": 1, "2": 1, "later": 1, **({"intent": 1} if committed else {})})
    if not committed:
        found.pop("intent", None)  # refused, and yet it may be on the disk
    if found != wanted:
        wrong.append(f"recorded were {dict(found)}")
    if asides := list(folder.glob("*.damaged-*")):
        wrong.append(f"{asides} were moved aside")
    return wrong


def _try(database: Database, what: str, wrong: list[str]) -> bool:
    try:
        database.commit(lambda connection: connection.execute(PUT, (what,)))
    except NotRecorded as error:
        if not str(error).startswith("The history cannot be recorded: ") or "SQLite reports" in str(error):
            wrong.append(f"people are told: {error}")
        return False
    return True


def _is_written(database: Database) -> bool:
    try:
        database.commit(lambda _: None)
    except NotRecorded:
        return False
    return not database.trouble


@pytest.mark.skipif(library() is None, reason="Python's SQLite is no library of the system: use Debian's or Ubuntu's python3")
@pytest.mark.timeout(1800)
@pytest.mark.expects_log("The history cannot be recorded")
@pytest.mark.parametrize("begun", ["new", "there"])
def test_each_call_of_sqlite_fails_in_turn(tmp_path: Path, begun: str, long: bool) -> None:
    template = tmp_path / "template"
    template.mkdir()
    if begun == "there":
        with closing(sqlite3.connect(template / "fleet.db")) as connection:
            connection.executescript(f"{SCHEMA[0]}; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
            connection.execute(PUT, ("old",))
            connection.commit()
    wrong, over = [], False
    for number in itertools.count(1):
        some = [(ERRORS[number % 3], False), *([(ERRORS[0], True)] if number % 4 == 0 else [])]
        for code, lasting in itertools.product(ERRORS, (False, True)) if long else some:
            if lasting and code == errno.EIO:
                continue  # pages that SQLite never gets, and Python does, are damage for certain
            folder = tmp_path / "state"
            shutil.copytree(template, folder)
            faults = SqliteFaults(number, code, lasting)
            found = use(folder, faults)
            shutil.rmtree(folder)
            wrong += [f"{faults.at}{' and from then on' if lasting else ''}: {text}" for text in found]
            over = not faults.at
        if over:
            break
    print(number, "calls")
    assert not wrong, "\n".join(wrong)
