"""Releases as rows of a table that can be sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt

from common.release import Release, State
from desktop import wording
from desktop.window.release_marks import ReleaseMarks
from desktop.window.word_filter import WordFilter

_NO_PARENT = QModelIndex()


class ReleasesModel(QAbstractTableModel):
    """One row a release, in the order in which the server names them. UI thread only."""

    NAME, STATE, DEVICE, NUMBER, SIGNATURE, FILES, PUBLISHED = range(7)

    def __init__(self) -> None:
        super().__init__()
        self._releases: tuple[Release, ...] = ()
        self._marks = ReleaseMarks()
        self._texts: dict[str, str] = {}
        self._sorted_by = (self.PUBLISHED, Qt.SortOrder.DescendingOrder)

    def show(self, releases: Sequence[Release]) -> None:
        """Take these in place of the others."""
        self.beginResetModel()
        self._texts = {}
        self._releases = tuple(self._in_order(releases))
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort here, by what is meant and not by how it is written: a proxy that asks for each pair takes ten times as long."""
        self._sorted_by = (column, order)
        self.layoutAboutToBeChanged.emit()
        before, kept = self._releases, self.persistentIndexList()
        self._releases = tuple(self._in_order(before))
        rows = {release.publish_id: row for row, release in enumerate(self._releases)}
        self.changePersistentIndexList(kept, [self.index(rows[before[index.row()].publish_id], index.column()) for index in kept])
        self.layoutChanged.emit()

    def _in_order(self, releases: Sequence[Release]) -> list[Release]:
        column, order = self._sorted_by
        backwards = order == Qt.SortOrder.DescendingOrder
        return sorted(releases, key=lambda release: self._sort_key(release, column), reverse=backwards)

    @property
    def releases(self) -> tuple[Release, ...]:
        """What the table is about, unfiltered."""
        return self._releases

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many releases there are."""
        return 0 if parent.isValid() else len(self._releases)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many things are told of each."""
        return 0 if parent.isValid() else 7

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Release"), self.tr("State"), self.tr("Board or class"), self.tr("Sequence"),
                self.tr("Signature"), self.tr("Files"), self.tr("Published"),
            )[section]  # fmt: skip
        return super().headerData(section, orientation, role)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell: its text, its mark."""
        if not index.isValid():
            return None
        release, column = self._releases[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(release, column)
        if role == Qt.ItemDataRole.DecorationRole and column == self.STATE:
            return self._marks.of(release.state)
        return None

    def state_word(self, release: Release) -> str:
        """The state in a word or two, `forced` among them."""
        word = {
            State.READY: self.tr("Ready"),
            State.INCOMPLETE: self.tr("Incomplete"),
            State.REJECTED: self.tr("Rejected"),
            State.WITHDRAWN: self.tr("Withdrawn"),
        }[release.state]
        return self.tr("%s, forced") % word if release.forced else word

    def matches(self, row: int, words: Sequence[str]) -> bool:
        """Whether every word stands somewhere in what is told of the release."""
        release = self._releases[row]
        said = self._texts.get(release.publish_id) or self._said(release)
        return all(word in said for word in words)

    def _said(self, release: Release) -> str:
        cells = [self._text(release, column) for column in range(self.columnCount())]
        names = [file.name for file in release.files]
        said = "\n".join([*cells, *names, release.class_id or "", release.vendor_id or ""]).casefold()
        return self._texts.setdefault(release.publish_id, said)

    def _text(self, release: Release, column: int) -> str:
        match column:
            case self.NAME:
                return release.publish_id
            case self.STATE:
                return self.state_word(release)
            case self.DEVICE:
                return release.board or release.class_id or "–"
            case self.NUMBER:
                return "–" if release.sequence_number is None else str(release.sequence_number)
            case self.SIGNATURE:
                return release.signature
            case self.FILES:
                return wording.files(len(release.files), release.size)
            case _:
                return release.published.astimezone().strftime("%Y-%m-%d %H:%M")

    def _sort_key(self, release: Release, column: int) -> str | float:
        if column == self.NUMBER:
            return -1.0 if release.sequence_number is None else float(release.sequence_number)
        if column == self.FILES:
            return float(release.size)
        if column == self.PUBLISHED:
            return release.published.timestamp()
        return self._text(release, column).casefold()


class ReleasesFilter(WordFilter):
    """The rows that have every word of the filter, in the model's order."""

    def __init__(self, model: ReleasesModel) -> None:
        super().__init__(model, model.matches)
        self._model = model

    def release(self, index: QModelIndex) -> Release | None:
        """The release of a row that is shown."""
        return self._model.releases[self.mapToSource(index).row()] if index.isValid() else None

    def row_of(self, publish_id: str) -> int | None:
        """Where the release is shown, if it is."""
        for row in range(self.rowCount()):
            found = self.release(self.index(row, 0))
            if found is not None and found.publish_id == publish_id:
                return row
        return None
