"""Has the picked files checked, a moment after the last change; without widgets."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.boards import Boards
from common.errors import OtaError
from desktop.bundle import Bundle
from desktop.server import Server
from desktop.window.check.look import Look, look
from desktop.window.jobs import Job, Jobs

_SETTLE = 250
"""Milliseconds without a change before the files are checked."""
_PATIENCE = 400
"""Milliseconds that a server has before what is found here is shown in the meantime."""


class CheckFlow(QObject):
    """Tells what the latest check found; results of earlier ones are dropped. Threads: the UI thread only."""

    looked = pyqtSignal(object)
    """A Look: once, or twice where the server takes its time."""

    _found = pyqtSignal(int, object)

    def __init__(
        self, jobs: Jobs, boards: Boards, server: Callable[[], Server | None], bundle: Callable[[], Bundle], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._jobs, self._boards, self._server, self._bundle = jobs, boards, server, bundle
        self._publish_id = ""
        self._number = 0
        """Of the latest check."""
        self._job: Job | None = None
        self._meanwhile: Look | None = None
        """What was found here, while the server has not answered."""
        self._settle = self._timer(_SETTLE, self._check)
        self._late = self._timer(_PATIENCE, self._show_meanwhile)
        self._found.connect(self._take)

    def _timer(self, interval: int, then: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(then)
        return timer

    def set_publish_id(self, publish_id: str) -> None:
        """The name that is to be checked with the files."""
        if publish_id != self._publish_id:
            self._publish_id = publish_id
            self.again()

    def again(self) -> None:
        """Something is another than it was."""
        self._settle.start()

    def _check(self) -> None:
        self._number += 1
        number, bundle, server, publish_id = self._number, self._bundle(), self._server(), self._publish_id
        self._meanwhile = None
        self._late.stop()

        def call(_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Look:
            found = Look(None, "", "")
            for found in look(bundle, server, publish_id, self._boards, cancelled):
                self._found.emit(number, found)
            return found

        if self._job is not None:
            self._job.silence()
        self._job = self._jobs.start(call, lambda found: self._end(number, found), lambda error: self._miss(number, error))

    def _take(self, number: int, found: object) -> None:
        if number == self._number and isinstance(found, Look):
            self._meanwhile = found
            self._late.start()

    def _show_meanwhile(self) -> None:
        if self._meanwhile is not None:
            self.looked.emit(self._meanwhile)

    def _end(self, number: int, found: Look) -> None:
        if number == self._number:
            self._meanwhile = None
            self._late.stop()
            self.looked.emit(found)

    def _miss(self, number: int, error: OtaError) -> None:
        self._end(number, Look(None, "", str(error)))
