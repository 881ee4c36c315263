"""The fleet's devices as rows of a table: where each is, in words, a sign and a colour, and what it fetches."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QModelIndex, Qt
from PyQt5.QtGui import QColor, QGuiApplication

from common.finding import Severity
from desktop.fleet import FleetRow, Kind, Mood, natural
from desktop.window.widgets.moment import when
from desktop.window.widgets.progress_cell import PER_MILLE
from desktop.window.widgets.progress_words import ProgressWords, per_mille
from desktop.window.widgets.row_list import RowList
from desktop.window.widgets.severity_icon import SeverityIcons
from desktop.window.widgets.shades import AMBER, BLUE, GREEN, RED, tone

_NO_PARENT = QModelIndex()


class FleetModel(RowList[FleetRow]):
    """One row a device. UI thread only."""

    DEVICE, GROUP, BOARD, RELEASE, STATE, DETAILS, SEEN = range(7)

    def __init__(self) -> None:
        super().__init__(self.STATE, Qt.SortOrder.AscendingOrder)
        self._icons = SeverityIcons()
        self._progress = ProgressWords()
        self._tones: dict[tuple[int, int], QColor] = {}
        self._titles = (
            self.tr("Device"), self.tr("Group"), self.tr("Board"), self.tr("Release"),
            self.tr("State"), self.tr("Details"), self.tr("Last seen"),
        )  # fmt: skip
        self._states = {
            Mood.NOTIFIED: self.tr("Notified"),
            Mood.FETCHING_MANIFEST: self.tr("Fetching manifest"),
            Mood.FETCHING_SLOT0: self.tr("Fetching slot0"),
            Mood.FETCHING_SLOT1: self.tr("Fetching slot1"),
            Mood.FETCHING: self.tr("Fetching"),
            Mood.DOWNLOADED: self.tr("Downloaded"),
            Mood.REBOOTED: self.tr("Rebooted"),
            Mood.CONFIRMED: self.tr("Confirmed"),
            Mood.FAILED: self.tr("Failed"),
            Mood.SILENT: self.tr("Silent"),
            Mood.STALLED: self.tr("Stalled"),
            Mood.UNPROVEN: self.tr("Downloaded, unproven"),
            Mood.IDLE: self.tr("No update yet"),
            Mood.UNKNOWN: self.tr("Not heard of yet"),
        }

    def key_of(self, item: FleetRow) -> tuple[str, str]:
        """By book or by address."""
        return item.key

    def rank_of(self, item: FleetRow, column: int) -> Any:
        """By state: trouble first, then what moves."""
        if column == self.STATE:
            return item.place
        if column == self.SEEN:
            return item.seen.timestamp() if item.seen else 0.0
        if column == self.DETAILS:
            return (per_mille(item.transfer) if item.transfer else -1, item.reason)
        return natural(item.title if column == self.DEVICE else self._text(item, column))

    def words_of(self, item: FleetRow) -> str:
        """All that is told of it, and the note."""
        note = item.entry.note if item.entry else ""
        known = (item.name, item.url, item.address, item.group, item.board, item.release, self.state(item), item.reason, note)
        return "\n".join(known).casefold()

    def state(self, row: FleetRow) -> str:
        """The state in words."""
        return self._states[row.mood]

    def states(self) -> list[str]:
        """All of them."""
        return list(self._states.values())

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell: its text, its sign and colour, how much was fetched."""
        if not index.isValid():
            return None
        row, column = self.item(index.row()), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.reason or self._text(row, column) if column == self.DETAILS else self._text(row, column)
        if column == self.STATE and role == Qt.ItemDataRole.DecorationRole and (sign := _SIGNS.get(row.mood, ())):
            return self._icons.of(sign[0])
        if column == self.STATE and role == Qt.ItemDataRole.ForegroundRole:
            return self._tone(row.mood.kind, row.mood)
        if column == self.DETAILS and role == PER_MILLE and row.transfer is not None:
            return per_mille(row.transfer)
        return None

    def _text(self, row: FleetRow, column: int) -> str:
        match column:
            case self.DEVICE:
                return f"{row.name}\n{row.url}" if row.name else row.url
            case self.GROUP:
                return row.group
            case self.BOARD:
                return row.board or "–"
            case self.RELEASE:
                return row.release or "–"
            case self.STATE:
                return self.state(row)
            case self.DETAILS:
                return self._progress.wrapping(row.transfer) or row.reason
            case _:
                return when(row.seen)

    def _tone(self, kind: Kind, mood: Mood) -> QColor | None:
        hue = {Kind.TROUBLE: AMBER, Kind.MOVING: BLUE, Kind.CONFIRMED: GREEN}.get(kind)
        hue = RED if mood is Mood.FAILED else hue
        if hue is None:
            return None
        palette = QGuiApplication.palette()
        key = (hue, palette.base().color().rgb())
        if key not in self._tones:
            self._tones[key] = tone(palette, hue)
        return self._tones[key]


_SIGNS: dict[Mood, tuple[Severity | None]] = {
    Mood.FAILED: (Severity.ERROR,),
    Mood.SILENT: (Severity.WARNING,),
    Mood.STALLED: (Severity.WARNING,),
    Mood.CONFIRMED: (None,),
} | {mood: (Severity.INFO,) for mood in Mood if mood.kind is Kind.MOVING}
"""None is a tick."""
