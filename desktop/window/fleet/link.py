"""Asks the server for its devices and rollouts again and again, and acts on both; without widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.client import Client
from common.errors import OtaError
from common.rollout import Rollout
from desktop.fleet_news import FleetNews
from desktop.server import Server
from desktop.window.jobs import Job, Jobs

T = TypeVar("T")
WATCHED, ASIDE = 1000, 5000
"""Milliseconds between two looks: at a page that is seen, and else."""


class FleetLink(QObject):
    """One question at a time. Threads: the UI thread calls it; its signals come there."""

    heard = pyqtSignal(object, object)
    """The FleetNews, and those before it; a list that is None is not told by this server."""
    begun = pyqtSignal(object)
    """The Rollout that was asked for."""
    not_begun = pyqtSignal(str)
    """A sentence: why there is none."""
    refused = pyqtSignal(str)
    """A sentence: why a rollout could not be paused, resumed or stopped."""
    forgotten = pyqtSignal(str)
    """A sentence: why not all devices were forgotten; "" where they were."""

    def __init__(self, jobs: Jobs, server: Callable[[], Server | None], parent: QObject | None = None) -> None:
        """`server` gives the one that was chosen, while it answers."""
        super().__init__(parent)
        self._jobs, self._server = jobs, server
        self._known = FleetNews()
        self._question: Job | None = None
        self._again = False
        self._devices = self._rollouts = False
        self._address = ""
        self._timer = QTimer(self)
        self._timer.setInterval(ASIDE)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()

    @property
    def news(self) -> FleetNews:
        """The latest."""
        return self._known

    def watch(self, devices: bool, rollouts: bool) -> None:
        """Which of the two pages is seen."""
        if (devices, rollouts) == (self._devices, self._rollouts):
            return
        self._devices, self._rollouts = devices, rollouts
        self._timer.start(WATCHED if devices or rollouts else ASIDE)
        self.refresh()

    def follow(self, address: str) -> None:
        """The device whose events are wanted, too; "" is none."""
        if address != self._address:
            self._address = address
            self.refresh()

    def clear(self) -> None:
        """Another server is chosen: nothing is known of it."""
        if self._question is not None:
            self._question.silence()
            self._question = None
        self._take(FleetNews())

    def refresh(self) -> None:
        """Ask now; while a question is under way, once more after it."""
        server = self._server()
        if server is None:
            return
        if self._question is not None:
            self._again = True
            return
        before, address = self._known, self._address
        neither = not (self._devices or self._rollouts)
        devices, rollouts = self._devices or neither, self._rollouts or neither

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> FleetNews:
            with server.client(timeout=10, connect_timeout=3) as client:
                return before.again(client, address, devices, rollouts)

        self._again = False
        self._question = self._jobs.start(call, self._answered, lambda _error: self._end())

    def begin(self, act: Callable[[Client], Rollout]) -> None:
        """Have a rollout begun; `begun` or `not_begun` says how it went."""
        self._act(act, self.begun.emit, self.not_begun.emit)

    def change(self, act: Callable[[Client], Rollout]) -> None:
        """Have a rollout paused, resumed or stopped."""
        self._act(act, lambda _rollout: None, self.refused.emit)

    def forget(self, act: Callable[[Client], None]) -> None:
        """Have devices forgotten; `forgotten` says how it went."""
        self._act(act, lambda _none: self.forgotten.emit(""), self.forgotten.emit)

    def _act(self, act: Callable[[Client], T], done: Callable[[T], object], failed: Callable[[str], object]) -> None:
        server = self._server()
        if server is None:
            failed(self.tr("The server does not answer now: nothing was sent. Try again when it is reachable."))
            return

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> T:
            with server.client(timeout=30, connect_timeout=3) as client:
                return act(client)

        def succeeded(result: T) -> None:
            done(result)
            self.refresh()

        def refuse(error: OtaError) -> None:
            failed(str(error))
            self.refresh()

        self._jobs.start(call, succeeded, refuse)

    def _answered(self, news: FleetNews) -> None:
        self._take(news)
        self._end()

    def _take(self, news: FleetNews) -> None:
        before, self._known = self._known, news
        if news is not before:
            self.heard.emit(news, before)

    def _end(self) -> None:
        self._question = None
        if self._again:
            self.refresh()
