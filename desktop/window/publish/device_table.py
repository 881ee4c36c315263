"""The table of the devices that are told of a release: rows as high as their words, which wrap."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QEvent, QRect, QSize, Qt, QTimer
from PyQt5.QtGui import QFontMetrics, QResizeEvent
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView

from desktop.following import DeviceRow
from desktop.window.publish.device_rows import DeviceRows
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.progress_cell import PER_MILLE, ProgressCell

_ICON = 16
_PADDING = 12
"""Pixels that a cell keeps beside its text."""


class DeviceTable(PlainTable):
    """Changed in place, so that the selection and the place to which it is scrolled stay."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setMinimumHeight(self.fontMetrics().height() * 9)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIconSize(QSize(_ICON, _ICON))
        self._model = DeviceRows()
        self._model.setParent(self)  # a view that outlives its model complains
        self._bar = ProgressCell(self)
        self._heights: dict[tuple[str, int], int] = {}
        """Of texts by their widths: many devices say the same."""
        self.setModel(self._model)
        self.setItemDelegateForColumn(DeviceRows.DETAILS, self._bar)
        columns, rows = self.horizontalHeader(), self.verticalHeader()
        assert columns is not None
        assert rows is not None
        rows.hide()
        rows.setMinimumSectionSize(1)
        columns.setHighlightSections(False)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setStretchLastSection(True)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._fit_rows)
        columns.sectionResized.connect(lambda *_: self._later.start())

    @property
    def rows(self) -> tuple[DeviceRow, ...]:
        """What is shown."""
        return self._model.rows

    def line(self, row: DeviceRow) -> str:
        """The row as text."""
        return self._model.line(row)

    def show_rows(self, rows: Sequence[DeviceRow]) -> None:
        """Take these."""
        other = [row.device for row in rows] != [row.device for row in self._model.rows]
        changed = self._model.show(rows)
        if other:
            self._fit_columns()
        self._fit_rows(changed)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Another width is shared out anew."""
        super().resizeEvent(event)
        if event is not None and event.size().width() != event.oldSize().width():
            self._fit_columns()

    def changeEvent(self, event: QEvent | None) -> None:
        """Another font has other widths."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange and hasattr(self, "_later"):
            self._heights.clear()
            self._fit_columns()

    def _fit_columns(self) -> None:
        """A device has the room that it takes, up to a share; the details have what is left."""
        viewport = self.viewport()
        assert viewport is not None
        metrics, there = self.fontMetrics(), viewport.width()
        longest = max((row.device for row in self.rows), key=len, default="")
        wide = metrics.averageCharWidth()
        device = min(metrics.horizontalAdvance(longest) + 2 * _PADDING, max(round(there * 0.32), wide * 16))
        words = max(_in_two_lines(metrics, state.split()) for state in self._model.states())
        self.setColumnWidth(DeviceRows.DEVICE, device)
        self.setColumnWidth(DeviceRows.STATE, words + _ICON + 4 + _PADDING)
        columns = self.horizontalHeader()
        assert columns is not None
        columns.setMinimumSectionSize(wide * 15)

    def _fit_rows(self, changed: Sequence[int] | None = None) -> None:
        rows = self.verticalHeader()
        assert rows is not None
        least = round(self.fontMetrics().height() * 1.9)
        widths = [self.columnWidth(column) for column in range(self._model.columnCount())]
        for number in range(self._model.rowCount()) if changed is None else changed:
            height = max(least, *(self._height(number, column, widths[column]) for column in range(1, len(widths))))
            if rows.sectionSize(number) != height:
                rows.resizeSection(number, height)

    def _height(self, number: int, column: int, width: int) -> int:
        index = self._model.index(number, column)
        text = index.data() if width else ""
        if not text:
            return 0
        room = width - _PADDING - (_ICON + 4 if column == DeviceRows.STATE else 0)
        if (text, room) not in self._heights:
            flags = Qt.TextFlag.TextWordWrap
            found = self.fontMetrics().boundingRect(QRect(0, 0, max(1, room), 10_000), int(flags), text)
            if len(self._heights) > 10_000:
                self._heights.clear()
            self._heights[text, room] = found.height() + _PADDING
        bar = ProgressCell.bar_height(self.fontMetrics().height()) if index.data(PER_MILLE) is not None else 0
        return self._heights[text, room] + bar


def _in_two_lines(metrics: QFontMetrics, words: Sequence[str]) -> int:
    """The width in which these take two lines at most."""
    breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words) + 1)]
    return min(max(map(metrics.horizontalAdvance, lines)) for lines in breaks)
