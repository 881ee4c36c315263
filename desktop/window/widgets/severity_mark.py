"""The sign beside a finding."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PyQt5.QtWidgets import QSizePolicy, QWidget

from common.finding import Severity
from desktop.window.widgets.shades import AMBER, BLUE, GREEN, RED, tone

_HUES = {Severity.ERROR: RED, Severity.WARNING: AMBER, Severity.INFO: BLUE}


class SeverityMark(QWidget):
    """Told apart by its shape as by its colour: cross, triangle, i, or a tick for None."""

    def __init__(self, severity: Severity | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.severity = severity
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A little more than a line of text."""
        side = round(self.fontMetrics().height() * 1.15)
        return QSize(side, side)

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """Draw it."""
        side = min(self.width(), self.height())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(side / 20, side / 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tone(self.palette(), GREEN if self.severity is None else _HUES[self.severity]))
        if self.severity is Severity.WARNING:
            painter.drawPolygon(QPolygonF([QPointF(10, 1.5), QPointF(19, 18), QPointF(1, 18)]))
        else:
            painter.drawEllipse(QRectF(1, 1, 18, 18))
        self._strokes(painter, self.palette().color(QPalette.ColorRole.Base))

    def _strokes(self, painter: QPainter, colour: QColor) -> None:
        painter.setPen(QPen(colour, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        if self.severity is None:
            painter.drawPolyline(QPolygonF([QPointF(6, 10.5), QPointF(9, 13.5), QPointF(14.5, 7)]))
        elif self.severity is Severity.ERROR:
            painter.drawLine(QPointF(7, 7), QPointF(13, 13))
            painter.drawLine(QPointF(13, 7), QPointF(7, 13))
        elif self.severity is Severity.WARNING:
            painter.drawLine(QPointF(10, 7.5), QPointF(10, 11.5))
            painter.drawPoint(QPointF(10, 15))
        else:
            painter.drawPoint(QPointF(10, 6))
            painter.drawLine(QPointF(10, 9.8), QPointF(10, 14))
