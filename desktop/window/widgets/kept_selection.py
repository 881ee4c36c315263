"""What is selected in a table, kept by key when its rows are shown anew."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import groupby
from typing import Any

from PyQt5.QtCore import QItemSelection, QItemSelectionModel, QItemSelectionRange, QObject
from PyQt5.QtWidgets import QTableView

from desktop.window.widgets.row_list import RowList


class KeptSelection(QObject):
    """Belongs to a table that shows a RowList: its selection, its current row and where it is scrolled to outlive a reset."""

    def __init__(self, table: QTableView, model: RowList[Any]) -> None:
        super().__init__(table)
        self._table, self._model = table, model
        self._chosen: set[Hashable] = set()
        self._current: Hashable = None
        self._column = self._at = 0
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)

    def rows(self) -> list[int]:
        """The rows that are selected, from above."""
        selection = self._table.selectionModel()
        parts = selection.selection() if selection else ()
        return sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})

    def _keep(self) -> None:
        current, bar = self._table.currentIndex(), self._table.verticalScrollBar()
        self._chosen = {self._model.key(row) for row in self.rows()}
        self._current = self._model.key(current.row()) if current.isValid() else None
        self._column = max(0, current.column())
        self._at = bar.value() if bar else 0

    def _restore(self) -> None:
        selection, bar, model = self._table.selectionModel(), self._table.verticalScrollBar(), self._model
        if selection is None:
            return
        row = model.row_of(self._current) if self._current is not None else None
        if row is not None:
            selection.setCurrentIndex(model.index(row, self._column), QItemSelectionModel.SelectionFlag.NoUpdate)
        if self._chosen:
            again, last = QItemSelection(), model.columnCount() - 1
            rows = [n for n in range(model.rowCount()) if model.key(n) in self._chosen]
            for _, run in groupby(enumerate(rows), lambda pair: pair[1] - pair[0]):
                together = [n for _, n in run]
                again.append(QItemSelectionRange(model.index(together[0], 0), model.index(together[-1], last)))
            selection.select(again, QItemSelectionModel.SelectionFlag.Select)
        if bar is not None:
            bar.setValue(self._at)
