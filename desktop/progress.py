"""Progress bars on a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm


class _Bar(tqdm):  # type: ignore[type-arg]  # a generic at type-checking time only
    monitor_interval = 0  # no thread: every step of ours is told as it happens


class Progress:
    """One bar at a time on stderr, gone when its part is over; `with` removes what is left of it."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def upload(self, sent: int, total: int) -> None:
        """Bytes that are on their way."""
        self._show("Uploading", sent, total, unit="B", interval=0.1)

    def devices(self, answered: int, total: int) -> None:
        """Devices that have answered."""
        self._show("Notifying", answered, total, unit=" devices", interval=0)

    def end(self) -> None:
        """Take the bar away, so that a line can be printed in its place."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show(self, what: str, done: int, total: int, unit: str, interval: float) -> None:
        if not self._enabled:
            return
        if self._bar is None:
            self._bar = _Bar(
                total=total, desc=what, unit=unit, unit_scale=unit == "B", mininterval=interval,
                leave=False, file=sys.stderr, dynamic_ncols=True,
            )
        self._bar.update(done - self._bar.n)
