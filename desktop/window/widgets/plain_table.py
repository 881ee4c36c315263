"""How the tables of the window look and are walked with the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QItemSelectionModel, Qt
from PyQt5.QtGui import QKeySequence, QShowEvent
from PyQt5.QtWidgets import QAbstractItemView, QAction, QHeaderView, QTableView

from desktop.window.widgets.kept_selection import KeptSelection
from desktop.window.widgets.row_list import RowList


class PlainTable(QTableView):
    """Whole rows, sorted by a click on a title, no grid; Tab leaves it. It owns the model that it shows."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setMinimumHeight(self.fontMetrics().height() * 6)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def take(self, model: RowList[Any], by: int, order: Qt.SortOrder) -> KeptSelection:
        """Show it, sorted by this column at first; the selection, which outlives what becomes of the rows."""
        model.setParent(self)  # a view that outlives its model complains
        self.setModel(model)
        self.setSortingEnabled(True)
        self.sortByColumn(by, order)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        columns.setSelectionModel(QItemSelectionModel(model, columns))  # or each title asks whether all its cells are selected
        rows.hide()
        rows.setDefaultSectionSize(int(self.fontMetrics().height() * 1.9))
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        columns.setHighlightSections(False)
        columns.setResizeContentsPrecision(0)  # the rows in sight: all of them take a third of a second
        columns.setMinimumSectionSize(self.fontMetrics().averageCharWidth() * 8)
        return KeptSelection(self, model)

    def sizeHintForColumn(self, column: int) -> int:
        """As wide as what is in sight asks for; hidden, Qt would ask all rows, which takes seconds for a long list."""
        columns = self.horizontalHeader()
        if not self.isVisible() and columns is not None:
            return columns.sectionSize(column)
        return super().sizeHintForColumn(column)

    def showEvent(self, a0: QShowEvent | None) -> None:
        """The columns get the widths that they missed."""
        super().showEvent(a0)
        columns = self.horizontalHeader()
        if columns is not None and columns.count():
            columns.headerDataChanged(Qt.Orientation.Horizontal, 0, columns.count() - 1)

    def set_widths(self, mode: QHeaderView.ResizeMode) -> QHeaderView:
        """How all columns get their widths; the header, for those that differ."""
        columns = self.horizontalHeader()
        assert columns is not None
        columns.setSectionResizeMode(mode)
        return columns

    def offer(self, text: str, keys: QKeySequence.StandardKey, does: Callable[[], None]) -> None:
        """A shortcut while the table has the focus, and a line in its context menu."""
        action = QAction(text, self)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(does)
        self.addAction(action)
