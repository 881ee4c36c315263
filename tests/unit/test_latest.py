"""`<folder>/latest/manifest`: the newest release of a folder of releases."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from common.finding import Role
from common.release import State
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.judging import PATIENCE
from server.firmware.precedence import RETURNS, Past
from server.firmware.store import Store
from tests.support.releases import riot_release, suit_release, write_release

FOLDERS = pytest.mark.parametrize("folder", ["", "fw", "fw/sensor"])


def at(*parts: str) -> str:
    return "/".join(part for part in parts if part)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path, 100_000, lambda: time.time() + 1000)
    store.prepare()
    return store


@pytest.fixture
def later() -> list[float]:
    """Seconds by which the catalogue's clock is ahead: the test moves it."""
    return [1000.0]


@pytest.fixture
def live(store: Store, later: list[float]) -> LiveCatalogue:
    return LiveCatalogue(store, lambda: time.time() + later[0])


def latest(current: Catalogue) -> dict[str, str]:
    """Folder -> publish id, and each one is served and shown."""
    holders = {folder: release.publish_id for folder, release in current.latest.holders.items()}
    served = {path.removesuffix("latest/manifest").strip("/"): i.path for path, i in current.images.items() if "latest" in path}
    assert served == {folder: f"{publish_id}/manifest" for folder, publish_id in holders.items()}
    shown = {path: r.publish_id for r in current.releases for path in r.files[0].also_served_at}
    assert shown == {at(folder, "latest/manifest"): publish_id for folder, publish_id in holders.items()}
    assert all(current.by_id[r.publish_id] is r for r in current.releases)
    return holders


@FOLDERS
def test_the_highest_sequence_number(live: LiveCatalogue, store: Store, tmp_path: Path, folder: str) -> None:
    riot_release(tmp_path / folder / "z", 1700000100)
    files = riot_release(tmp_path / folder / "a", 1700000200)
    current = live.refresh()
    assert latest(current) == {folder: at(folder, "a")}
    assert store.read(current.images[at(folder, "latest/manifest")]) == files["manifest"]


@FOLDERS
def test_without_one_the_latest_published_and_of_equals_the_last_name(live: LiveCatalogue, tmp_path: Path, folder: str) -> None:
    for name, age in (("a", 5), ("b", 1), ("c", 1), ("d", 9)):
        write_release(tmp_path / folder / name)
        os.utime(tmp_path / folder / name / "manifest", (1_700_000_000 - age, 1_700_000_000 - age))
    assert latest(live.refresh()) == {folder: at(folder, "c")}


def test_each_folder_has_its_own(live: LiveCatalogue, tmp_path: Path) -> None:
    for number, name in enumerate(("x/1", "x/2", "y/1", "x/deep/1", "top")):
        suit_release(tmp_path / name, number)
    assert latest(live.refresh()) == {"": "top", "x": "x/2", "y": "y/1", "x/deep": "x/deep/1"}


@FOLDERS
def test_the_newest_goes_and_the_one_before_is_it_again(live: LiveCatalogue, tmp_path: Path, folder: str) -> None:
    seen = []
    for number in (1, 2, 3):
        suit_release(tmp_path / folder / f"v{number}", number)
        seen.append(latest(live.refresh(frozenset({folder})))[folder])
    for number in (3, 2):
        shutil.rmtree(tmp_path / folder / f"v{number}")
        seen.append(latest(live.refresh(frozenset({folder})))[folder])
    assert seen == [at(folder, name) for name in ("v1", "v2", "v3", "v2", "v1")]
    shutil.rmtree(tmp_path / folder / "v1")
    assert latest(live.refresh(frozenset({folder}))) == {}


def test_what_is_not_ready_is_never_the_latest(live: LiveCatalogue, tmp_path: Path) -> None:
    suit_release(tmp_path / "good", 1)
    suit_release(tmp_path / "rejected", 2)
    (tmp_path / "rejected" / "slot0").write_bytes(b"other")
    suit_release(tmp_path / "alone", 3)
    (tmp_path / "alone" / "slot0").unlink()
    current = live.refresh()
    assert current.by_id["rejected"].state is State.REJECTED
    assert latest(current) == {"": "good"}
    (tmp_path / "rejected" / ".forced").touch()
    assert latest(live.refresh(frozenset({"rejected"}))) == {"": "rejected"}


