"""The folder changes, and the catalogue follows: with inotify, without it, and when the root is made again."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watchdog.observers import inotify_c

from server.firmware import inotify
from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store
from server.firmware.watcher import Watcher
from tests.support.releases import riot_release, write_release
from tests.waiting import wait_until


@contextmanager
def watching(folder: Path, rescan: float = 3600) -> Iterator[LiveCatalogue]:
    store = Store(folder, 1 << 24, time.time)
    store.prepare()
    live = LiveCatalogue(store, time.time)
    died: list[str] = []
    watcher = Watcher(folder, live, rescan, died.append)
    watcher.start()
    try:
        yield live
    finally:
        watcher.stop()
        assert not died


def test_copied_moved_replaced_removed(tmp_path: Path) -> None:
    folder, source = tmp_path / "fw", tmp_path / "source"
    files = riot_release(source)
    with watching(folder) as live:
        subprocess.run(["cp", "-r", source, folder / "a"], check=True)
        wait_until(lambda: "a/slot1" in live.current.images, what="the copied release")
        (folder / "deep" / "er").mkdir(parents=True)
        shutil.copytree(source, tmp_path / "b")
        os.rename(tmp_path / "b", folder / "deep" / "er" / "b")
        wait_until(lambda: "deep/er/b/slot0" in live.current.images, what="the moved release")
        (folder / "a" / "manifest").write_bytes(b"opaque")
        (folder / "a" / "slot0").write_bytes(b"other bytes")
        wait_until(lambda: live.current.images["a/slot0"].size == 11, what="the replaced file")
        (folder / "deep" / "er" / "b" / "manifest").write_bytes(b"opaque, and the image is of another size")
        (folder / "deep" / "er" / "b" / "slot0").write_bytes(b"changed")
        wait_until(lambda: live.current.images["deep/er/b/slot0"].size == 7, what="a change within what was moved in")
        os.rename(folder / "deep", folder / "flat")
        wait_until(lambda: "flat/er/b/slot0" in live.current.images and "deep/er/b/slot0" not in live.current.images)
        shutil.rmtree(folder / "flat")
        wait_until(lambda: [r.publish_id for r in live.current.releases] == ["a"], what="the removed release")
    assert len(files) == 3


def test_a_slow_copy_delays_itself_alone(tmp_path: Path) -> None:
    folder = tmp_path / "fw"
    write_release(folder / "slow")
    with watching(folder) as live:
        wait_until(lambda: "slow/slot0" in live.current.images)
        old = live.current.images["slow/slot0"]
        with (folder / "slow" / "slot0").open("r+b") as writer:
            writer.write(b"new")
            writer.flush()
            write_release(folder / "quick", seed=2)
            wait_until(lambda: "quick/slot1" in live.current.images, what="the other release")
            assert live.current.images["slow/slot0"] == old
        wait_until(lambda: live.current.images["slow/slot0"] != old, what="the slow one, once it is closed")


def test_without_inotify_the_rescan_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fw"
    monkeypatch.setattr("server.firmware.events.Dirty.on_any_event", lambda *_: None)
    with watching(folder, rescan=0.2) as live:
        write_release(folder / "v")
        wait_until(lambda: "v/slot1" in live.current.images, what="the rescan")
        shutil.rmtree(folder / "v")
        wait_until(lambda: not live.current.images, what="the rescan")


@pytest.mark.expects_log("cannot be read")
@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_a_root_that_is_made_again_is_watched_again(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "fw"
    write_release(folder / "v")
    with watching(folder) as live:
        wait_until(lambda: "v/slot0" in live.current.images)
        if how == "renamed":
            os.rename(folder, tmp_path / "away")
        else:
            shutil.rmtree(folder)
        write_release(folder / "w")
        wait_until(lambda: set(live.current.by_id) == {"w"}, what="the new root")
        write_release(folder / "x")
        wait_until(lambda: "x/slot0" in live.current.images, what="a change in the new root")


def test_reading_does_not_wake_it(tmp_path: Path) -> None:
    folder = tmp_path / "fw"
    write_release(folder / "v")
    with watching(folder) as live:
        wait_until(lambda: "v/slot0" in live.current.images and not live.current.unsettled)
        looks = []
        refresh = live.refresh
        live.refresh = lambda where=None: (looks.append(where), refresh(where))[1]  # type: ignore[method-assign]
        for _ in range(20):
            (folder / "v" / "slot0").read_bytes()
        write_release(folder / "w")
        wait_until(lambda: "w/slot1" in live.current.images)
        assert all(where is not None and "v" not in where for where in looks)


def test_what_was_moved_out_is_watched_no_more(tmp_path: Path) -> None:
    folder, outside = tmp_path / "fw", tmp_path / "outside"
    write_release(folder / "v")
    with watching(folder) as live:
        wait_until(lambda: "v/slot0" in live.current.images)
        os.rename(folder / "v", outside)
        wait_until(lambda: not live.current.images, what="the release that left")
        write_release(folder / "w")
        wait_until(lambda: "w/slot1" in live.current.images)
        assert watches() == 2, "the root and w"


def watches() -> int:
    """How many folders this process watches."""
    count = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            count += info.read_text().count("inotify wd:")
    return count


def test_lost_events_are_made_good_by_a_look_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More changes than the kernel keeps while nobody reads them, as when a whole tree is copied."""
    folder = tmp_path / "fw"
    write_release(folder / "v")
    (folder / "many").mkdir()
    reading = threading.Event()
    reading.set()
    real = inotify._Emitter.queue_events

    def read(self: inotify._Emitter, timeout: float) -> None:
        reading.wait()
        real(self, timeout)

    monkeypatch.setattr(inotify._Emitter, "queue_events", read)
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with watching(folder) as live:
        wait_until(lambda: "v/slot0" in live.current.images and not live.current.unsettled)
        reading.clear()
        (folder / "v" / "slot0").write_bytes(b"wakes the reader")
        for number in range(room // 2 + 10):
            (folder / "many" / f"{number}").touch()
        write_release(folder / "w", seed=2)
        reading.set()
        wait_until(lambda: "w/slot1" in live.current.images, what="what was not told")
        write_release(folder / "x", seed=3)
        wait_until(lambda: "x/slot1" in live.current.images, what="what came after")


@pytest.mark.expects_log("raise fs.inotify.max_user_watches")
def test_fewer_watches_than_folders_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fw"
    for name in ("v", "w", "x"):
        write_release(folder / name)
    watched: list[bytes] = []

    def add(fd: int, path: bytes, mask: int) -> int:
        if len(watched) == 2:
            ctypes.set_errno(errno.ENOSPC)
            return -1
        watched.append(path)
        return real(fd, path, mask)

    real = inotify_c.inotify_add_watch
    monkeypatch.setattr(inotify_c, "inotify_add_watch", add)
    with watching(folder, rescan=0.5) as live:
        wait_until(lambda: {"v/slot0", "w/slot0", "x/slot0"} <= live.current.images.keys())
        for name in ("v", "w", "x"):
            (folder / name / "slot0").write_bytes(b"new")
        wait_until(lambda: all(live.current.images[f"{name}/slot0"].size == 3 for name in ("v", "w", "x")))
