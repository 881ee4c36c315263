"""What a person does in the publisher's window: files are dropped there, and a server is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PyQt5.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.window.main_window import MainWindow

WAIT = 120_000
"""Milliseconds."""


def connected(window: MainWindow, url: str, qtbot: QtBot) -> None:
    """The window has chosen the server there, and it has answered."""
    with qtbot.waitSignal(window._link.answered, timeout=WAIT):
        window._server.choose(url)


def dropped(window: MainWindow, paths: Sequence[Path], qtbot: QtBot) -> None:
    """They were dropped on the window and looked at."""
    mime, checking = urls(paths), window._flow._checking

    def rests() -> bool:
        return not checking._settle.isActive() and (checking._job is None or checking._job.over)

    qtbot.waitUntil(rests, timeout=WAIT)  # what is found of the files that were there before is no answer
    with qtbot.waitSignal(window._flow.looked, timeout=WAIT):
        assert drop(window, mime)


def drop(widget: QWidget, mime: QMimeData) -> bool:
    """As a file manager does it; whether the widget took it."""
    how = (Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    enter = QDragEnterEvent(widget.rect().center(), *how)
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(widget, QDragMoveEvent(widget.rect().center(), *how))
    event = QDropEvent(QPointF(widget.rect().center()), *how)
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def urls(paths: Sequence[Path]) -> QMimeData:
    """Files as a file manager hands them over."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime
