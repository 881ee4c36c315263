"""Writing the firmware folder."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import ConfigError, InvalidRelease, ReleaseExists, ReleaseNotFound
from common.finding import Role
from common.release import State
from server.firmware.catalogue import LiveCatalogue
from server.firmware.hashes import Hashes, HashFile
from server.firmware.image import Content, ImageChanged
from server.firmware.scan import Scan
from server.firmware.store import STAGING, Store
from tests.support.releases import write_release

LATER = 1000
"""Seconds after what a test wrote is quiet."""
M, S0, S1 = Role.MANIFEST, Role.SLOT0, Role.SLOT1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "fw", 1 << 20, time.time)
    store.prepare()
    return store


def publish(store: Store, publish_id: str, forced: bool = False, **files: bytes) -> bool:
    with store.stage({Role(name): io.BytesIO(data) for name, data in files.items()}) as staged:
        return store.commit(staged, publish_id, forced)


def test_a_release_is_written_whole_and_staging_is_left_empty(store: Store) -> None:
    assert publish(store, "fw/app/7", manifest=b"m", slot0=b"a", slot1=b"b")
    folder = store.root / "fw" / "app" / "7"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"manifest": b"m", "slot0": b"a", "slot1": b"b"}
    assert list((store.root / STAGING).iterdir()) == []
    assert stat.S_IMODE((folder / "slot0").stat().st_mode) & 0o400


def test_the_same_bytes_again_are_no_change(store: Store) -> None:
    assert publish(store, "v", manifest=b"m", slot0=b"a")
    before = os.stat(store.root / "v").st_ino
    assert not publish(store, "v", manifest=b"m", slot0=b"a")
    assert os.stat(store.root / "v").st_ino == before


@pytest.mark.parametrize("files", [{"slot0": b"x"}, {"slot0": b"a", "slot1": b"b"}])
def test_other_bytes_are_refused_and_nothing_changes(store: Store, files: dict[str, bytes]) -> None:
    publish(store, "v", manifest=b"m", slot0=b"a")
    with pytest.raises(ReleaseExists, match="'v' is taken"):
        publish(store, "v", manifest=b"m", **files)
    assert (store.root / "v" / "slot0").read_bytes() == b"a"


@pytest.mark.parametrize(("inner", "outer"), [("a/b/c", "a/b"), ("a/b", "a")])
def test_a_release_neither_contains_another_nor_lies_in_one(store: Store, inner: str, outer: str) -> None:
    publish(store, inner, manifest=b"m", slot0=b"a")
    with pytest.raises(ReleaseExists, match=f"would contain the release '{inner}'"):
        publish(store, outer, manifest=b"m", slot0=b"a")
    with pytest.raises(ReleaseExists, match=f"would lie in the release '{inner}'"):
        publish(store, inner + "/x", manifest=b"m", slot0=b"a")


def test_a_file_in_the_way_is_no_crash(store: Store) -> None:
    (store.root / "v").write_bytes(b"a file")
    with pytest.raises(ReleaseExists):
        publish(store, "v", manifest=b"m", slot0=b"a")
    with pytest.raises(ReleaseExists):
        publish(store, "v/w", manifest=b"m", slot0=b"a")


def test_a_folder_with_other_files_is_not_replaced(store: Store) -> None:
    (store.root / "v").mkdir()
    (store.root / "v" / "notes.txt").write_text("mine")
    with pytest.raises(ReleaseExists):
        publish(store, "v", manifest=b"m", slot0=b"a")
    assert (store.root / "v" / "notes.txt").read_text() == "mine"


_NO_IDS = ["", "a//b", "../x", "a/../b", ".hidden", "a/.b", "x" * 201, "a\0b", "latest", "é", "a/", "/a"]


@pytest.mark.parametrize("publish_id", _NO_IDS)
def test_what_is_no_publish_id_is_refused(store: Store, publish_id: str) -> None:
    with pytest.raises(InvalidRelease):
        publish(store, publish_id, manifest=b"m", slot0=b"a")
    assert sorted(p.name for p in store.root.iterdir()) == [STAGING, ".stignore"]


def test_remove_takes_the_folder_and_the_empty_ones_above_it(store: Store) -> None:
    publish(store, "fw/app/7", manifest=b"m", slot0=b"a")
    publish(store, "fw/other", manifest=b"m", slot0=b"a")
    store.remove("fw/app/7")
    assert not (store.root / "fw" / "app").exists()
    assert (store.root / "fw" / "other" / "slot0").exists()
    with pytest.raises(ReleaseNotFound):
        store.remove("fw/app/7")


def test_remove_leaves_what_is_not_of_the_release(store: Store) -> None:
    publish(store, "v", manifest=b"m", slot0=b"a")
    (store.root / "v" / "notes.txt").write_text("mine")
    store.remove("v")
    assert [p.name for p in (store.root / "v").iterdir()] == ["notes.txt"]
    assert list((store.root / STAGING).iterdir()) == []


def test_forced_is_a_file_beside_the_release(store: Store) -> None:
    publish(store, "v", forced=True, manifest=b"m", slot0=b"a")
    assert (store.root / "v" / ".forced").exists()
    store.remove("v")
    assert not (store.root / "v").exists()


def test_prepare_clears_what_a_killed_server_left(store: Store) -> None:
    (store.root / STAGING / "half").mkdir()
    (store.root / STAGING / "half" / "manifest").write_bytes(b"m")
    store.prepare()
    assert list((store.root / STAGING).iterdir()) == []
    assert (store.root / ".stignore").read_text().splitlines().count(STAGING) == 1


def test_a_folder_that_is_a_file_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "fw").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        Store(tmp_path / "fw", 1, time.time).prepare()


def test_read_gives_the_hashed_bytes_or_says_that_they_changed(store: Store) -> None:
    publish(store, "v", manifest=b"m", slot0=b"a")
    image = store.scan(Scan()).folders["v"].images["slot0"]
    assert store.read(image) == b"a"
    (store.root / "v" / "slot0").write_bytes(b"b")
    with pytest.raises(ImageChanged):
        store.read(image)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_file_in_the_place_of_an_image_is_not_waited_for(store: Store, kind: str) -> None:
    (store.root / "v").mkdir()
    (store.root / "v" / "manifest").write_bytes(b"m")
    slot0 = store.root / "v" / "slot0"
    if kind == "pipe":
        os.mkfifo(slot0)
    elif kind == "link":
        slot0.symlink_to("/dev/zero")
    else:
        slot0.mkdir()
    with pytest.raises(ReleaseExists):
        publish(store, "v", manifest=b"m", slot0=b"a")


def test_nothing_is_written_or_removed_through_a_link(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (store.root / "link").symlink_to(outside)
    with pytest.raises(ReleaseExists, match="through a link"):
        publish(store, "link/v", manifest=b"m", slot0=b"a")
    (outside / "manifest").write_bytes(b"m")
    with pytest.raises(ReleaseExists, match="through a link"):
        store.remove("link")
    assert [p.name for p in outside.iterdir()] == ["manifest"]


class Life:
    """The server's store from one start to the next stop; `read` is what it read to hash it."""

    def __init__(self, root: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.hashes = Hashes()
        self.file = HashFile(state / "hashes", root, self.hashes, time.monotonic)
        self.file.load()
        self.store = Store(root, 1 << 20, self.now, self.hashes)
        self.store.prepare()
        self.live = LiveCatalogue(self.store, self.now)
        real = os.open

        def noted(path: str | Path, *rest: int, **options: int) -> int:
            if str(path).startswith(f"{root}/"):
                self.read.append(os.path.relpath(path, root))
            return real(path, *rest, **options)

        monkeypatch.setattr("server.firmware.whole.os.open", noted)
        self.live.refresh()
        monkeypatch.undo()

    def now(self) -> float:
        return time.time() + LATER


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Life]:
    """One more life of a server with the same two folders."""
    (tmp_path / "state").mkdir()
    return lambda: Life(tmp_path / "fw", tmp_path / "state", monkeypatch)


