"""Which folders changed, gathered until the next look."""

from __future__ import annotations

import os
import threading

from watchdog.events import FileSystemEvent, FileSystemEventHandler

from server.firmware.layouts import is_mark


class Dirty(FileSystemEventHandler):
    """Gathers the folders whose content changed. watchdog's threads call it, and an exception would end them."""

    def __init__(self, root: str) -> None:
        """`root` without links."""
        self._root = root
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self.flag = threading.Event()
        self.lost = False
        """Events were lost, or the root itself is gone: another of its name is not watched yet, even with the same inode."""

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = os.fsdecode(event.src_path)
        if event.event_type == "deleted" and path == self._root:
            self.lost = True
        self._add(os.path.relpath(path, self._root), event.is_directory)

    def lose(self) -> None:
        """Events were lost: everything has to be watched and looked at anew."""
        self.lost = True
        self.flag.set()

    def _add(self, path: str, is_folder: bool) -> None:
        folder, name = os.path.split(path)
        segments = folder.split(os.sep) if folder else []
        if any(s.startswith(".") for s in segments) or (name.startswith(".") and name != os.curdir and not is_mark(name)):
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
