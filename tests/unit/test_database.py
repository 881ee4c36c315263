"""One writer, many readers, and what becomes of a work that fails, of a file that is locked and of one that is damaged."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.fleet.record.database import Database, NotRecorded
from tests.waiting import wait_until

SCHEMA = ("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE)",)
Make = Callable[..., Database]


def put(word: str | None) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: connection.execute("INSERT INTO words (word) VALUES (?)", (word,)).lastrowid or 0


def words(connection: sqlite3.Connection) -> list[str]:
    return [word for (word,) in connection.execute("SELECT word FROM words ORDER BY id")]


def asides(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.glob("*.damaged-*"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state ü%" / "history.db"


@pytest.fixture
def make(path: Path) -> Iterator[Make]:
    made: list[Database] = []

    def start(schema: tuple[str, ...] = SCHEMA, most: int = 10_000) -> Database:
        database = Database(path, schema, pytest.fail, wall=lambda: 1_800_000_000.0, most=most, retry=0.02)
        made.append(database)
        database.start()
        return database

    yield start
    for database in made:
        database.stop()


def test_what_is_committed_is_read_and_is_there_at_the_next_start(make: Make) -> None:
    first = make()
    assert first.commit(put("a")) == 1
    assert first.submit(put("b")).result(60) == 2
    assert first.read(words) == ["a", "b"]
    last = [first.submit(put(str(number))) for number in range(3000)]
    first.stop()
    assert all(future.result(0) for future in last)
    with pytest.raises(NotRecorded, match="stopping"):
        first.commit(put("z"))
    assert isinstance(first.submit(put("z")).exception(0), NotRecorded)
    assert len(make().read(words)) == 3002


def test_a_work_that_fails_takes_no_other_with_it(make: Make) -> None:
    database = make()
    gate = threading.Event()
    database.submit(lambda _: gate.wait(60))
    before, failing, after = database.submit(put("a")), database.submit(put("a")), database.submit(put("b"))
    ending = database.submit(lambda connection: connection.executescript("COMMIT"))
    late = database.submit(put("c"))
    gate.set()
    assert before.result(60) == 1
    assert isinstance(failing.exception(60), sqlite3.IntegrityError)
    assert after.result(60)
    assert isinstance(ending.exception(60), sqlite3.OperationalError)
    assert late.result(60)
    with pytest.raises(sqlite3.IntegrityError):
        database.commit(put(None))
    with pytest.raises(ZeroDivisionError):
        database.commit(lambda _: 1 // 0)
    assert database.read(words) == ["a", "b", "c"]
    assert database.trouble == ""
    with pytest.raises(sqlite3.OperationalError):
        database.read(lambda connection: connection.execute("SELECT * FROM nothing").fetchall())
    with pytest.raises(NotRecorded):
        database.read(put("d"))


def test_readers_wait_for_no_writer_and_see_whole_transactions(make: Make) -> None:
    database = make()
    stop, wrong = threading.Event(), []

    def pair(number: int) -> Callable[[sqlite3.Connection], None]:
        return lambda connection: [put(f"{number}-{half}")(connection) for half in "ab"] and None

    def look() -> None:
        while not stop.is_set():
            wrong.extend([1] if len(database.read(words)) % 2 else [])

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(300):
        database.submit(pair(number)).result(60) if number % 10 == 0 else database.submit(pair(number))
    inside, go_on = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        put("held-a")(connection)
        inside.set()
        go_on.wait(60)
        put("held-b")(connection)

    held = database.submit(hold)
    assert inside.wait(60)
    assert "held-a" not in database.read(words)
    go_on.set()
    held.result(60)
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(database.read(words)) == 602


def test_of_too_many_works_the_oldest_that_nobody_waits_for_goes(make: Make) -> None:
    database = make(most=5)
    gate, inside = threading.Event(), threading.Event()
    database.submit(lambda _: (inside.set(), gate.wait(60)))
    assert inside.wait(60)
    awaited: list[int] = []
    waiter = threading.Thread(target=lambda: awaited.append(database.commit(put("awaited"))))
    waiter.start()
    wait_until(lambda: len(database._works) == 1)
    futures = [database.submit(put(str(number))) for number in range(10)]
    gate.set()
    waiter.join()
    assert futures[-1].result(60)
    assert [future.cancelled() for future in futures] == [True] * 6 + [False] * 4
    assert database.dropped == 6
    assert database.read(words) == ["awaited", "6", "7", "8", "9"]


def test_scripts_bring_an_older_file_up_to_date_and_a_failing_one_leaves_it(make: Make, path: Path) -> None:
    first = make()
    first.commit(put("a"))
    first.stop()
    newer = (*SCHEMA, "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = 1")
    second = make(newer)
    assert second.read(lambda c: c.execute("SELECT word, length FROM words").fetchall()) == [("a", 1)]
    second.stop()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


@pytest.mark.expects_log("cannot be recorded")
def test_a_newer_file_and_a_foreign_one_are_left_alone(make: Make, path: Path) -> None:
    make((*SCHEMA, "CREATE TABLE more (id)")).stop()
    older = make()
    assert older.trouble.endswith("history.db' was written by a newer version of the server. Serving goes on.")
    with pytest.raises(NotRecorded, match="newer version"):
        older.commit(put("a"))
    older.stop()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE words (other)")
    assert "SQLite reports SQLITE_ERROR" in make().trouble
    assert asides(path) == []


@pytest.mark.expects_log("keeps .* locked")
def test_a_locked_file_is_waited_for_and_not_moved(make: Make, path: Path) -> None:
    database = make()
    database.commit(put("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        kept = database.submit(put("b"))
        with pytest.raises(NotRecorded, match="another program keeps"):
            database.commit(put("intent"))
        assert "locked" in database.trouble
        assert database.read(words) == ["a"]
        other.execute("ROLLBACK")
    assert kept.result(60)
    wait_until(lambda: database.trouble == "")
    assert database.read(words) == ["a", "b"]
    assert asides(path) == []


@pytest.mark.expects_log("cannot be used")
def test_a_folder_that_cannot_be_made_is_trouble_and_no_crash(make: Make, path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    database = make()
    assert "cannot be used" in database.trouble
    with pytest.raises(NotRecorded):
        database.read(words)
    kept = database.submit(put("a"))
    path.parent.unlink()
    assert kept.result(60)
    wait_until(lambda: database.trouble == "")


def test_a_file_that_was_deleted_is_made_again(make: Make, path: Path) -> None:
    database = make()
    database.commit(put("a"))
    for one in path.parent.iterdir():
        one.unlink()
    database.commit(put("b"))
    assert database.read(words) == ["b"]


def fill(make: Make) -> None:
    database = make()
    database.commit(lambda connection: [put(f"{number:0100}")(connection) for number in range(3000)])
    database.stop()


def text(path: Path) -> None:
    path.write_text("This is no database. " * 1000)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 4096 * 20 + 100])


def scribbled(path: Path) -> None:
    data, chance = bytearray(path.read_bytes()), random.Random(5)
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 300] = chance.randbytes(300)
    path.write_bytes(data)


@pytest.mark.expects_log("the history was damaged")
@pytest.mark.parametrize("damage", [text, truncated, scribbled])
def test_a_damaged_file_is_moved_aside_with_its_company(
    make: Make, path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    fill(make)
    damage(path)
    damaged = path.read_bytes()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").write_bytes(b"")
    database = make()
    assert database.trouble == ""
    assert database.commit(put("new")) == 1
    assert database.read(words) == ["new"]
    name = "history.db.damaged-20270115T080000Z"
    assert asides(path) == [name, f"{name}-shm", f"{name}-wal"]
    assert (path.parent / name).read_bytes() == damaged
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


@pytest.mark.expects_log("the history was damaged")
@pytest.mark.parametrize("meets", ["reader", "writer"])
def test_damage_that_is_met_later_is_moved_aside_then(make: Make, path: Path, meets: str) -> None:
    fill(make)
    database = make()
    database.commit(lambda connection: connection.execute("PRAGMA shrink_memory").fetchall() and None)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(5).randbytes(path.stat().st_size - 4096))
    kept = [database.submit(put(f"new {number}")) for number in range(10)] if meets == "writer" else []
    if meets == "reader":
        with pytest.raises(NotRecorded):
            database.read(words)
        wait_until(lambda: asides(path) != [] and database._writer.ready)
    assert all(future.result(60) for future in kept)
    assert database.read(words) == [f"new {number}" for number in range(len(kept))]
    assert len([name for name in asides(path) if name.endswith("Z")]) == 1


@pytest.mark.expects_log("died")
def test_a_fault_is_told_and_nobody_waits_in_vain(path: Path) -> None:
    died: list[str] = []

    def wall() -> float:
        raise ZeroDivisionError

    path.parent.mkdir()
    text(path)
    database = Database(path, SCHEMA, died.append, wall=wall)
    database.start()
    with pytest.raises(NotRecorded):
        database.commit(put("a"))
    database.stop()
    assert died == ["fleet-db"]