def test_a_forced_release_without_a_manifest_is_not_the_latest(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "b")
    (tmp_path / "b" / "manifest").unlink()
    (tmp_path / "b" / ".forced").touch()
    assert live.refresh().by_id["b"].state is State.READY
    assert latest(live.current) == {}
    write_release(tmp_path / "a")
    assert latest(live.refresh()) == {"": "a"}


def test_several_classes_at_the_top_have_no_latest(live: LiveCatalogue, tmp_path: Path) -> None:
    suit_release(tmp_path / "a", 1, board="one")
    suit_release(tmp_path / "b", 2, board="two")
    assert latest(live.refresh()) == {}
    assert live.current.problems == ()
    shutil.rmtree(tmp_path / "a")
    assert latest(live.refresh()) == {"": "b"}


@pytest.mark.expects_log("releases of this folder are for different devices")
def test_several_classes_at_the_first_look_are_a_problem(live: LiveCatalogue, tmp_path: Path) -> None:
    folder = "fw"
    suit_release(tmp_path / folder / "a", 1, board="one")
    suit_release(tmp_path / folder / "b", 2, board="two")
    write_release(tmp_path / folder / "c")
    current = live.refresh()
    assert latest(current) == {}
    [problem] = current.problems
    assert problem.path == at(folder, "latest/manifest")
    for publish_id in ("a", "b"):
        assert str(current.by_id[at(folder, publish_id)].class_id) in problem.message
    assert "manifests that name no class" in problem.message
    assert "make one folder for each board" in problem.message
    shutil.rmtree(tmp_path / folder / "a")
    shutil.rmtree(tmp_path / folder / "c")
    assert latest(live.refresh(frozenset({folder}))) == {folder: at(folder, "b")}
    assert live.current.problems == ()


@pytest.mark.expects_log("9 others")
def test_many_classes_are_counted(live: LiveCatalogue, tmp_path: Path) -> None:
    for number in range(12):
        suit_release(tmp_path / "fw" / f"v{number}", number, board=f"board {number}")
    live.refresh()


def test_another_class_never_displaces_the_holder(live: LiveCatalogue, tmp_path: Path, later: list[float]) -> None:
    suit_release(tmp_path / "a1", 1, board="one")
    assert latest(live.refresh()) == {"": "a1"}
    suit_release(tmp_path / "b9", 9, board="two")
    assert latest(live.refresh()) == {"": "a1"}
    suit_release(tmp_path / "a2", 2, board="one")
    assert latest(live.refresh()) == {"": "a2"}
    assert live.current.problems == ()
    shutil.rmtree(tmp_path / "a2")
    assert latest(live.refresh()) == {"": "a1"}
    shutil.rmtree(tmp_path / "a1")
    assert latest(live.refresh()) == {}
    suit_release(tmp_path / "a3", 3, board="one")
    assert latest(live.refresh()) == {"": "a3"}  # removed and published anew
    shutil.rmtree(tmp_path / "a3")
    assert latest(live.refresh()) == {}
    later[0] += RETURNS
    suit_release(tmp_path / "b8", 8, board="two")
    assert latest(live.refresh()) == {"": "b9"}
    assert live.current.latest.left == {}


