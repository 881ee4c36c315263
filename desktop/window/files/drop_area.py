"""The place that says what to drop while there are no files yet."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from desktop.window.widgets.shades import PlainLabel, QuietLabel, blend


class DropArea(QWidget):
    """What to drop, in a dashed frame that is lit while files are held over the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lit = False
        title = PlainLabel(self.tr("Drop a manifest and its slot images here"))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.3)
        title.setFont(font)
        hint = QuietLabel(
            self.tr(
                "Three files, or the folder they are in: manifest, slot0 and slot1. They are told apart by what is"
                " in them, so their names do not matter. Anywhere in this window will do."
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 28, 28, 28)
        column.setSpacing(8)
        column.addStretch(1)
        for label in (title, hint):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addStretch(1)

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """The frame; lit while files are held over the window."""
        palette = self.palette()
        accent, ground = palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.Window)
        edge = accent if self.lit else blend(palette.color(QPalette.ColorRole.WindowText), ground, 0.4)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(edge, 2, Qt.PenStyle.DashLine))
        painter.setBrush(blend(accent, ground, 0.12 if self.lit else 0.04))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 10, 10)
