"""Things as rows of a table that are sorted and filtered here, in Python's own lists."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt, QTimer, pyqtSignal

T = TypeVar("T")

_NO_PARENT = QModelIndex()
_item = operator.attrgetter("item")
_AT_ONCE = 500
"""Rows whose words are put together in one go: some milliseconds."""
_FEW = 50
"""Rows that come or go one by one; more are shown anew."""


class _Row(Generic[T]):
    __slots__ = ("item", "key", "rank", "said")

    def __init__(self, item: T, key: Hashable) -> None:
        self.item, self.key = item, key
        self.rank: Any = None
        self.said: str | None = None


class RowList(QAbstractTableModel, Generic[T]):
    """Shows the things that have every word of the filter. UI thread only.

    A proxy of Qt asks Python for each pair of rows; for ten thousand rows that holds the window up. Who derives from it says
    what a thing's key, rank and words are.
    """

    changed = pyqtSignal()
    """Other rows are shown than before, or in another order."""

    def __init__(self, column: int, order: Qt.SortOrder) -> None:
        """The column by which it is sorted at first."""
        super().__init__()
        self._titles: tuple[str, ...] = ()
        """The columns' names, which whoever derives from it sets."""
        self._sorted_by = (column, order)
        self._words: list[str] = []
        self._all: list[_Row[T]] = []
        self._ordered: list[_Row[T]] = []
        self._shown: list[_Row[T]] = []
        self._wordless: list[_Row[T]] = []
        self._wording = QTimer(self)
        self._wording.setInterval(0)
        self._wording.timeout.connect(self._put_words)

    def key_of(self, item: T) -> Hashable:
        """The same for the same thing when it has changed."""
        raise NotImplementedError

    def rank_of(self, item: T, column: int) -> Any:
        """By what the column is sorted."""
        raise NotImplementedError

    def words_of(self, item: T) -> str:
        """All that the filter looks at."""
        raise NotImplementedError

    @property
    def items(self) -> tuple[T, ...]:
        """All of them, shown or not, in the order in which they were given."""
        return tuple(row.item for row in self._all)

    @property
    def total(self) -> int:
        """How many there are, shown or not."""
        return len(self._all)

    def item(self, row: int) -> T:
        """What this row shows."""
        return self._shown[row].item

    def key(self, row: int) -> Hashable:
        """The key of what this row shows."""
        return self._shown[row].key

    def row_of(self, key: Hashable) -> int | None:
        """Where the thing with this key is shown, if it is."""
        return next((number for number, row in enumerate(self._shown) if row.key == key), None)

    def other_with(self, key: Hashable, number: int | None) -> T | None:
        """What has this key, shown or not, in another row than this one."""
        own = self._shown[number] if number is not None and number < len(self._shown) else None
        return next((row.item for row in self._all if row.key == key and row is not own), None)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many things are told of each."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return super().headerData(section, orientation, role)

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def show(self, items: Sequence[T]) -> None:
        """Take these in place of the others; only what differs is shown anew."""
        if len(items) == len(self._all) and all(map(operator.is_, items, map(_item, self._all))):
            return
        before = {row.key: row for row in self._all}
        rows = [self._row(item, before) for item in items]
        if len(rows) == len(self._all) and all(map(_same, rows, self._all)):
            return
        self._all = rows
        self._wordless = [row for row in rows if row.said is None]
        self._arrange()
        if self._wordless:
            self._wording.start()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by what is meant, and not by how it is written."""
        if (column, order) == self._sorted_by or column < 0:
            return
        if column != self._sorted_by[0]:
            for row in self._all:
                row.rank = None
        self._sorted_by = (column, order)
        self._arrange()

    def look_for(self, text: str) -> None:
        """Show only what has all words of this text; a long list that has just come takes a moment until it does."""
        self._words = text.casefold().split()
        self._filter()

    def exchange(self, number: int, item: T) -> None:
        """Put this in a row in place of what is there; it stays where it is until the rows are sorted again."""
        row, new = self._shown[number], _Row(item, self.key_of(item))
        new.said = self.words_of(item)
        for rows in (self._all, self._ordered, self._shown):
            rows[rows.index(row)] = new
        self.dataChanged.emit(self.index(number, 0), self.index(number, self.columnCount() - 1))

    def _row(self, item: T, before: dict[Hashable, _Row[T]]) -> _Row[T]:
        key = self.key_of(item)
        old = before.pop(key, None)
        return old if old is not None and (old.item is item or old.item == item) else _Row(item, key)

    def _put_words(self) -> None:
        for row in self._wordless[-_AT_ONCE:]:
            row.said = self.words_of(row.item)
        del self._wordless[-_AT_ONCE:]
        if not self._wordless:
            self._wording.stop()
            if self._words:
                self._filter()

    def _arrange(self) -> None:
        column, order = self._sorted_by
        for row in self._all:
            if row.rank is None:
                row.rank = self.rank_of(row.item, column)
        self._ordered = sorted(self._all, key=_rank, reverse=order == Qt.SortOrder.DescendingOrder)
        self._filter()

    def _filter(self) -> None:
        if not self._words:
            self._replace(self._ordered[:])
            return
        if len(self._wordless) > _AT_ONCE:
            # The words come first; until then the rows that are there stay, less those that are gone.
            there = set(map(id, self._all))
            self._replace([row for row in self._shown if id(row) in there])
            return
        if self._wordless:
            self._put_words_of_few()
        found = self._ordered
        for word in self._words:
            found = [row for row in found if word in (row.said or "")]
        self._replace(found)

    def _put_words_of_few(self) -> None:
        for row in self._wordless:
            row.said = self.words_of(row.item)
        self._wordless = []

    def _replace(self, rows: list[_Row[T]]) -> None:
        """Show these, with as little stir as can be: what was selected and where it was scrolled to are the view's."""
        was = self._shown
        old, new = [row.key for row in was], [row.key for row in rows]
        if old == new:
            self._shown = rows
            self._tell_changed([n for n, pair in enumerate(zip(was, rows, strict=True)) if pair[0] is not pair[1]])
            return
        kept = set(old) & set(new)
        gone, come = [n for n, key in enumerate(old) if key not in kept], [n for n, key in enumerate(new) if key not in kept]
        in_place = [key for key in old if key in kept] == [key for key in new if key in kept]
        if in_place and len(gone) + len(come) <= _FEW and kept:
            self._come_and_go(rows, gone, come)
        else:
            self.beginResetModel()
            self._shown = rows
            self.endResetModel()
        self.changed.emit()

    def _come_and_go(self, rows: list[_Row[T]], gone: Sequence[int], come: Sequence[int]) -> None:
        self._shown = self._shown[:]
        for number in reversed(gone):
            self.beginRemoveRows(_NO_PARENT, number, number)
            del self._shown[number]
            self.endRemoveRows()
        for number in come:
            self.beginInsertRows(_NO_PARENT, number, number)
            self._shown.insert(number, rows[number])
            self.endInsertRows()
        was, self._shown = self._shown, rows
        self._tell_changed([n for n, pair in enumerate(zip(was, rows, strict=True)) if pair[0] is not pair[1]])

    def _tell_changed(self, numbers: Sequence[int]) -> None:
        last = self.columnCount() - 1
        runs = [(n, n) for n in numbers] if len(numbers) <= _FEW else [(numbers[0], numbers[-1])]
        for first, final in runs:
            self.dataChanged.emit(self.index(first, 0), self.index(final, last))


def _same(one: _Row[T], other: _Row[T]) -> bool:
    return one is other


def _rank(row: _Row[T]) -> Any:
    return row.rank
