"""Windows without a screen, a server for them, settings of a test's own, no keyring, and no trace of a QThread that has ended."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from PyQt5.QtCore import QSettings
from PyQt5.QtGui import QColor, QFont, QPalette
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.boards import Boards
from desktop.window import jobs
from desktop.window.fleet.view import FleetView
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server import local_server
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings
from tests.support.server import Server, running

WAIT = 120_000
"""Milliseconds in which whatever is waited for has come."""


@pytest.fixture(scope="session")
def qapp_args(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """pytest-qt makes the application with these. As arguments, the platform is not handed to programs that tests start."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        patch.setenv("QT_FONT_DPI", os.environ.get("QT_FONT_DPI", "96"))
        yield ["ota-publisher", "-platform", "offscreen"]


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    """The application as people have it: Fusion, and a font that is everywhere."""

    class Application(QApplication):
        def __init__(self, arguments: list[str]) -> None:
            super().__init__(arguments)
            self.setStyle("Fusion")
            self.setFont(QFont("DejaVu Sans", 10))

    return Application


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for kind in (QSettings.NativeFormat, QSettings.IniFormat):
        QSettings.setPath(kind, QSettings.UserScope, str(tmp_path / "settings"))


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own one is nobody's to test with; not for programs that a test starts either."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    keyring.set_keyring(keyring.backends.fail.Keyring())


@pytest.fixture(autouse=True)
def _ended_threads() -> Iterator[None]:
    """Python keeps an entry for a thread of Qt's that once asked for its own name, as logging does, after its end too."""
    yield
    threads = threading._active  # type: ignore[attr-defined]
    strangers = {number for number, thread in list(threads.items()) if isinstance(thread, threading._DummyThread)}
    end = time.monotonic() + 20  # a call that is let go with its window ends a moment later
    while strangers & sys._current_frames().keys() and time.monotonic() < end:
        time.sleep(0.01)
    for number in strangers - sys._current_frames().keys():
        del threads[number]


class PatientBot(QtBot):
    """Waits for longer where a test names no time: a machine that is slow is no failure."""

    waitSignal = partialmethod(QtBot.waitSignal, timeout=WAIT)
    waitSignals = partialmethod(QtBot.waitSignals, timeout=WAIT)
    waitUntil = partialmethod(QtBot.waitUntil, timeout=WAIT)
    waitExposed = partialmethod(QtBot.waitExposed, timeout=WAIT)
    waitActive = partialmethod(QtBot.waitActive, timeout=WAIT)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:  # noqa: ARG001
    return PatientBot(request)


@pytest.fixture(autouse=True)
def _slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "START_MS", WAIT)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is cancelled, or stopped, and a server that is to end, have all the time that they need for it."""
    for module, name in ((jobs, "GRACE_MS"), (jobs, "STOP_MS"), (local_server, "STOP_MS"), (local_server, "_KILL_MS")):
        monkeypatch.setattr(module, name, WAIT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real one, with nothing published yet."""
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        yield server


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """The whole window as the program makes it; it has chosen no server yet."""
    running = Jobs()
    link = ServerLink(running)
    window = MainWindow(running, ReleaseFlow(running, Boards.load(None), lambda: link.server), link, LocalServer(), Settings())
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


@pytest.fixture
def fleet_view(qtbot: QtBot) -> FleetView:
    """The devices' list alone, with nothing in it yet."""
    view = FleetView()
    qtbot.addWidget(view)
    view.resize(1000, 600)
    view.show()
    return view


@pytest.fixture
def dark(qapp: QApplication) -> Iterator[None]:
    """A dark palette for the test."""
    before = qapp.palette()
    qapp.setPalette(dark_palette())
    yield
    qapp.setPalette(before)


def dark_palette() -> QPalette:
    """As a dark desktop gives it; disabled texts are dimmed last, because setColor sets every group."""
    palette = QPalette()
    ground, field, ink = QColor(43, 45, 48), QColor(30, 31, 34), QColor(224, 225, 228)
    for role in (QPalette.Window, QPalette.Button, QPalette.AlternateBase, QPalette.ToolTipBase):
        palette.setColor(role, ground)
    palette.setColor(QPalette.Base, field)
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText, QPalette.ToolTipText):
        palette.setColor(role, ink)
    palette.setColor(QPalette.PlaceholderText, QColor(150, 153, 158))
    palette.setColor(QPalette.Highlight, QColor(92, 153, 214))
    palette.setColor(QPalette.HighlightedText, QColor(20, 20, 22))
    palette.setColor(QPalette.Link, QColor(120, 175, 230))
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(140, 143, 148))
    return palette
