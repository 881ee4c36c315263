"""Asks systemd for patience while the firmware folder is looked at for the first time, as long as that gets on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from server.systemd import Manager

_EVERY = 5.0
"""Seconds between two looks at how far it is, where no watchdog asks for more."""
_SHARE = 4
"""How often within the watchdog's time."""
_MORE = 120_000_000
"""Microseconds that the start or the reload may take from each of them on (EXTEND_TIMEOUT_USEC= of sd_notify(3))."""


class FirstLook:
    """A context manager around the look. A disk that hangs is not waited for: nothing is told while nothing gets on.

    Threads: one owner enters and leaves it; its own one, where systemd listens, tells.
    """

    def __init__(self, manager: Manager, read: Callable[[], int]) -> None:
        """`read`: how many files were read so far."""
        self._manager = manager
        self._read = read
        self._every = min(_EVERY, (manager.watchdog or 4 * _EVERY) / _SHARE)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="systemd-first-look")

    def __enter__(self) -> Self:
        if self._manager.listens:
            self._manager.tell("WATCHDOG=1")  # which a reload keeps armed, though nothing answers for a while
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        before = self._read()
        while not self._done.wait(self._every):
            now = self._read()
            if now > before:
                status = f"STATUS=looking at the firmware folder: {now} files read"
                self._manager.tell("WATCHDOG=1", f"EXTEND_TIMEOUT_USEC={_MORE}", status)
            before = now