def test_a_holder_that_is_rebuilt_in_place_keeps_it_however_long_that_takes(
    live: LiveCatalogue, tmp_path: Path, later: list[float]
) -> None:
    suit_release(tmp_path / "fw" / "a", 1, board="one")
    suit_release(tmp_path / "fw" / "b", 9, board="two", seed=2)
    shutil.move(tmp_path / "fw" / "b", tmp_path / "b")
    live.refresh()
    shutil.move(tmp_path / "b", tmp_path / "fw" / "b")
    assert latest(live.refresh()) == {"fw": "fw/a"}
    slot0 = tmp_path / "fw" / "a" / "slot0"
    data = slot0.read_bytes()
    for number in range(3):
        slot0.write_bytes(b"%d" % number)
        later[0] = slot0.stat().st_ctime + 1 - time.time()
        assert "fw" not in latest(live.refresh())
        later[0] += PATIENCE - 2
        assert "fw" not in latest(live.refresh())
    slot0.write_bytes(data)
    assert latest(live.refresh())["fw"] == "fw/a"
    slot0.write_bytes(b"left like that")
    live.refresh()
    later[0] += PATIENCE + RETURNS
    assert latest(live.refresh()) == {"fw": "fw/b"}


@pytest.mark.expects_log("releases of this folder are for different devices")
def test_the_holders_end_among_several_others_leaves_none(live: LiveCatalogue, tmp_path: Path, later: list[float]) -> None:
    suit_release(tmp_path / "fw" / "a", 1, board="one")
    live.refresh()
    suit_release(tmp_path / "fw" / "b", 2, board="two")
    suit_release(tmp_path / "fw" / "c", 3, board="three")
    assert latest(live.refresh()) == {"fw": "fw/a"}
    (tmp_path / "fw" / "a" / "slot0").unlink()
    assert latest(live.refresh()) == {}
    assert live.current.problems == ()  # it is being rebuilt, for all that is known
    shutil.rmtree(tmp_path / "fw" / "a")
    live.refresh()
    later[0] += RETURNS
    suit_release(tmp_path / "fw" / "d", 4, board="three")
    assert latest(live.refresh()) == {}
    assert [p.path for p in live.current.problems] == ["fw/latest/manifest"]


def test_a_manifest_that_changes_stays_the_latest_and_changes_there_too(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    before = live.refresh()
    (tmp_path / "v" / "manifest").write_bytes(b"new")
    after = live.refresh(frozenset({"v"}))
    assert after.images["latest/manifest"] == after.images["v/manifest"] != before.images["latest/manifest"]


@FOLDERS
def test_a_real_file_at_the_path_wins(live: LiveCatalogue, store: Store, tmp_path: Path, folder: str) -> None:
    write_release(tmp_path / folder / "v")
    live.refresh()
    real = tmp_path / folder / "latest" / "manifest"
    real.parent.mkdir()
    (real.parent / "notes.txt").write_text("beside it")
    path = at(folder, "latest/manifest")
    assert live.refresh(frozenset({folder})).images[path].path == at(folder, "v/manifest")
    real.write_bytes(b"by hand")
    assert live.refresh(frozenset({at(folder, "latest")})).problems == ()
    current = live.refresh(frozenset({at(folder, "latest")}))
    assert store.read(current.images[path]) == b"by hand"
    assert current.latest.holders.get(folder) is None
    assert current.by_id[at(folder, "v")].files[0].also_served_at == ()
    write_release(tmp_path / folder / "w", seed=2)
    assert store.read(live.refresh(frozenset({folder})).images[path]) == b"by hand"
    shutil.rmtree(real.parent)
    assert live.refresh(frozenset({folder})).latest.holders.keys() == {folder}


def test_the_log_does_not_repeat_a_release_that_only_gains_or_loses_it(
    live: LiveCatalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    suit_release(tmp_path / "a", 1)
    live.refresh()
    suit_release(tmp_path / "b", 2)
    live.refresh()
    lines = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert lines == ["release 'a' is ready", "release 'b' is ready"]
    assert live.current.by_id["b"].file(Role.MANIFEST) is not None


@pytest.mark.parametrize(("since", "awaited"), [(0.0, True), (-59.0, True), (-60.0, False), (59.0, True), (7200.0, False)])
def test_a_place_is_kept_for_a_minute_also_when_the_clock_is_set_back(since: float, awaited: bool) -> None:
    past = Past("board/1", (None, None), 0, since)
    assert past.is_awaited(0.0) is awaited
