"""The sign of a severity as an icon for tables, in the palette's colours; on a selected row in colours that stand out there."""

from __future__ import annotations

from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtGui import QGuiApplication, QIcon, QPainter, QPalette, QPixmap, QRegion
from PyQt5.QtWidgets import QWidget

from common.finding import Severity
from desktop.window.widgets.severity_mark import SeverityMark

_SIDES = (16, 24, 32, 48)
"""Pixels: drawn for each, because a picture that is made smaller for a table is rough."""


class SeverityIcons:
    """Each is drawn once for a palette; None is a tick."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[Severity | None, int, int], QIcon] = {}

    def of(self, severity: Severity | None) -> QIcon:
        """The icon in the colours that the palette has now."""
        plain = QGuiApplication.palette()
        selected = QPalette(plain)
        for role in (QPalette.ColorRole.Base, QPalette.ColorRole.Window):
            selected.setColor(role, plain.color(QPalette.ColorRole.Highlight))
        selected.setColor(QPalette.ColorRole.WindowText, plain.color(QPalette.ColorRole.HighlightedText))
        key = (severity, plain.color(QPalette.ColorRole.Base).rgba(), plain.color(QPalette.ColorRole.Highlight).rgba())
        if key not in self._drawn:
            icon = self._drawn[key] = QIcon()
            for side in _SIDES:
                icon.addPixmap(_draw(severity, plain, side), QIcon.Mode.Normal)
                icon.addPixmap(_draw(severity, selected, side), QIcon.Mode.Selected)
        return self._drawn[key]


def _draw(severity: Severity | None, palette: QPalette, side: int) -> QPixmap:
    mark = SeverityMark(severity)
    mark.setPalette(palette)
    mark.resize(side, side)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    mark.render(painter, QPoint(), QRegion(), QWidget.RenderFlags(QWidget.RenderFlag.DrawChildren))
    painter.end()
    return pixmap
