"""What stands where a list has nothing to show: what that means and what to do, with at most one button."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop.window.widgets.said_label import SaidLabel


class EmptyState(QWidget):
    """A title, a few lines that can be selected, and a button."""

    pressed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._title = SaidLabel(1.35)
        self._text = SaidLabel()
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button = QPushButton()
        self.button.clicked.connect(self._press)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addStretch(2)
        for widget in (self._title, self._text):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(widget, 5)
            row.addStretch(1)
            layout.addLayout(row)
        layout.addSpacing(4)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def say(self, title: str, text: str, button: str = "") -> None:
        """Show this; without a word for it there is no button."""
        self._title.setText(title)
        self._text.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)

    def text(self) -> str:
        """What is said, the title first."""
        return f"{self._title.text()}\n{self._text.text()}"

    def _press(self) -> None:
        self.pressed.emit()
