"""The address book's devices as rows of a table that can be edited in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt5.QtWidgets import QApplication, QStyle

from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from desktop.address_book import Device
from desktop.window.word_filter import WordFilter

_NO_PARENT = QModelIndex()
_FIELDS = ("name", "url", "group", "note")


class DevicesModel(QAbstractTableModel):
    """One row a device; each device URL stands there once. UI thread only."""

    NAME, URL, GROUP, NOTE = range(4)
    edited = pyqtSignal()
    """A cell was changed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._book: list[Device] = []
        self._keys: list[str] = []
        self._rows: list[int] = []
        """Where in the book the device of each row stands."""
        self._sorted_by = (self.NAME, Qt.SortOrder.AscendingOrder)

    def show(self, devices: Sequence[Device]) -> None:
        """Take these in place of the others."""
        self.beginResetModel()
        self._book = list(devices)
        self._keys = [device.key for device in devices]
        self._rows = self._in_order()
        self.endResetModel()

    def device(self, row: int) -> Device:
        """The device of this row."""
        return self._book[self._rows[row]]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows here, whether in upper or lower case: a proxy that asks for each pair takes ten times as long."""
        self._sorted_by = (column, order)
        self.layoutAboutToBeChanged.emit()
        before, kept = self._rows, self.persistentIndexList()
        self._rows = self._in_order()
        row_of = {place: row for row, place in enumerate(self._rows)}
        self.changePersistentIndexList(kept, [self.index(row_of[before[index.row()]], index.column()) for index in kept])
        self.layoutChanged.emit()

    def _in_order(self) -> list[int]:
        column, order = self._sorted_by
        cells = [str(getattr(device, _FIELDS[column])).casefold() for device in self._book]
        return sorted(range(len(cells)), key=cells.__getitem__, reverse=order == Qt.SortOrder.DescendingOrder)

    def text(self, index: QModelIndex) -> str:
        """What stands in this cell."""
        return str(getattr(self.device(index.row()), _FIELDS[index.column()]))

    @staticmethod
    def readable(text: str) -> str | None:
        """The device URL in its shortest form, or None where it is none."""
        try:
            return str(DeviceUrl.parse(text.strip()))
        except InvalidDeviceUrl:
            return None

    @property
    def devices(self) -> tuple[Device, ...]:
        """All of them, unfiltered, in the order of the book."""
        return tuple(self._book)

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """How many devices there are."""
        return 0 if parent.isValid() else len(self._book)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        """Name, device URL, group, note."""
        return 0 if parent.isValid() else len(_FIELDS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("Name"), self.tr("Device URL"), self.tr("Group"), self.tr("Note"))[section]
        return super().headerData(section, orientation, role)

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Every cell can be edited."""
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text; a device URL that cannot be read has a mark, and says why."""
        if not index.isValid():
            return None
        text = self.text(index)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return text
        wrong = index.column() == self.URL and self.readable(text) is None
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self.judge(text, index.row())[1] if wrong else text
        if role == Qt.ItemDataRole.DecorationRole and wrong and (style := QApplication.style()):
            return style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take over what was typed; a device URL only when it is one, and in its shortest form."""
        if not index.isValid() or role != Qt.ItemDataRole.EditRole:
            return False
        text: str | None = " ".join(str(value).split())
        if index.column() == self.URL:
            text, _ = self.judge(str(value), index.row())
        if text is None:
            return False
        place = self._rows[index.row()]
        before = self._book[place]
        after = replace(before, **{_FIELDS[index.column()]: text})
        if after != before:
            self._book[place] = after
            self._keys[place] = after.key
            self.dataChanged.emit(index, index)
            self.edited.emit()
        return True

    def judge(self, text: str, row: int | None = None) -> tuple[str | None, str]:
        """The device URL in its shortest form and how it is read, or None and what is wrong with it.

        `row` is the one that it is typed into: its own URL is not taken.
        """
        if not text.strip():
            return None, self.tr("A device URL is host/path, such as [fd00::2]/suit/trigger, 10.0.0.7:5684/fw or fe80::2%wpan0.")
        try:
            read = DeviceUrl.parse(text.strip())
        except InvalidDeviceUrl as error:
            return None, str(error)
        url, own = str(read), None if row is None else self._rows[row]
        for place, key in enumerate(self._keys):
            if key == url and place != own:
                name = self._book[place].name
                other = self.tr(", as %s") % name if name else ""
                return None, self.tr("%(url)s is in the book already%(other)s.") % {"url": url, "other": other}
        zone = self.tr(" on interface %s") % read.zone if read.zone else ""
        said = self.tr("Notified at %(host)s%(zone)s, port %(port)d, path /%(path)s.")
        return url, said % {"host": read.host, "zone": zone, "port": read.port, "path": read.path}


class DevicesFilter(WordFilter):
    """The devices that have every word of the filter in one of their cells."""

    def __init__(self, model: DevicesModel) -> None:
        super().__init__(model, self._has)
        self._model = model

    def _has(self, row: int, words: Sequence[str]) -> bool:
        device = self._model.device(row)
        said = "\n".join((device.name, device.url, device.group, device.note)).casefold()
        return all(word in said for word in words)

    def device(self, row: int) -> Device:
        """The device of a row that is shown."""
        return self._model.device(self.mapToSource(self.index(row, 0)).row())
