"""The folder changed -> the catalogue is refreshed, once, after a quiet moment."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from server.firmware.catalogue import LiveCatalogue
from server.firmware.layouts import FORCED

_CONTENT = frozenset({"created", "moved", "deleted", "closed"})
"""Reading a file makes `opened` and `closed_no_write` events: the scan must not wake itself."""
_GATHER = 0.05
"""Seconds in which events that belong together are gathered before a look."""
_SOON = 0.1
_BACK_OFF = 2.0
"""Seconds between looks while something is being written: it may be whole soon, or stay open for long."""
_log = logging.getLogger(__name__)


class _Dirty(FileSystemEventHandler):
    """Gathers the folders whose content changed. The observer's thread calls it, and an exception would end that."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self.flag = threading.Event()
        self.lost = False
        """The root itself is gone: another folder of its name is not watched yet, even with the same inode."""

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _CONTENT:
            return
        if event.event_type in ("deleted", "moved") and os.fsdecode(event.src_path) == self._root:
            self.lost = True
        for path in (event.src_path, event.dest_path):
            if path:
                self._add(os.path.relpath(os.fsdecode(path), self._root), event.is_directory)

    def _add(self, path: str, is_folder: bool) -> None:
        folder, name = os.path.split(path)
        segments = folder.split(os.sep) if folder else []
        if any(s.startswith(".") for s in segments) or (name.startswith(".") and name not in (os.curdir, FORCED)):
            return
        with self._lock:
            self._paths.add(folder)
            if is_folder and path != os.curdir:
                self._paths.add(path)
        self.flag.set()

    def take(self) -> frozenset[str]:
        """The folders gathered since the last call, as paths below the root."""
        with self._lock:
            taken, self._paths = frozenset(self._paths), set()
            self.flag.clear()
        return taken


class Watcher:
    """Keeps a LiveCatalogue true to the folder.

    Threads: owns watchdog's, whose handler only sets a flag, and `catalogue`, which looks. It looks also every
    `rescan` seconds: inotify can overflow, is missing on some file systems, and forgets a root that is made again.
    """

    def __init__(
        self,
        root: Path,
        live: LiveCatalogue,
        rescan: float,
        died: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rescan` in seconds; `died` is told when the thread ends by a fault; `clock` counts seconds."""
        self._clock = clock
        self._root = os.path.realpath(root)
        self._live = live
        self._rescan = rescan
        self._died = died
        self._dirty = _Dirty(self._root)
        self._stopping = threading.Event()
        self._observer: BaseObserver | None = None
        self._watched: int | None = None
        self._failing = False
        self._full_look = False
        self._thread = threading.Thread(target=self._run, name="catalogue")

    def start(self) -> None:
        """Look once, so that the catalogue is there, and begin to watch."""
        self._watch()
        self._look(None)
        self._thread.start()

    def wake(self) -> None:
        """Look at the whole folder soon. Any thread may call it."""
        self._full_look = True
        self._dirty.flag.set()

    def stop(self) -> None:
        """End both threads and wait for them."""
        self._stopping.set()
        self._dirty.flag.set()
        if self._thread.is_alive():
            self._thread.join()
        self._unwatch()

    def _run(self) -> None:
        try:
            pause = _SOON
            full = self._clock() + self._rescan
            while not self._stopping.is_set():
                unsettled = self._live.current.unsettled
                woken = self._dirty.flag.wait(min(pause if unsettled else _BACK_OFF, max(0.0, full - self._clock())))
                pause = _SOON if woken else min(1.5 * pause, _BACK_OFF)
                if self._stopping.is_set():
                    return
                if woken:
                    self._stopping.wait(_GATHER)
                where: frozenset[str] | None = self._dirty.take()
                blind = self._watch() or self._failing or self._observer is None
                if blind or self._full_look or self._clock() >= full:
                    where, full, self._full_look = None, self._clock() + self._rescan, False
                elif not (woken or unsettled or self._live.current.pending):
                    continue
                self._look(where)
        except Exception:
            _log.exception("the thread that watches the firmware folder died")
            self._died("catalogue")

    def _look(self, where: frozenset[str] | None) -> None:
        try:
            self._live.refresh(where)
            self._failing = False
        except OSError as error:
            if not self._failing:
                _log.warning("the firmware folder %r cannot be read (%s); it is served as it was", self._root, error.strerror)
            self._failing = True

    def _watch(self) -> bool:
        """Watch the root, and again when another folder has taken its place; whether that was so."""
        try:
            inode = os.stat(self._root).st_ino
        except OSError:
            inode = None
        if inode == self._watched and not self._dirty.lost:
            return False
        self._unwatch()
        self._watched = inode
        if inode is None:
            return True
        observer = Observer()
        try:
            observer.schedule(self._dirty, self._root, recursive=True)
            observer.start()
        except OSError as error:
            _log.warning(
                "changes in the firmware folder cannot be watched (%s), so it is looked at every %s s",
                error.strerror or error,
                min(_BACK_OFF, self._rescan),
            )
            return True
        self._observer = observer
        return True

    def _unwatch(self) -> None:
        observer, self._observer, self._dirty.lost = self._observer, None, False
        if observer is not None:
            observer.stop()
            observer.join()
