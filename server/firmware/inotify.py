"""The kernel's inotify -> what changed below a folder, as watchdog's events.

watchdog brings the threads, the events and the calls into the kernel. Its own emitters are not used. Version 2.2 does not
watch what is inside a folder that is moved in, may die of a KeyError when folders come and go, and keeps it to itself that
events were lost. Version 7 answers an overflow of the kernel's queue by giving up all watches and taking them again, which
makes an event a watch: with more folders than the queue holds that overflows it again, for ever.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import select
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from watchdog.events import DirCreatedEvent, DirDeletedEvent, FileModifiedEvent, FileSystemEventHandler
from watchdog.observers import inotify_c
from watchdog.observers.api import BaseObserver, EventEmitter
from watchdog.observers.inotify_c import InotifyConstants as Inotify

_COME = Inotify.IN_CREATE | Inotify.IN_MOVED_TO
_GONE = Inotify.IN_DELETE | Inotify.IN_MOVED_FROM
_CONTENT = _COME | _GONE | Inotify.IN_CLOSE_WRITE | Inotify.IN_ONLYDIR | Inotify.IN_DONT_FOLLOW
"""What changes content. The kernel is asked for no other: a look at the folder opens every file and would wake itself,
and with thousands of them overflow the queue."""
_HEAD = struct.Struct("iIII")
"""inotify(7): the watch, the mask, the cookie of a move, the length of the name that follows."""
_ROOM = 1 << 16
"""Bytes of events that are read at once."""
_log = logging.getLogger(__name__)


class Observer(BaseObserver):
    """Tells a handler of what changes below a folder, from `start` to `stop` and `join`.

    Threads: owns two; one reads the events, the other calls the handler.
    """

    def __init__(self, root: str, handler: FileSystemEventHandler, lose: Callable[[], None]) -> None:
        """`root` without links; `lose` is called when the kernel could not keep all events."""
        super().__init__(partial(_Emitter, lose))  # type: ignore[arg-type]
        self.schedule(handler, root, recursive=True)


class _Emitter(EventEmitter):
    """Reads the kernel's queue. A move is one folder's loss and another's gain. Folders with a dot in front are not watched."""

    def __init__(self, lose: Callable[[], None], *args: Any, **switches: Any) -> None:
        super().__init__(*args, **switches)
        self._lose = lose
        self._root = os.fsencode(self.watch.path)
        self._paths: dict[int, bytes] = {}
        self._full = False
        self._kernel = self._end = -1

    def on_thread_start(self) -> None:
        """Raises OSError where the kernel cannot watch the root."""
        self._kernel, self._end = inotify_c.inotify_init(), os.eventfd(0)
        if self._kernel == -1 or not self._follow(self._root):
            number = ctypes.get_errno()
            self._close()
            raise OSError(number, os.strerror(number))
        for _ in self._tree(self._root):
            pass

    def on_thread_stop(self) -> None:
        if self._end != -1:
            os.eventfd_write(self._end, 1)

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._close()

    def queue_events(self, timeout: float) -> None:  # noqa: ARG002
        """Wait for events, or for the end."""
        poll = select.poll()
        poll.register(self._kernel, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        if any(file == self._end for file, _ in poll.poll()):
            return
        data, at = os.read(self._kernel, _ROOM), 0
        while at < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size + length
            self._take(watch, mask, data[at - length : at].rstrip(b"\0"))

    def _take(self, watch: int, mask: int, name: bytes) -> None:
        folder = self._paths.get(watch)
        if mask & Inotify.IN_Q_OVERFLOW:
            self._lose()
        elif folder is None:
            pass
        elif mask & Inotify.IN_IGNORED:
            del self._paths[watch]
            if folder == self._root:
                self.queue_event(DirDeletedEvent(os.fsdecode(folder)))
        elif not mask & Inotify.IN_ISDIR:
            self.queue_event(FileModifiedEvent(os.fsdecode(os.path.join(folder, name))))
        elif mask & _GONE:
            path = os.path.join(folder, name)
            if mask & Inotify.IN_MOVED_FROM:
                self._forget(path)
            self.queue_event(DirDeletedEvent(os.fsdecode(path)))
        elif not name.startswith(b"."):
            for path in self._tree(os.path.join(folder, name)):
                self.queue_event(DirCreatedEvent(os.fsdecode(path)))

    def _tree(self, path: bytes) -> Iterator[bytes]:
        """This folder and those in it, each watched before it is looked into, so that what comes meanwhile is told, too."""
        left = [path]
        while left:
            folder = left.pop()
            self._follow(folder)
            yield folder
            try:
                with os.scandir(folder) as entries:
                    left += [e.path for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(b".")]
            except OSError:  # gone again, or not ours to read; the look at it tells of that
                continue

    def _follow(self, folder: bytes) -> bool:
        """Watch a folder; False, with ctypes' errno, where that cannot be. One that is watched already only changes its name."""
        watch = inotify_c.inotify_add_watch(self._kernel, folder, _CONTENT)
        if watch != -1:
            self._paths[watch] = folder
        elif ctypes.get_errno() == errno.ENOSPC and folder != self._root and not self._full:
            self._full = True
            _log.warning(
                "the kernel watches no more folders (%r), so in some a change is only seen at the next look at all of them:"
                " raise fs.inotify.max_user_watches with sysctl",
                os.fsdecode(folder),
            )
        return watch != -1

    def _forget(self, path: bytes) -> None:
        """A folder went away whole: it may be outside by now, where it is nobody's business."""
        inside = path + b"/"
        for watch in [w for w, p in self._paths.items() if p == path or p.startswith(inside)]:
            del self._paths[watch]
            inotify_c.inotify_rm_watch(self._kernel, watch)  # type: ignore[arg-type]

    def _close(self) -> None:
        for file in (self._kernel, self._end):
            if file != -1:
                os.close(file)
        self._kernel = self._end = -1
