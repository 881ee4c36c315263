"""The server that was chosen: whether it answers, what is on it, and the acts on its releases; without widgets."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.client import Client
from common.errors import OtaError
from common.release import Release
from desktop.window.jobs import Job, Jobs

_EVERY = 5000
"""Milliseconds between looks at the server."""


class ServerLink(QObject):
    """Asks the server again and again, one question at a time.

    Threads: the UI thread calls it; its signals come there.
    """

    asking = pyqtSignal()
    """The first question to another server is under way."""
    answered = pyqtSignal(object)
    """The list of its Releases."""
    silent = pyqtSignal(str)
    """A sentence: why there is no answer."""
    refused = pyqtSignal(object)
    """The OtaError that answered an act."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._url: str | None = None
        self._reachable = False
        self._question: Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.refresh)

    @property
    def url(self) -> str | None:
        """The address, while it answers."""
        return self._url if self._reachable else None

    def choose(self, url: str) -> None:
        """Ask this server from now on; "": none."""
        self._url, self._reachable = url.strip() or None, False
        if self._question is not None:
            self._question.silence()
            self._question = None
        if self._url is None:
            self._timer.stop()
            self.silent.emit(self.tr("No server is chosen."))
            return
        self.asking.emit()
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Ask now, unless a question is under way."""
        url = self._url
        if url is None or self._question is not None:
            return

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> list[Release]:
            with Client(url, timeout=10, connect_timeout=3) as client:
                return list(client.releases())

        def take(releases: object) -> None:
            self._question = None
            if url == self._url:
                self._reachable = True
                self.answered.emit(releases)

        def miss(error: OtaError) -> None:
            self._question = None
            if url == self._url:
                self._reachable = False
                self.silent.emit(str(error))

        self._question = self._jobs.start(call, take, miss)

    def withdraw(self, publish_id: str) -> None:
        """Take a release out of service."""
        self._act(lambda client: client.withdraw(publish_id))

    def restore(self, publish_id: str) -> None:
        """Give it back."""
        self._act(lambda client: client.restore(publish_id))

    def remove(self, publish_id: str) -> None:
        """Delete it; whoever calls has asked."""
        self._act(lambda client: client.remove(publish_id))

    def _act(self, act: Callable[[Client], object]) -> None:
        url = self._url
        if url is None:
            return

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> object:
            with Client(url, timeout=20, connect_timeout=3) as client:
                return act(client)

        self._jobs.start(call, lambda _result: self.refresh(), self._refuse)

    def _refuse(self, error: OtaError) -> None:
        self.refused.emit(error)
        self.refresh()
