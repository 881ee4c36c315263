"""The table of the fleet: columns that share the width, rows of two lines, a bar while a device fetches."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QSize, Qt, QTimer
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView

from desktop.window.fleet.model import FleetModel
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.progress_cell import ProgressCell

_ICON = 16
_PADDING = 14
"""Pixels that a cell keeps beside its text."""
_SHARES = {FleetModel.DEVICE: 5, FleetModel.GROUP: 2, FleetModel.BOARD: 3, FleetModel.RELEASE: 3, FleetModel.DETAILS: 6}
"""Of what the two columns of a fixed width leave."""
_LONGEST = "manifest · 100 % · 99.9 kB/s · 59 min left"
"""What a bar has below it; two lines where that is too long."""


class FleetTable(PlainTable):
    """Columns keep their widths while what stands in them moves."""

    def __init__(self, name: str, model: FleetModel) -> None:
        super().__init__(name)
        self._fleet = model
        self.kept = self.take(model, FleetModel.STATE, Qt.SortOrder.AscendingOrder)
        """The selection."""
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIconSize(QSize(_ICON, _ICON))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegateForColumn(FleetModel.DETAILS, ProgressCell(self))
        self.set_widths(QHeaderView.ResizeMode.Interactive)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._fit)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Another width is shared out anew."""
        super().resizeEvent(event)
        if event is not None and event.size().width() != event.oldSize().width():
            self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Another font has other widths; a view tells its rows of it only later."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange and hasattr(self, "_later"):
            self._later.start()

    def _fit(self) -> None:
        viewport, rows, columns = self.viewport(), self.verticalHeader(), self.horizontalHeader()
        assert viewport is not None
        assert rows is not None
        assert columns is not None
        metrics = self.fontMetrics()
        line, wide = metrics.height(), metrics.averageCharWidth()
        words = max(metrics.horizontalAdvance(word) for state in self._fleet.states() for word in state.split())
        self.setColumnWidth(FleetModel.STATE, words + _ICON + 4 + _PADDING)
        self.setColumnWidth(FleetModel.SEEN, metrics.horizontalAdvance("2000-00-00") + _PADDING)
        taken = self.columnWidth(FleetModel.STATE) + self.columnWidth(FleetModel.SEEN)
        share = max(0, viewport.width() - taken) / sum(_SHARES.values())
        for column, parts in _SHARES.items():
            title = metrics.horizontalAdvance(str(self._fleet.headerData(column, Qt.Orientation.Horizontal)))
            least = max(title + _PADDING, round(wide * parts * 2.3))
            self.setColumnWidth(column, max(least, int(share * parts)))
        room = self.columnWidth(FleetModel.DETAILS) - _PADDING
        lines = 1 if room >= metrics.horizontalAdvance(_LONGEST) else 2
        rows.setDefaultSectionSize(max(2 * line, ProgressCell.bar_height(line) + lines * line) + 10)
