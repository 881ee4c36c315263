"""A sentence in the window that can be selected and copied, and that a screen reader reads as it stands."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel


class SaidLabel(QLabel):
    """Plain text, wrapped; its accessible name is what it says. `grown` makes a title of it."""

    def __init__(self, grown: float | None = None) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if grown is not None:
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * grown)
            font.setBold(True)
            self.setFont(font)

    def setText(self, text: str | None) -> None:
        """Say this."""
        super().setText(text)
        self.setAccessibleName(text or "")
