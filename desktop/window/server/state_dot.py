"""Whether the server is there, as a small picture."""

from __future__ import annotations

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QSizePolicy, QWidget


class StateDot(QWidget):
    """Full: reachable. A ring: being asked. A ring with a bar: not let in. A cross: not reachable.

    The shape says it, in the palette's colours.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reachable: bool | None = None
        self._barred = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_state(self, reachable: bool | None) -> None:
        """`None` is being asked."""
        self._reachable, self._barred = reachable, False
        self.update()

    def show_barred(self) -> None:
        """It is there, and does not let us in."""
        self._barred = True
        self.update()

    def sizeHint(self) -> QSize:
        """As high as a line of text."""
        side = self.fontMetrics().height()
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw it in the middle."""
        side = min(self.width(), self.height()) * 0.6
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QPen(self.palette().color(QPalette.ColorRole.WindowText), max(1.5, side / 6))
        line.setCapStyle(Qt.PenCapStyle.RoundCap)
        if self._barred:
            painter.setPen(line)
            painter.drawEllipse(box.adjusted(1, 1, -1, -1))
            painter.drawLine(QPointF(box.left() + side / 4, box.center().y()), QPointF(box.right() - side / 4, box.center().y()))
        elif self._reachable:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawEllipse(box)
        elif self._reachable is None:
            painter.setPen(line)
            painter.drawEllipse(box.adjusted(1, 1, -1, -1))
        else:
            painter.setPen(line)
            cross = box.adjusted(1, 1, -1, -1)
            painter.drawLine(cross.topLeft(), cross.bottomRight())
            painter.drawLine(cross.topRight(), cross.bottomLeft())
