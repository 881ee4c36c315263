"""Which folders changed, as inotify tells by way of watchdog."""

from __future__ import annotations

import errno
import logging
import os
import threading

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchCallback, WatchDescriptor

from server.firmware.layouts import is_mark

_CONTENT: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    FileClosedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""What changes content. The kernel is asked for no other: a look at the folder opens every file and would wake itself,
and with thousands of them overflow the queue."""
_log = logging.getLogger(__name__)


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
        if event.event_type in ("deleted", "moved") and os.fsdecode(event.src_path) == self._root:
            self.lost = True
        for path in (event.src_path, event.dest_path):
            if path:
                self._add(os.path.relpath(os.fsdecode(path), self._root), event.is_directory)

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


class Observer(BaseObserver):
    """Tells a Dirty of what changes below a folder, from `start` to `stop` and `join`.

    watchdog itself answers an overflow of the kernel's queue by giving up all watches and taking them again, which
    makes an event a watch: with more folders than the queue holds that overflows it again, for ever. Here Dirty is
    told, and whoever owns this observer makes another one.
    """

    def __init__(self, root: str, dirty: Dirty) -> None:
        self._inotify = _Inotify(dirty)
        super().__init__(InotifyEmitter, inotify_fd=self._inotify)
        self.schedule(dirty, root, recursive=True, event_filter=_CONTENT)

    def start(self) -> None:
        """Raises OSError where the kernel cannot watch."""
        self._inotify.start()
        try:
            super().start()
        except OSError:
            self._close()
            raise

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._close()

    def _close(self) -> None:
        self._inotify.stop()
        self._inotify.join()


class _Inotify(InotifyFD):
    """The kernel's queue of events."""

    def __init__(self, dirty: Dirty) -> None:
        super().__init__()
        self._dirty = dirty
        self._full = False

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as error:
            if error.errno == errno.ENOSPC and not self._full:
                self._full = True
                _log.warning(
                    "the kernel watches no more folders (%r), so in some a change is only seen at the next look at all of them:"
                    " raise fs.inotify.max_user_watches with sysctl",
                    os.fsdecode(path),
                )
            raise

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self._dirty.lose()
        else:
            super().handle_event(event)
