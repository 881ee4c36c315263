"""A small drawn mark for each state of a release: the shape tells them apart, the colours are the palette's."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPen, QPixmap

from common.release import State

_SIDES = (16, 24, 32, 48)
"""Pixels: drawn for each, because a picture that is made smaller for a table is rough."""


class ReleaseMarks:
    """A full dot for ready, half a dot for incomplete, a cross for rejected, a ring for withdrawn; each is drawn once."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[State, int, int], QIcon] = {}

    def of(self, state: State) -> QIcon:
        """The mark in the colours that the palette has now."""
        palette = QGuiApplication.palette()
        plain, selected = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.HighlightedText)
        key = (state, plain.rgba(), selected.rgba())
        if key not in self._drawn:
            icon = self._drawn[key] = QIcon()
            for side in _SIDES:
                icon.addPixmap(_draw(state, plain, side), QIcon.Mode.Normal)
                icon.addPixmap(_draw(state, selected, side), QIcon.Mode.Selected)
        return self._drawn[key]


def _draw(state: State, colour: QColor, side: int) -> QPixmap:
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / 64, side / 64)
    painter.setPen(QPen(colour, 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    circle = QRectF(14, 14, 36, 36)
    if state is State.REJECTED:
        painter.drawLine(QPointF(16, 16), QPointF(48, 48))
        painter.drawLine(QPointF(48, 16), QPointF(16, 48))
    else:
        painter.drawEllipse(circle)
        painter.setBrush(colour)
        if state is State.READY:
            painter.drawEllipse(circle)
        elif state is State.INCOMPLETE:
            painter.drawPie(circle, 90 * 16, 180 * 16)
    painter.end()
    return pixmap
