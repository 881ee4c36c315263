"""The history on a real disk: killed at any moment, and with no room left."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.fleet.record.database import Database, NotRecorded
from server.fleet.record.history import SCHEMA, History
from server.steady import Steady
from tests.support.clock import Clock
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
RECORDER = """
import sys, time
from pathlib import Path
from server.fleet.record.database import Database
from server.fleet.record.history import SCHEMA, History
from server.steady import Steady
database = Database(Path(sys.argv[1]), SCHEMA, sys.exit)
history = History(database, Steady(time.time, time.monotonic), 90)
database.start()
history.start()
while True:
    before = history.latest_id
    for number in range(20):
        history.record("k", "x" * 200, device="fd00::2", publish_id="v1")
    database.commit(lambda connection: None)
    print(before + 1, history.latest_id, flush=True)
"""
"""Says which events are on the disk as soon as they are."""


def test_nothing_that_was_on_the_disk_is_lost_by_twenty_kills(tmp_path: Path) -> None:
    path, chance, said = tmp_path / "history.db", random.Random(7), set()
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", RECORDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        timer = threading.Timer(0.0, process.kill)
        for number, line in enumerate(process.stdout):
            if line.endswith("\n"):
                first, last = map(int, line.split())
                said.update(range(first, last + 1))
            if number == 0:
                timer = threading.Timer(chance.uniform(0, 0.15), process.kill)
                timer.start()
        timer.join()
        process.stdout.close()
        assert process.wait(60) == -9
    assert len(said) >= 400
    database = Database(path, SCHEMA, pytest.fail)
    database.start()
    try:
        found = database.read(lambda c: {event_id for (event_id,) in c.execute("SELECT id FROM events")})
        assert said <= found
        assert database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
    finally:
        database.stop()
    assert sorted(os.listdir(tmp_path)) == ["history.db"], "nothing was moved aside"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root: sudo make test")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


@pytest.mark.expects_log("the disk is full")
def test_a_full_disk_loses_nothing_that_waits(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(small_disk / "history.db", SCHEMA, pytest.fail, retry=0.05)
    history = History(database, Steady(Clock(), Clock()), 90)
    database.start()
    try:
        history.start()
        history.record("k", "before")
        database.commit(lambda _: None)
        fill(small_disk / "filler")
        for number in range(300):
            history.record("k", f"{number} {'x' * 500}")
        wait_until(lambda: history.trouble != "")
        assert history.trouble == f"The history cannot be recorded: the disk is full ({str(small_disk)!r}). Serving goes on."
        for _ in range(3):
            with pytest.raises(NotRecorded, match="the disk is full"):
                database.commit(lambda c: c.execute("INSERT INTO events VALUES (NULL, 0, 'k', 'w', 'intent', NULL, NULL, '{}')"))
        assert history.since().events[0].what == "before", "what is there can be read all the time"
        (small_disk / "filler").unlink()
        wait_until(lambda: history.trouble == "")
        wait_until(lambda: len(history.since().events) == 301)
        assert [event.what.split()[0] for event in history.since().events] == ["before", *map(str, range(300))]
        assert database.dropped == 0
    finally:
        database.stop()
    assert not list(small_disk.glob("*.damaged-*"))
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1, "it is said once"


@pytest.mark.expects_log("the disk is full")
def test_a_disk_that_is_full_at_the_start_is_waited_for(small_disk: Path) -> None:
    fill(small_disk / "filler")
    database = Database(small_disk / "history.db", SCHEMA, pytest.fail, retry=0.05)
    history = History(database, Steady(Clock(), Clock()), 90)
    database.start()
    try:
        history.start()
        assert "the disk is full" in history.trouble
        history.record("k", "kept")
        assert history.since().events == ()
        (small_disk / "filler").unlink()
        wait_until(lambda: len(history.since().events) == 1)
        assert history.latest_id == history.since().events[0].id
    finally:
        database.stop()


@pytest.mark.expects_log("the disk is full")
def test_it_ends_with_a_full_disk_and_the_file_is_sound(small_disk: Path) -> None:
    database = Database(small_disk / "history.db", SCHEMA, pytest.fail)
    history = History(database, Steady(Clock(), Clock()), 90)
    database.start()
    history.start()
    history.record("k", "before")
    database.commit(lambda _: None)
    fill(small_disk / "filler")
    for _ in range(2000):
        history.record("k", "x" * 500)
    database.stop()
    assert "the disk is full" in history.trouble
    (small_disk / "filler").unlink()
    with closing(sqlite3.connect(small_disk / "history.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT what FROM events").fetchone() == ("before",)
