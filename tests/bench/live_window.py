"""The whole window over a real server with a long list; prints the milliseconds of each longest hold of its thread.

A release of 2 x 512 KiB is picked, checked and published, and taken off the server again.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QEventLoop, QTimer
from PyQt5.QtWidgets import QApplication

from common.boards import Boards
from common.client import Client
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings
from tests.bench import folders
from tests.support.releases import write_release
from tests.support.server import running

_AFTERWARDS_MS = 400
"""How long the heartbeat is watched after each act: rows are drawn and words put together then."""
_ASK_MS = 300
_PATIENCE = 30.0
_ID = "bench/published"
_SIZE = 512 * 1024


class Watch:
    """A heartbeat in the UI thread, and what the window heard."""

    def __init__(self, link: ServerLink, flow: ReleaseFlow) -> None:
        self.lists: list[object] = []
        self.done: list[str] = []
        link.answered.connect(self.lists.append)
        link.silent.connect(self._fail)
        flow.looked.connect(lambda _look: self.done.append("looked"))
        flow.published.connect(lambda _release, _new: self.done.append("published"))
        flow.failed.connect(self._fail)

    def hold(self, act: Callable[[], object], over: Callable[[], bool], again: Callable[[], object] | None = None) -> float:
        """Milliseconds for which nothing else ran while the act ran, until it is over, and a moment after."""
        loop, beat, asking = QEventLoop(), QTimer(), QTimer()
        begin = last = time.perf_counter()
        longest, ending = 0.0, False

        def tick() -> None:
            nonlocal last, longest, ending
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
            if not ending and over():
                ending = True
                asking.stop()
                QTimer.singleShot(_AFTERWARDS_MS, loop.quit)
            if now - begin > _PATIENCE:
                sys.exit("The window did not come to an end.")

        beat.timeout.connect(tick)
        beat.start(1)
        if again is not None:
            asking.timeout.connect(again)
            asking.start(_ASK_MS)
        QTimer.singleShot(0, act)
        loop.exec_()
        return longest * 1000

    @staticmethod
    def _fail(why: object) -> None:
        sys.exit(f"The window says: {why}")


def main(firmware: Path, count: int) -> None:
    """One line: the list first shown, asked for again unchanged, with one release changed; a release picked, and published."""
    application = QApplication([])
    with tempfile.TemporaryDirectory() as temporary, running(firmware, Path(temporary) / "state") as server:
        files = Path(temporary) / "files"
        write_release(files, time.time_ns(), size=_SIZE)
        jobs = Jobs()
        link = ServerLink(jobs)
        flow = ReleaseFlow(jobs, Boards.load(None), lambda: link.server)
        window = MainWindow(jobs, flow, link, LocalServer(), Settings())
        window.show()
        application.processEvents()
        print(*_holds(Watch(link, flow), link, flow, server.url, firmware / folders.small(count // 2) / "slot0", files))
        window.close()
        jobs.stop()
        with Client(server.url) as client:
            client.remove(_ID)


def _holds(watch: Watch, link: ServerLink, flow: ReleaseFlow, url: str, image: Path, files: Path) -> list[float]:
    lists, done = watch.lists, watch.done

    def one_more() -> Callable[[], bool]:
        before = len(lists)
        return lambda: len(lists) > before

    def other() -> Callable[[], bool]:
        before = lists[-1]
        return lambda: lists[-1] is not before

    holds = [watch.hold(lambda: link.choose(url), one_more())]
    holds.append(max(watch.hold(link.refresh, one_more()) for _ in range(3)))
    for seed in range(3):
        data = folders.image_of(96, time.time_ns() + seed)
        one = watch.hold(lambda data=data: folders.replace(image, data), other(), link.refresh)
        holds[2:] = [max([one, *holds[2:]])]
    flow.set_publish_id(_ID)
    holds.append(watch.hold(lambda: flow.pick([files]), lambda: "looked" in done))
    holds.append(watch.hold(lambda: flow.publish(_ID, [], True), lambda: "published" in done))
    return holds


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
