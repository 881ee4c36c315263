"""The picked files as a table, in which a role is changed and a file is taken out."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QKeySequence, QResizeEvent, QWheelEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QShortcut,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QWidget,
)

from common.finding import Role
from desktop import wording
from desktop.bundle import PickedFile

_ROLE, _NAME, _SIZE, _DIGEST, _VERSION, _AGE, _REMOVE = range(7)
_LEAST_NAME = 18
"""Characters of a file's name that are to be seen."""


class RoleBox(QComboBox):
    """A file's role. A turn of the wheel scrolls the page and changes no role."""

    def wheelEvent(self, e: QWheelEvent | None) -> None:
        """Left to whatever scrolls."""
        if e is not None:
            e.ignore()


class FilesTable(QTableWidget):
    """A row for each file; keeps the keyboard's place when the files change."""

    role_changed = pyqtSignal(object, object)
    """Path, and Role or None."""
    removed = pyqtSignal(object)
    """Path."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 7, parent)
        self._shown: list[tuple[Role | None, PickedFile]] = []
        self._widgets: list[tuple[RoleBox, QToolButton]] = []
        self.setAccessibleName(self.tr("Files"))
        titles = (self.tr("Role"), self.tr("File"), self.tr("Size"), self.tr("SHA-256"), self.tr("Version"), self.tr("Changed"))
        self.setHorizontalHeaderLabels([*titles, ""])
        header, rows = QHeaderView(Qt.Orientation.Horizontal), QHeaderView(Qt.Orientation.Vertical)
        self.setHorizontalHeader(header)
        self.setVerticalHeader(rows)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(self.fontMetrics().averageCharWidth() * 3)
        header.setDefaultAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        rows.hide()
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSizeAdjustPolicy(QAbstractItemView.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self._remove_current)

    def show_files(self, files: Sequence[tuple[Role | None, PickedFile]]) -> bool:
        """Show these; False where the keyboard was in the table and there is no row left for it."""
        held = self._held()
        self._shown = list(files)
        self._widgets = []
        self.setRowCount(0)
        self.setRowCount(len(files))
        last: QWidget = self
        for row, (role, file) in enumerate(files):
            self._fill(row, file)
            box, remove = self._role_box(role, file), self._remove_button(file)
            self._widgets.append((box, remove))
            for column, widget in ((_ROLE, box), (_REMOVE, remove)):
                self.setCellWidget(row, column, _padded(widget))
                QWidget.setTabOrder(last, widget)
                last = widget
        self._make_room()
        self.updateGeometry()
        return self._give_back(held)

    def show_ages(self, now: float) -> None:
        """Say how long ago each was changed, or that it is gone; `now` in seconds since the epoch."""
        for row, (_, file) in enumerate(self._shown):
            item = self.item(row, _AGE)
            if item is not None:
                item.setText(self.tr("not on disk") if file.gone else self._age(now - file.mtime))

    def sizeHint(self) -> QSize:
        """Wide enough for every column."""
        wide = self._least_name() + sum(map(self._width_of, (_ROLE, _SIZE, _DIGEST, _VERSION, _AGE, _REMOVE)))
        return QSize(wide + 2 * self.frameWidth(), super().sizeHint().height())

    def resizeEvent(self, e: QResizeEvent | None) -> None:
        """Where it is narrow, names go before the rest, which their tool tip has too."""
        super().resizeEvent(e)
        self._make_room()

    def role_box(self, row: int) -> RoleBox:
        """The one in this row."""
        return self._widgets[row][0]

    def remove_button(self, row: int) -> QToolButton:
        """The one in this row."""
        return self._widgets[row][1]

    def _make_room(self) -> None:
        viewport = self.viewport()
        width = viewport.width() if viewport is not None else self.width()
        room = width - sum(map(self._width_of, (_ROLE, _SIZE, _DIGEST, _VERSION, _AGE, _REMOVE)))
        for column in (_DIGEST, _AGE, _SIZE):
            narrow = room < self._least_name()
            room += self._width_of(column) if narrow else 0
            if self.isColumnHidden(column) != narrow:
                self.setColumnHidden(column, narrow)

    def _width_of(self, column: int) -> int:
        header = self.horizontalHeader()
        return max(self.sizeHintForColumn(column), header.sectionSizeHint(column) if header is not None else 0)

    def _least_name(self) -> int:
        return self.fontMetrics().averageCharWidth() * _LEAST_NAME

    def _fill(self, row: int, file: PickedFile) -> None:
        size = wording.size(file.size)
        texts = {_NAME: file.path.name, _SIZE: size, _DIGEST: file.sha256[:8], _VERSION: self._version(file), _AGE: ""}
        told = self.tr("{}\n{} bytes, SHA-256 {}").format(file.path, file.size, file.sha256)
        tips = {_NAME: told, _SIZE: self.tr("{} bytes").format(file.size), _DIGEST: file.sha256}
        for column, text in texts.items():
            item = QTableWidgetItem(text)
            if tip := tips.get(column):
                lines = "<br>".join(html.escape(tip).splitlines())
                item.setToolTip(f"<qt>{lines}</qt>")
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, tip)
            self.setItem(row, column, item)

    def _role_box(self, role: Role | None, file: PickedFile) -> RoleBox:
        box = RoleBox()
        box.setAccessibleName(self.tr("Role of {}").format(file.path.name))
        box.addItems([one.value for one in Role])
        box.addItem(self.tr("no role"))
        box.setCurrentIndex(list(Role).index(role) if role is not None else len(Role))
        box.activated.connect(lambda index: self._change(file.path, role, index))
        return box

    def _remove_button(self, file: PickedFile) -> QToolButton:
        button = QToolButton()
        button.setText("×")
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setToolTip(self.tr("Take this file out; it stays on disk"))
        button.setAccessibleName(self.tr("Take out {}").format(file.path.name))
        button.clicked.connect(lambda: self.removed.emit(file.path))
        return button

    def _version(self, file: PickedFile) -> str:
        """What the file itself says of what it is."""
        if file.is_suit:
            return self.tr("SUIT")
        if file.header is None:
            return self.tr("no header")
        return str(file.header.version) if file.header.intact else self.tr("damaged header")

    def _age(self, seconds: float) -> str:
        if seconds < -60:
            return self.tr("in the future")
        for unit, words in ((86400, self.tr("{} d ago")), (3600, self.tr("{} h ago")), (60, self.tr("{} min ago"))):
            if seconds >= unit:
                return words.format(int(seconds // unit))
        return self.tr("just now")

    def _change(self, path: Path, was: Role | None, index: int) -> None:
        role = list(Role)[index] if index < len(Role) else None
        if role is not was:
            self.role_changed.emit(path, role)

    def _remove_current(self) -> None:
        held = self._held()
        if held is not None:
            self.removed.emit(self._shown[held[0]][1].path)

    def _held(self) -> tuple[int, int, Path] | None:
        """Where the keyboard focus is: row, column and file; None outside of the rows."""
        for row, widgets in enumerate(self._widgets):
            for column, widget in zip((_ROLE, _REMOVE), widgets, strict=True):
                if widget.hasFocus():
                    return row, column, self._shown[row][1].path
        row = self.currentRow()
        return (row, _NAME, self._shown[row][1].path) if self.hasFocus() and 0 <= row < len(self._shown) else None

    def _give_back(self, held: tuple[int, int, Path] | None) -> bool:
        """Focus on the same file, else on the row that came up in its place."""
        if held is None:
            return True
        row, column, path = held
        row = next((n for n, (_, file) in enumerate(self._shown) if file.path == path), min(row, len(self._shown) - 1))
        if row < 0:
            return False
        self.setCurrentCell(row, _NAME)
        {_ROLE: self._widgets[row][0], _REMOVE: self._widgets[row][1]}.get(column, self).setFocus()
        return True


def _padded(widget: QWidget) -> QWidget:
    """In a cell, with some room around it."""
    cell = QWidget()
    row = QHBoxLayout(cell)
    row.setContentsMargins(4, 4, 4, 4)
    row.addWidget(widget)
    return cell
