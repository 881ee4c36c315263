"""The rows of a list that have every word of what was typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt5.QtCore import QAbstractItemModel, QModelIndex, QSortFilterProxyModel, Qt


class WordFilter(QSortFilterProxyModel):
    """Keeps the model's order; what a row's words are, the model says."""

    def __init__(self, model: QAbstractItemModel, matches: Callable[[int, Sequence[str]], bool]) -> None:
        """`matches` says whether a row has all of these words, which are case-folded."""
        super().__init__()
        self._matches = matches
        self._words: list[str] = []
        self.setSourceModel(model)

    def look_for(self, text: str) -> None:
        """Show only what has all words of this text."""
        self._words = text.casefold().split()
        self.invalidateFilter()

    def filterAcceptsRow(self, source_row: int, source_parent: QModelIndex) -> bool:  # noqa: ARG002
        """Whether the row is shown."""
        return not self._words or self._matches(source_row, self._words)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """The model does it."""
        model = self.sourceModel()
        if model is not None:
            model.sort(column, order)
