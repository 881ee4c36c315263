"""Shows, sorts and filters a long list of releases on the window's page; prints the milliseconds of each longest hold."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable

from PyQt5.QtCore import QEventLoop, Qt, QTimer
from PyQt5.QtWidgets import QApplication

from common.finding import Role
from common.release import Release, ReleaseFile, State
from desktop.window.releases.page import ReleasesPage

_BEAT_MS = 400
"""How long the heartbeat is watched after each act."""
_BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def releases(count: int) -> list[Release]:
    """Made up anew each time, as a server's answer is."""
    return [_release(number) for number in range(count)]


def _release(number: int) -> Release:
    name = f"small/{number:05}"
    files = tuple(ReleaseFile(role, f"{role}.bin", 20_000 + number, "ab" * 32, f"{name}/{role}") for role in Role)
    published = _BEGIN + dt.timedelta(minutes=number)
    return Release(name, published, State.READY, files, sequence_number=number, board=f"board{number % 50}")


def longest_hold(act: Callable[[], object]) -> float:
    """Milliseconds for which nothing else ran in the UI thread, while the act ran and a moment after."""
    loop, beat = QEventLoop(), QTimer()
    last, longest = time.perf_counter(), 0.0

    def tick() -> None:
        nonlocal last, longest
        now = time.perf_counter()
        longest, last = max(longest, now - last), now

    beat.timeout.connect(tick)
    beat.start(0)
    QTimer.singleShot(0, act)
    QTimer.singleShot(_BEAT_MS, loop.quit)
    loop.exec_()
    return longest * 1000


def main(count: int) -> None:
    """One line: first shown, shown again, sorted, filtered."""
    application = QApplication([])
    page = ReleasesPage()
    page.resize(1100, 700)
    page.show()
    application.processEvents()
    lists = [releases(count), releases(count)]
    shown = [longest_hold(lambda these=these: page.show_releases(these)) for these in lists]
    sorted_by = [longest_hold(lambda n=n: page.table.sortByColumn(n, Qt.SortOrder.AscendingOrder)) for n in range(7)]
    typed = [longest_hold(lambda n=n: page.filter.setText("board7"[:n])) for n in range(1, 7)]
    print(*shown, max(sorted_by), max(typed))


if __name__ == "__main__":
    main(int(sys.argv[1]))
