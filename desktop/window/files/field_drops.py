"""Files that are dropped on a field are for the window, and no text for the field."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QObject
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QLineEdit, QPlainTextEdit, QTextEdit, QWidget

_DRAGS = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)


class FieldDrops(QObject):
    """Has every field below a widget leave such a drop to whatever is above it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        for kind in (QLineEdit, QPlainTextEdit, QTextEdit):
            for field in window.findChildren(kind):
                field.installEventFilter(self)
                viewport = None if isinstance(field, QLineEdit) else field.viewport()
                if viewport is not None:
                    viewport.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Qt asks the widget above when a drag is not accepted here."""
        if a1 is None or a1.type() not in _DRAGS or not isinstance(a1, QDropEvent):
            return super().eventFilter(a0, a1)
        mime = a1.mimeData()
        if mime is None or not mime.hasUrls():
            return super().eventFilter(a0, a1)
        a1.ignore()
        return True