OF_V = ["v/manifest", "v/slot0", "v/slot1"]


def test_a_restart_does_not_hash_again(start: Callable[[], Life], tmp_path: Path) -> None:
    write_release(tmp_path / "fw" / "v")
    first = start()
    assert sorted(first.read) == sorted([*OF_V, "v/manifest"])
    first.file.save()
    second = start()
    assert second.read == ["v/manifest"]
    assert second.live.current.images == first.live.current.images
    assert second.live.current.releases == first.live.current.releases


def test_what_was_published_is_not_hashed_again_either(start: Callable[[], Life]) -> None:
    first = start()
    publish(first.store, "v", manifest=b"m", slot0=b"a")
    first.file.save()
    assert start().read == ["v/manifest"]


def test_what_changed_meanwhile_is_hashed_again_and_what_went_is_forgotten(start: Callable[[], Life], tmp_path: Path) -> None:
    """One file as rsync --inplace -t changes it: inode, size and mtime stay, ctime does not."""
    write_release(tmp_path / "fw" / "v")
    write_release(tmp_path / "fw" / "gone")
    first = start()
    first.file.save()
    shutil.rmtree(tmp_path / "fw" / "gone")
    slot0 = tmp_path / "fw" / "v" / "slot0"
    status = slot0.stat()
    with slot0.open("r+b") as file:
        file.write(b"other")
    os.utime(slot0, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert slot0.stat()[:6] == status[:6]
    second = start()
    assert sorted(second.read) == ["v/manifest", "v/slot0"]
    assert second.live.current.images["v/slot0"].sha256 == hashlib.sha256(slot0.read_bytes()).hexdigest()
    assert set(second.hashes.copy()) == {image.stamp for image in second.live.current.images.values()}


def test_a_file_that_is_being_written_is_not_taken_for_a_remembered_one(start: Callable[[], Life], tmp_path: Path) -> None:
    write_release(tmp_path / "fw" / "v")
    start().file.save()
    with (tmp_path / "fw" / "v" / "slot0").open("r+b") as writer:
        writer.write(b"half")
        writer.flush()
        assert "v/slot0" not in start().live.current.images
    assert "v/slot0" in start().live.current.images


def test_a_remembered_hash_that_is_wrong_is_never_served_and_found_out(start: Callable[[], Life], tmp_path: Path) -> None:
    """As after a power cut that kept a file's inode and lost its bytes."""
    files = write_release(tmp_path / "fw" / "v")
    first = start()
    for image in first.live.current.images.values():
        first.hashes.learn(image.stamp, Content(hashlib.sha256(image.name.encode()).hexdigest(), b""))
    first.file.save()
    second = start()
    assert second.live.current.by_id["v"].state is not State.READY
    assert second.live.current.unsettled
    current = second.live.refresh(frozenset())
    assert second.store.read(current.images["v/manifest"]) == files["manifest"]
    with pytest.raises(ImageChanged):
        second.store.read(current.images["v/slot0"])
    assert second.store.read(second.live.refresh().images["v/slot0"]) == files["slot0"]


def test_hashing_leaves_no_trace_of_a_file_that_is_there_no_more(start: Callable[[], Life], tmp_path: Path) -> None:
    first = start()
    for seed in range(5):
        write_release(tmp_path / "fw" / "v", seed=seed)
        first.live.refresh()
    assert len(first.hashes.copy()) == len(OF_V)
