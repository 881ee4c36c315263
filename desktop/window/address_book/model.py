"""The address book's devices as rows of a table that can be edited in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PyQt5.QtCore import QModelIndex, Qt, pyqtSignal
from PyQt5.QtWidgets import QApplication, QStyle

from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl
from desktop.address_book import Device, normal_url
from desktop.window.widgets.row_list import RowList

_NO_PARENT = QModelIndex()
_FIELDS = ("name", "url", "group", "note")


class DevicesModel(RowList[Device]):
    """One row a device; each device URL stands there once. UI thread only."""

    NAME, URL, GROUP, NOTE = range(4)
    edited = pyqtSignal()
    """A cell was changed by hand."""

    def __init__(self) -> None:
        super().__init__(self.NAME, Qt.SortOrder.AscendingOrder)
        self._titles = (self.tr("Name"), self.tr("Device URL"), self.tr("Group"), self.tr("Note"))

    def key_of(self, item: Device) -> str:
        """The same for two ways to write one device URL."""
        return item.key

    def rank_of(self, item: Device, column: int) -> str:
        """The cell, whether in upper or lower case."""
        return str(getattr(item, _FIELDS[column])).casefold()

    def words_of(self, item: Device) -> str:
        """All four cells."""
        return "\n".join((item.name, item.url, item.group, item.note)).casefold()

    def text(self, index: QModelIndex) -> str:
        """What stands in this cell."""
        return str(getattr(self.item(index.row()), _FIELDS[index.column()]))

    @staticmethod
    def readable(text: str) -> str | None:
        """The device URL in its shortest form, or None where it is none."""
        return normal_url(text.strip()) or None

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
        before = self.item(index.row())
        after = replace(before, **{_FIELDS[index.column()]: text})
        if after != before:
            self.exchange(index.row(), after)
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
        url = str(read)
        other = self.other_with(url, row)
        if other is not None:
            name = self.tr(", as %s") % other.name if other.name else ""
            return None, self.tr("%(url)s is in the book already%(other)s.") % {"url": url, "other": name}
        zone = self.tr(" on interface %s") % read.zone if read.zone else ""
        said = self.tr("Notified at %(host)s%(zone)s, port %(port)d, path /%(path)s.")
        return url, said % {"host": read.host, "zone": zone, "port": read.port, "path": read.path}
