"""One device: how far it is, why, and what happened with it, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QModelIndex, Qt
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView, QVBoxLayout, QWidget

from common.event import Event
from desktop.fleet import FleetRow
from desktop.window.widgets.moment import when
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.row_list import RowList
from desktop.window.widgets.said_label import SaidLabel

_NO_PARENT = QModelIndex()


class TimelineModel(RowList[Event]):
    """One row an event. UI thread only."""

    TIME, WHAT = range(2)

    def __init__(self) -> None:
        super().__init__(self.TIME, Qt.SortOrder.DescendingOrder)

    def key_of(self, item: Event) -> int:
        """Its number."""
        return item.id

    def rank_of(self, item: Event, column: int) -> int | str:
        """Events are numbered as they happen."""
        return item.what.casefold() if column == self.WHAT else item.id

    def words_of(self, item: Event) -> str:
        """What happened."""
        return item.what.casefold()

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """When, what."""
        return 0 if parent.isValid() else 2

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Time"), self.tr("What happened"))[section]
        return super().headerData(section, orientation, role)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text."""
        if index.isValid() and role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            event = self.item(index.row())
            return event.what if index.column() == self.WHAT else when(event.time)
        return None


class DeviceTimeline(QWidget):
    """Shows the device that it is given; it asks nobody. UI thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._title = SaidLabel(1.1)
        self._said = SaidLabel()
        self.model = TimelineModel()
        self.table = PlainTable(self.tr("What happened with the device"))
        self.table.take(self.model, TimelineModel.TIME, Qt.SortOrder.DescendingOrder)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setWordWrap(True)
        self.table.setMinimumHeight(self.fontMetrics().height() * 5)
        columns = self.table.set_widths(QHeaderView.ResizeMode.ResizeToContents)
        columns.setStretchLastSection(True)
        rows = self.table.verticalHeader()
        assert rows is not None
        rows.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self._said)
        layout.addWidget(self.table, 1)
        self.show_device(None, "", ())

    def show_device(self, row: FleetRow | None, state: str, events: Sequence[Event]) -> None:
        """This device in this state; None where no single one is chosen."""
        self.model.show(events)
        self.table.setVisible(bool(events))
        if row is None:
            title, said = self.tr("No device is chosen"), self.tr("Choose one to see what happened with it.")
        else:
            title = row.title
            where = self.tr("{release}: {state}.") if row.release else "{state}."
            said = " ".join(filter(None, (where.format(release=row.release, state=state), row.reason)))
            if row.known is None:
                said = self.tr("The server has not heard of it: it knows devices by what they are told and what they fetch.")
        if self._title.text() != title:
            self._title.setText(title)
        if self._said.text() != said:
            self._said.setText(said)

    def text(self) -> str:
        """What is said above the table."""
        return f"{self._title.text()}\n{self._said.text()}"
