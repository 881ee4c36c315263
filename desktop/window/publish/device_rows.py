"""The devices that are told of a release as rows of a table, changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt

from common.finding import Severity
from desktop.following import DeviceRow, Stage
from desktop.window.widgets.progress_cell import PER_MILLE
from desktop.window.widgets.progress_words import ProgressWords, per_mille
from desktop.window.widgets.severity_icon import SeverityIcons

_NO_PARENT = QModelIndex()
_SIGNS: dict[Stage, Severity | None] = {
    Stage.NO_ANSWER: Severity.WARNING,
    Stage.REFUSED: Severity.ERROR,
    Stage.UNREACHABLE: Severity.ERROR,
    Stage.NOTIFIED: None,
    Stage.ASKED_NOTHING: Severity.WARNING,
    Stage.FETCHING: Severity.INFO,
    Stage.MANIFEST_ONLY: Severity.WARNING,
    Stage.STALLED: Severity.WARNING,
    Stage.DOWNLOADED: None,
    Stage.ABANDONED: Severity.ERROR,
}
"""None is a tick; one that is waited for has no sign."""


class DeviceRows(QAbstractTableModel):
    """One row a device. UI thread only."""

    DEVICE, STATE, DETAILS = range(3)

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[DeviceRow, ...] = ()
        self._icons = SeverityIcons()
        self._progress = ProgressWords()
        self._words = {
            Stage.WAITING: self.tr("waiting"),
            Stage.NO_ANSWER: self.tr("no answer"),
            Stage.REFUSED: self.tr("refused"),
            Stage.UNREACHABLE: self.tr("unreachable"),
            Stage.NOTIFIED: self.tr("notified"),
            Stage.ASKED_NOTHING: self.tr("notified"),
            Stage.FETCHING: self.tr("fetching"),
            Stage.MANIFEST_ONLY: self.tr("has the manifest"),
            Stage.STALLED: self.tr("stalled"),
            Stage.DOWNLOADED: self.tr("downloaded, not confirmed"),
            Stage.ABANDONED: self.tr("abandoned"),
        }
        self._reasons = {
            Stage.NO_ANSWER: self.tr("It may not have been told."),
            Stage.ASKED_NOTHING: self.tr("Accepted, has not asked for the manifest yet."),
            Stage.MANIFEST_ONLY: self.tr("Has not asked for an image yet."),
            Stage.STALLED: self.tr("It asks for nothing at the moment."),
            Stage.ABANDONED: self.tr("It stopped asking, and blocks are missing."),
        }

    @property
    def rows(self) -> tuple[DeviceRow, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[DeviceRow]) -> list[int]:
        """Take these: in place where they are of the same devices, else instead of the others. Which rows changed."""
        before, new = self._rows, tuple(rows)
        if [row.device for row in before] != [row.device for row in new]:
            self.beginResetModel()
            self._rows = new
            self.endResetModel()
            return list(range(len(new)))
        changed = [n for n, (old, now) in enumerate(zip(before, new, strict=True)) if old != now]
        self._rows = new
        if changed:
            self.dataChanged.emit(self.index(changed[0], self.STATE), self.index(changed[-1], self.DETAILS))
        return changed

    def line(self, row: DeviceRow) -> str:
        """The row as text: device, state, progress, why."""
        parts = (row.device, self._words[row.stage], self._progress.of(row.transfer), self._why(row))
        return "  ".join(part for part in parts if part)

    def states(self) -> list[str]:
        """Every word that may stand in the second column."""
        return list(self._words.values())

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many devices there are."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """Device, state, details."""
        return 0 if parent.isValid() else 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Device"), self.tr("State"), self.tr("Details"))[section]
        return super().headerData(section, orientation, role)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, the sign of the state, how much was fetched."""
        row, column = self._rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == self.STATE and row.stage in _SIGNS:
            return self._icons.of(_SIGNS[row.stage])
        if role == PER_MILLE and column == self.DETAILS and row.transfer is not None:
            return per_mille(row.transfer)
        return None

    def _text(self, row: DeviceRow, column: int) -> str:
        if column == self.DEVICE:
            return row.device
        if column == self.STATE:
            return self._words[row.stage]
        return "\n".join(filter(None, (self._progress.wrapping(row.transfer), self._why(row))))

    def _why(self, row: DeviceRow) -> str:
        return row.why or self._reasons.get(row.stage, "")
