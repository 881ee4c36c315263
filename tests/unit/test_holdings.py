"""Who holds a place is remembered over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.holdings import PAUSE, Holdings
from server.firmware.places import Places
from server.firmware.store import Store
from tests.support.clock import Clock
from tests.support.releases import claiming_release

PATH = "fw/app/image.bin"
pytestmark = [
    pytest.mark.expects_log("name this path for different images|are for different devices|cannot be remembered"),
    pytest.mark.expects_log("is decided anew"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "firmware"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "holders"


def start(folder: Path, file: Path, clock: Clock) -> tuple[LiveCatalogue, Holdings]:
    store = Store(folder, 100_000, clock)
    store.prepare()
    holdings = Holdings(file, folder, clock)
    live = LiveCatalogue(store, clock, before=holdings.load())
    live.refresh()
    return live, holdings


def held(current: Catalogue) -> tuple[str, str | None]:
    latest = current.latest.holders.get("fw")
    return current.images[PATH].path.rpartition("/")[0], latest.publish_id if latest is not None else None


def contested(folder: Path, file: Path, clock: Clock) -> tuple[LiveCatalogue, Holdings]:
    """Two classes claim the same path and the same latest manifest; the one that came first has both."""
    claiming_release(folder / "fw" / "z", 1, PATH, board="one")
    live, holdings = start(folder, file, clock)
    claiming_release(folder / "fw" / "a", 9, PATH, board="two", published=1_000_000_000)
    live.refresh()
    assert held(live.current) == ("fw/z", "fw/z")
    return live, holdings


def test_a_restart_displaces_nobody(folder: Path, file: Path, clock: Clock) -> None:
    live, holdings = contested(folder, file, clock)
    holdings.save(live.current)
    again, _ = start(folder, file, clock)
    assert held(again.current) == ("fw/z", "fw/z")
    assert again.current.places.latest.left == {}
    file.unlink()
    without, _ = start(folder, file, clock)
    assert held(without.current) == ("fw/a", None)  # all that the folder tells is which was published first


def test_it_is_written_when_due_and_only_when_something_changed(folder: Path, file: Path, clock: Clock) -> None:
    live, holdings = contested(folder, file, clock)
    holdings.save_when_due(live.current)
    assert json.loads(file.read_text())["paths"][PATH][0] == "fw/z"
    file.unlink()
    holdings.save_when_due(live.current)
    claiming_release(folder / "fw" / "zz", 2, PATH, board="one")
    holdings.save_when_due(live.refresh())
    assert not file.exists()
    clock.now += PAUSE
    holdings.save_when_due(live.current)
    assert json.loads(file.read_text())["paths"][PATH][0] == "fw/zz"
    clock.now -= 100 * PAUSE
    file.unlink()
    claiming_release(folder / "fw" / "zzz", 3, PATH, board="one")
    live.refresh()
    holdings.save_when_due(live.current)
    assert json.loads(file.read_text())["paths"][PATH][0] == "fw/zzz", "though the system's clock was set back"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"folder": "F"}', '{"folder": "F", "latest": {"a": [1, 2, 3]}, "paths": {}}', "\0"]
)
def test_a_file_that_is_odd_is_done_without(
    folder: Path, file: Path, clock: Clock, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(text.replace('"F"', json.dumps(str(folder))))
    assert Holdings(file, folder, clock).load() == Places()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'holders' (it is damaged): it is decided anew" in caplog.text.replace(f"{file.parent}/", "")


def test_it_holds_for_its_folder_alone(folder: Path, file: Path, clock: Clock, tmp_path: Path) -> None:
    live, holdings = contested(folder, file, clock)
    holdings.save(live.current)
    assert Holdings(file, tmp_path / "other", clock).load() == Places()


def test_a_disk_that_takes_nothing_costs_one_line(
    folder: Path, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    live, _ = contested(folder, tmp_path / "holders", clock)
    holdings = Holdings(tmp_path / "missing" / "holders", folder, clock)
    caplog.clear()
    holdings.save(live.current)
    holdings.save(live.current)
    assert [record.getMessage().partition("(")[0] for record in caplog.records] == [
        f"who holds which path cannot be remembered in {str(tmp_path / 'missing' / 'holders')!r} "
    ]
    (tmp_path / "missing").mkdir()
    holdings.save_when_due(live.current)
    assert not (tmp_path / "missing" / "holders").exists()
    clock.now += PAUSE
    holdings.save_when_due(live.current)
    assert (tmp_path / "missing" / "holders").exists(), "though nothing has changed since"
