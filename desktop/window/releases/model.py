"""Releases as rows of a table that can be sorted and filtered."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QModelIndex, Qt

from common.release import Release, State
from desktop import wording
from desktop.window.releases.marks import ReleaseMarks
from desktop.window.widgets.row_list import RowList

_NO_PARENT = QModelIndex()


class ReleasesModel(RowList[Release]):
    """One row a release. UI thread only."""

    NAME, STATE, DEVICE, NUMBER, SIGNATURE, FILES, PUBLISHED = range(7)

    def __init__(self) -> None:
        super().__init__(self.PUBLISHED, Qt.SortOrder.DescendingOrder)
        self._titles = (
            self.tr("Release"), self.tr("State"), self.tr("Board or class"), self.tr("Sequence"),
            self.tr("Signature"), self.tr("Files"), self.tr("Published"),
        )  # fmt: skip
        self._marks = ReleaseMarks()
        self._states: dict[tuple[State, bool], str] = {}

    def key_of(self, item: Release) -> str:
        """Its publish id."""
        return item.publish_id

    def rank_of(self, item: Release, column: int) -> str | float:
        """Numbers as numbers, times as times, words in upper or lower case."""
        if column == self.NUMBER:
            return -1 if item.sequence_number is None else item.sequence_number
        if column == self.FILES:
            return item.size
        if column == self.PUBLISHED:
            return item.published.timestamp()
        return self._text(item, column).casefold()

    def words_of(self, item: Release) -> str:
        """What is told of it in the table, its class and vendor, and the names of its files."""
        cells = [self._text(item, column) for column in range(self.columnCount())]
        names = [file.name for file in item.files]
        return "\n".join([*cells, *names, item.class_id or "", item.vendor_id or ""]).casefold()

    def release(self, index: QModelIndex) -> Release | None:
        """The release of a row that is shown."""
        return self.item(index.row()) if index.isValid() else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell: its text, its mark."""
        if not index.isValid():
            return None
        release, column = self.item(index.row()), index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(release, column)
        if role == Qt.ItemDataRole.DecorationRole and column == self.STATE:
            return self._marks.of(release.state)
        return None

    def state_word(self, release: Release) -> str:
        """The state in a word or two, `forced` among them."""
        kind = (release.state, release.forced)
        if kind not in self._states:
            word = {
                State.READY: self.tr("Ready"),
                State.INCOMPLETE: self.tr("Incomplete"),
                State.REJECTED: self.tr("Rejected"),
                State.WITHDRAWN: self.tr("Withdrawn"),
            }[release.state]
            self._states[kind] = self.tr("%s, forced") % word if release.forced else word
        return self._states[kind]

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
