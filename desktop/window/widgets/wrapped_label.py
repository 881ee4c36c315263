"""A text that wraps and is never cut off."""

from __future__ import annotations

import re

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QLabel, QSizePolicy

_LONG = re.compile(r"([^\s/]{48})(?=[^\s/])")


def breakable(text: str) -> str:
    """The text, with a place to break it in each word that is too long for a line."""
    return _LONG.sub("\\1\u200b", text)


class WrappedLabel(QLabel):
    """Plain text, as high as it takes in the width that it has: a splitter and a scroll area do not ask for that.

    Hidden while it says nothing.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(breakable(text))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # no word makes the window wider
        if not text:
            self.hide()  # but never shown before it has a place in a window: it would be one of its own

    def say(self, text: str) -> None:
        """Show this; "" hides it."""
        shown = breakable(text)
        if shown != self.text():
            self.setText(shown)
            self._grow()
        self.setVisible(bool(text))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Another width has another height."""
        super().resizeEvent(event)
        QTimer.singleShot(0, self._grow)  # a layout that is at work forgets what it is told meanwhile

    def _grow(self) -> None:
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))
