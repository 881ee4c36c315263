"""The editor of a device URL in the table: what is typed is judged at once, and only a device URL gets in."""

from __future__ import annotations

from PyQt5.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, Qt, pyqtSignal
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.window.address_book.model import DevicesModel

_ENDS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab})


class DeviceUrlEditor(QStyledItemDelegate):
    """Return keeps the editor open while the text is no device URL; Escape gives the old one back."""

    said = pyqtSignal(str)
    """How the text is read, or what is wrong with it; "" when the editing ended well."""

    def __init__(self, model: DevicesModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model

    def createEditor(self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex) -> QWidget | None:
        """A line that is judged as it is typed."""
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            row = index.row()
            editor.setAccessibleName(self.tr("Device URL"))
            editor.setProperty("row", row)
            editor.textEdited.connect(lambda text: self.said.emit(self._model.judge(text, row)[1]))
        return editor

    def setModelData(self, editor: QWidget | None, model: QAbstractItemModel | None, index: QModelIndex) -> None:
        """Take it over, or say that it was not."""
        if isinstance(editor, QLineEdit):
            url, said = self._model.judge(editor.text(), index.row())
            if url is None:
                self.said.emit(self.tr("“%(text)s” was not taken over. %(why)s") % {"text": editor.text(), "why": said})
                return
        super().setModelData(editor, model, index)
        self.said.emit("")

    def eventFilter(self, editor: QObject | None, event: QEvent | None) -> bool:
        """Keys that would end the editing do not while the text is no device URL."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and isinstance(editor, QLineEdit):
            if event.key() == Qt.Key.Key_Escape:
                self.said.emit("")
            elif event.key() in _ENDS:
                url, said = self._model.judge(editor.text(), editor.property("row"))
                if url is None:
                    self.said.emit(said)
                    return True
        return super().eventFilter(editor, event)
