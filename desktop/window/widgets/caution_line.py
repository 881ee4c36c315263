"""A sentence of caution, with the sign of a warning before it."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QHBoxLayout, QWidget

from common.finding import Severity
from desktop.window.widgets.said_label import SaidLabel
from desktop.window.widgets.severity_mark import SeverityMark


class CautionLine(QWidget):
    """Sign and sentence; hidden where there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self._said = SaidLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(SeverityMark(Severity.WARNING), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._said, 1)

    def say(self, text: str) -> None:
        """Show this; "" hides it."""
        if text != self._said.text():
            self._said.setText(text)
        self.setVisible(bool(text))

    def text(self) -> str:
        """What is said."""
        return self._said.text()
