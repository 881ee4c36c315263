"""The folder changed -> the catalogue is refreshed, once, after a quiet moment."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from server.firmware.catalogue import LiveCatalogue
from server.firmware.events import Dirty
from server.firmware.inotify import Observer
from server.firmware.whole import QUIET
from server.service_thread import ServiceThread

_GATHER = 0.05
"""Seconds in which events that belong together are gathered before a look."""
_SOON = QUIET + 0.05
"""Seconds after an event at which what was being written then may be whole."""
_BACK_OFF = 2.0
"""Seconds between looks while something is being written: it may be whole soon, or stay open for long."""
_log = logging.getLogger(__name__)


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
        after_look: Callable[[], None] = lambda: None,
    ) -> None:
        """`rescan` in seconds; `died` is told when the thread ends by a fault; `clock` counts seconds.

        `after_look` is called by the thread after each look, and every few seconds.
        """
        self._clock = clock
        self._after_look = after_look
        self._root = os.path.realpath(root)
        self._live = live
        self._rescan = rescan
        self._dirty = Dirty(self._root)
        self._stopping = threading.Event()
        self._observer: Observer | None = None
        self._watched: int | None = None
        self._whole: float | None = None
        self.trouble = ""
        """Why the folder cannot be looked at, as a sentence; empty when all is well."""
        self._full_look = False
        self._thread = ServiceThread("catalogue", "the thread that watches the firmware folder", self._run, died)

    def start(self) -> None:
        """Look once, so that the catalogue is there, and begin to watch."""
        self._watch()
        self._look(None)
        self._thread.start()

    def wake(self) -> None:
        """Look at the whole folder soon. Any thread may call it."""
        self._full_look = True
        self._dirty.flag.set()

    @property
    def age(self) -> float:
        """Seconds since the whole folder was looked at; infinity before that could be done once. Any thread may read it."""
        return self._clock() - self._whole if self._whole is not None else float("inf")

    def stop(self) -> None:
        """End both threads and wait for them."""
        self._stopping.set()
        self._dirty.flag.set()
        self._thread.join()
        self._unwatch()

    def _run(self) -> None:
        pause = _SOON
        full = self._clock() + self._rescan
        while not self._stopping.is_set():
            self._after_look()
            unsettled = self._live.current.unsettled
            woken = self._dirty.flag.wait(min(pause if unsettled else _BACK_OFF, max(0.0, full - self._clock())))
            pause = _SOON if woken else min(1.5 * pause, _BACK_OFF)
            if self._stopping.is_set():
                return
            if woken:
                self._stopping.wait(_GATHER)
            where: frozenset[str] | None = self._dirty.take()
            blind = self._watch() or bool(self.trouble) or self._observer is None
            if blind or self._full_look or self._clock() >= full:
                where, full, self._full_look = None, self._clock() + self._rescan, False
            elif not (woken or unsettled or self._live.current.pending):
                continue
            self._look(where)

    def _look(self, where: frozenset[str] | None) -> None:
        try:
            self._live.refresh(where)
        except OSError as error:
            if not self.trouble:
                _log.warning("the firmware folder %r cannot be read (%s); it is served as it was", self._root, error.strerror)
            self.trouble = f"The firmware folder {self._root!r} cannot be read ({error.strerror}): it is served as it was."
        else:
            if self.trouble:
                _log.info("the firmware folder %r can be read again", self._root)
            self.trouble = ""
            if where is None:
                self._whole = self._clock()

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
        try:
            observer = Observer(self._root, self._dirty, self._dirty.lose)
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
