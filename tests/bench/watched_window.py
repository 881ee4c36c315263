"""Runs `python -m desktop` as it is, types one key as soon as it is drawn, and prints the two moments and its memory."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PyQt5.QtCore import QEvent, QObject, Qt, QTimer
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QApplication, QLineEdit, QMainWindow, QWidget

import desktop.__main__ as program


class _Watch(QObject):
    """Sees each event before the window does."""

    shown = 0.0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """The window's first painting."""
        if not self.shown and event is not None and event.type() == QEvent.Type.Paint:
            window = watched.window() if isinstance(watched, QWidget) else None
            if isinstance(window, QMainWindow):
                self.shown = time.clock_gettime(time.CLOCK_MONOTONIC)
                QTimer.singleShot(0, lambda: self._type(window))  # after all that waits to be drawn
        return False

    def _type(self, window: QMainWindow) -> None:
        field = next(field for field in window.findChildren(QLineEdit) if field.isVisible() and field.isEnabled())
        before = field.text()
        field.textChanged.connect(lambda _text: self._tell())
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.postEvent(field, QKeyEvent(kind, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, before + "a"))

    def _tell(self) -> None:
        usable = time.clock_gettime(time.CLOCK_MONOTONIC)
        status = Path("/proc/self/status").read_text().splitlines()
        memory = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
        print(self.shown, usable, memory, flush=True)
        application = QApplication.instance()
        assert application is not None
        application.removeEventFilter(self)  # Qt would ask it once more when Python is gone
        application.exit(0)


class _Application(QApplication):
    """Watched from its first event on."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self._watch = _Watch()
        self.installEventFilter(self._watch)


if __name__ == "__main__":
    setattr(program, "QApplication", _Application)  # noqa: B010
    sys.exit(program.main([]))
