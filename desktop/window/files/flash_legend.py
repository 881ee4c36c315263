"""What is said of one slot below the picture of the flash."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtWidgets import QVBoxLayout, QWidget

from desktop.window.widgets.wrapped_label import WrappedLabel


class FlashLegend(QWidget):
    """The first line in bold, the others below it."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self._lines = tuple(lines)
        title, words = WrappedLabel(lines[0]), WrappedLabel("\n".join(lines[1:]))
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(title)
        column.addWidget(words)
        column.addStretch(1)

    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines)
