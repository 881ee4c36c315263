"""RIOT's folder layout: many versions in one folder, each of them a release."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from common.finding import Role, Severity
from common.release import State
from server.firmware import layouts
from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store
from tests.support.clock import Clock
from tests.support.releases import OLD_RIOT, RIOT, SAMPLE, signed_release, write_release

BOARD = "fw/sample/samr21-xpro"
VERSIONS = (1700000100, 1700000200)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLE, tmp_path / BOARD, copy_function=shutil.copyfile)
    return tmp_path / BOARD


def test_what_riots_make_copies_is_a_release_a_version(live: LiveCatalogue, sample: Path) -> None:
    current = live.refresh()
    assert set(current.by_id) == {f"{BOARD}/{version}" for version in VERSIONS}
    assert {r.state for r in current.releases} == {State.READY}
    assert {r.sequence_number for r in current.releases} == set(VERSIONS)
    assert current.problems == ()
    own = {f"{BOARD}/{path.name}" for path in sample.iterdir()}
    roles = {f"{BOARD}/{version}/{role}" for version in VERSIONS for role in Role}
    assert set(current.images) == {*own, *roles, f"{BOARD}/latest/manifest"}
    for version in VERSIONS:
        release = current.by_id[f"{BOARD}/{version}"]
        assert [f.name for f in release.files] == [f"riot.suit.{version}.bin", f"slot0.{version}.bin", f"slot1.{version}.bin"]
        assert f"{BOARD}/slot0.{version}.bin" in release.files[1].also_served_at
        is_latest = f"{BOARD}/riot.suit.latest.bin" in release.files[0].also_served_at
        assert is_latest == (version == max(VERSIONS))


def test_the_latest_is_that_of_the_highest_number_and_the_copy_is_the_file_that_it_is(
    live: LiveCatalogue, store: Store, sample: Path
) -> None:
    shutil.copyfile(sample / "riot.suit.1700000100.bin", sample / "riot.suit.latest.bin")
    current = live.refresh()
    newest = (sample / "riot.suit.1700000200.bin").read_bytes()
    assert store.read(current.images[f"{BOARD}/latest/manifest"]) == newest
    assert store.read(current.images[f"{BOARD}/riot.suit.latest.bin"]) == (sample / "riot.suit.1700000100.bin").read_bytes()


def test_old_names_are_understood_too(live: LiveCatalogue, tmp_path: Path) -> None:
    files = signed_release(tmp_path / "dev" / "board", 42, names=OLD_RIOT)
    release = live.refresh().by_id["dev/board/42"]
    assert (release.state, release.sequence_number) == (State.READY, 42)
    assert [f.size for f in release.files] == [len(data) for data in files.values()]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_files_that_come_one_after_the_other_are_one_release_when_whole(
    live: LiveCatalogue, tmp_path: Path, clock: Clock, order: tuple[int, int, int]
) -> None:
    folder = tmp_path / BOARD
    folder.mkdir(parents=True)
    names = ("riot.suit.1700000100.bin", "slot0.1700000100.bin", "slot1.1700000100.bin")
    seen = []
    for number in order:
        shutil.copyfile(SAMPLE / names[number], folder / names[number])
        clock.now = folder.stat().st_mtime + 1
        current = live.refresh()
        release = current.by_id.get(f"{BOARD}/1700000100")
        seen.append(release.state if release is not None else None)
        served = set(current.images)
        if release is None:  # images without a manifest are only files
            assert served == {f"{BOARD}/{names[n]}" for n in order[: len(seen)]}
        elif release.state is not State.READY:
            assert served == set()
    before = order.index(0)
    assert seen == [None] * before + [State.INCOMPLETE] * (2 - before) + [State.READY]


def test_one_that_stays_incomplete_is_rejected_and_the_others_are_served(
    live: LiveCatalogue, sample: Path, clock: Clock
) -> None:
    (sample / "slot1.1700000200.bin").unlink()
    clock.now = sample.stat().st_mtime + 1
    current = live.refresh()
    assert current.by_id[f"{BOARD}/1700000200"].state is State.INCOMPLETE
    assert current.pending
    clock.now += 60
    current = live.refresh(frozenset())
    release = current.by_id[f"{BOARD}/1700000200"]
    assert release.state is State.REJECTED
    assert [f.code for f in release.findings if f.severity is Severity.ERROR] == ["image-missing"]
    assert f"{BOARD}/slot0.1700000200.bin" not in current.images
    assert f"{BOARD}/riot.suit.latest.bin" not in current.images  # a copy of the rejected one's manifest
    assert f"{BOARD}/1700000100/slot0" in current.images
    assert current.images[f"{BOARD}/latest/manifest"].path == f"{BOARD}/riot.suit.1700000100.bin"


def test_a_mark_is_for_one_version_or_for_the_folder(live: LiveCatalogue, store: Store, sample: Path) -> None:
    one, two = (f"{BOARD}/{version}" for version in VERSIONS)
    live.refresh()
    store.mark(two, layouts.WITHDRAWN, True)
    assert (sample / ".withdrawn.1700000200").exists()
    current = live.refresh()
    assert (current.by_id[one].state, current.by_id[two].state) == (State.READY, State.WITHDRAWN)
    assert not any("1700000200" in path or "latest.bin" in path for path in current.images)
    (sample / ".withdrawn").touch()
    assert {r.state for r in live.refresh().releases} == {State.WITHDRAWN}
    store.mark(two, layouts.WITHDRAWN, False)
    current = live.refresh()
    assert (current.by_id[one].state, current.by_id[two].state) == (State.WITHDRAWN, State.READY)


def test_a_version_is_removed_alone(live: LiveCatalogue, store: Store, sample: Path) -> None:
    store.mark(f"{BOARD}/1700000200", layouts.WITHDRAWN, True)
    store.remove(f"{BOARD}/1700000200")
    assert {path.name for path in sample.iterdir()} == {
        "riot.suit.1700000100.bin", "slot0.1700000100.bin", "slot1.1700000100.bin"
    }
    assert set(live.refresh().by_id) == {f"{BOARD}/1700000100"}


@pytest.mark.expects_log("Two files claim to be the manifest")
def test_two_files_for_one_role_of_a_version(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "b", 7, names=RIOT)
    signed_release(tmp_path / "b", 8, names=RIOT)
    shutil.copyfile(tmp_path / "b" / "riot.suit.7.bin", tmp_path / "b" / "app-riot.suit.7.bin")
    current = live.refresh()
    assert set(current.by_id) == {"b/8"}
    assert [p.path for p in current.problems] == ["b/7"]
    assert not any("7" in path.partition("/")[2] for path in current.images if path.startswith("b/"))


def test_of_2019s_two_manifests_the_signed_one_counts(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "b", 7, names=OLD_RIOT)
    (tmp_path / "b" / "app-riot.suitv4.7.bin").write_bytes(b"the unsigned one")
    release = live.refresh().by_id["b/7"]
    assert (release.state, release.files[0].name) == (State.READY, "app-riot.suitv4_signed.7.bin")
    assert "b/app-riot.suitv4.7.bin" in live.current.images


@pytest.mark.expects_log("lies among RIOT's versions")
@pytest.mark.parametrize("stray", ["slot0.bin", "manifest"])
def test_a_stray_file_does_not_take_the_versions_out(live: LiveCatalogue, sample: Path, stray: str) -> None:
    (sample / stray).write_bytes(b"stray")
    current = live.refresh()
    assert set(current.by_id) == {f"{BOARD}/{version}" for version in VERSIONS}
    assert [p.path for p in current.problems] == [f"{BOARD}/{stray}"]


def test_the_last_version_takes_the_marks_of_the_folder_along(live: LiveCatalogue, store: Store, tmp_path: Path) -> None:
    signed_release(tmp_path / "b", 7, names=RIOT)
    (tmp_path / "b" / ".withdrawn").touch()
    (tmp_path / "b" / "riot.suit.latest.bin").write_bytes((tmp_path / "b" / "riot.suit.7.bin").read_bytes())
    store.remove("b/7")
    assert not (tmp_path / "b").exists()
    signed_release(tmp_path / "b", 8, names=RIOT)
    assert live.refresh().by_id["b/8"].state is State.READY


def test_in_a_folder_of_the_plain_form_they_are_only_files(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    (tmp_path / "v" / "slot0.7.bin").write_bytes(b"older")
    current = live.refresh()
    assert set(current.by_id) == {"v"}
    assert "v/slot0.7.bin" in current.images


@pytest.mark.expects_log("so is the folder of that name")
def test_a_folder_of_the_same_name_that_was_there_keeps_it(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "b" / "7")
    live.refresh()
    signed_release(tmp_path / "b", 7, names=RIOT)
    current = live.refresh()
    assert set(current.by_id) == {"b/7"}
    assert current.images["b/7/slot0"].path == "b/7/slot0"
    assert [p.path for p in current.problems] == ["b/7"]
    shutil.rmtree(tmp_path / "b" / "7")
    current = live.refresh()
    assert current.images["b/7/slot0"].path == "b/slot0.7.bin"
    assert current.problems == ()


@pytest.mark.expects_log("lies in the release 'b/7'")
def test_a_folder_that_comes_later_lies_in_the_release(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "b", 7, names=RIOT)
    live.refresh()
    write_release(tmp_path / "b" / "7")
    write_release(tmp_path / "b" / "7" / "deep")
    current = live.refresh()
    assert set(current.by_id) == {"b/7"}
    assert {p.path for p in current.problems} == {"b/7", "b/7/deep"}
    for path in (tmp_path / "b").iterdir():
        if path.is_file():
            path.unlink()
    assert set(live.refresh().by_id) == {"b/7"}


def test_a_change_judges_the_changed_version_alone(
    live: LiveCatalogue, store: Store, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.refresh()
    read: list[str] = []
    monkeypatch.setattr(store, "read", lambda image, real=store.read: read.append(image.name) or real(image))
    signed_release(sample, 7, names=RIOT)
    live.refresh()
    assert read == ["riot.suit.7.bin"]
