"""The page of the address book: devices that can be edited, filtered, selected and notified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from common.errors import OtaError
from desktop.address_book import AddressBook, Device
from desktop.window.address_book import list_file
from desktop.window.address_book.form import DeviceForm
from desktop.window.address_book.model import DevicesModel
from desktop.window.address_book.url_editor import DeviceUrlEditor
from desktop.window.widgets.empty_state import EmptyState
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.said_label import SaidLabel

Run = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[OtaError], None]], object]
"""Has a call made elsewhere that takes time, and what it gives, or why it did not, told in the UI thread."""


def at_once(call: Callable[[], Any], succeeded: Callable[[Any], None], failed: Callable[[OtaError], None]) -> None:
    """Here and now."""
    try:
        result = call()
    except OtaError as error:
        failed(error)
    else:
        succeeded(result)


class DevicesPage(QWidget):
    """Shows an address book and says when a person changed it; it keeps no file of its own. UI thread only."""

    changed = pyqtSignal(AddressBook)
    notify_asked = pyqtSignal(list)
    """The device URLs that are selected, as they stand in the table."""

    def __init__(self, run: Run = at_once) -> None:
        """`run` reads and writes the files that a person picks."""
        super().__init__()
        self._run = run
        self._undo: tuple[Device, ...] | None = None
        self.table = PlainTable(self.tr("Devices in the address book"))
        self.model = DevicesModel()
        self.editor = DeviceUrlEditor(self.model, self.table)
        self.filter = QLineEdit()
        self.filter.setClearButtonEnabled(True)
        self.filter.setPlaceholderText(self.tr("name, address, group, note …"))
        self.load = QPushButton(self.tr("Import &CSV…"))
        self.save = QPushButton(self.tr("&Export CSV…"))
        self.notice = SaidLabel()
        self.undo = QPushButton(self.tr("U&ndo"))
        self.empty = EmptyState()
        self.form = DeviceForm(self.model)
        self.count = QLabel()
        self.remove = QPushButton(self.tr("Remo&ve"))
        self.notify = QPushButton(self.tr("Notif&y selected of…"))
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.table)
        self._set_up_table()
        self._lay_out()
        self._connect()
        self._say("")
        self._show_right_thing()

    def show_book(self, book: AddressBook) -> None:
        """Show this book; one that is shown already changes nothing."""
        if book.devices != self.model.items:
            self._take(book.devices)

    def selected(self) -> list[Device]:
        """The devices that are selected, in the order shown."""
        return [self.model.item(row) for row in self._selection.rows()]

    def import_from(self, path: Path) -> None:
        """Take over the devices of a CSV file."""

        def take(incoming: list_file.Incoming) -> None:
            self._change(*incoming.merged(self.model.items))

        self._say(self.tr("Reading {}…").format(path.name))
        self._run(lambda: list_file.read(path), take, self._fail)

    def export_to(self, path: Path) -> None:
        """Write all devices, shown or not, to a CSV file."""
        devices = self.model.items
        self._say(self.tr("Writing {}…").format(path.name))
        self._run(lambda: list_file.write(path, devices), self._say, self._fail)

    def remove_selected(self) -> None:
        """Take them out of the book; Undo brings them back."""
        gone = self.selected()
        if gone:
            what = gone[0].name or gone[0].url if len(gone) == 1 else self.tr("%d devices") % len(gone)
            left = AddressBook(self.model.items).remove(gone)
            self._change(left.devices, self.tr("Removed %s.") % what)

    def _set_up_table(self) -> None:
        table = self.table
        self._selection = table.take(self.model, DevicesModel.NAME, Qt.SortOrder.AscendingOrder)
        table.setItemDelegateForColumn(DevicesModel.URL, self.editor)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        table.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)  # type: ignore[arg-type]
        columns = table.set_widths(QHeaderView.ResizeMode.Stretch)
        columns.setSectionResizeMode(DevicesModel.URL, QHeaderView.ResizeMode.ResizeToContents)
        table.offer(self.tr("Remove"), QKeySequence.StandardKey.Delete, self.remove_selected)

    def _lay_out(self) -> None:
        label = QLabel(self.tr("Fi&lter:"))
        label.setBuddy(self.filter)
        top, said, bottom = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (top, (label, self.filter, self.load, self.save)),
            (said, (self.notice, self.undo)),
            (bottom, (self.count, self.remove, self.notify)),
        ):
            row.setSpacing(8)
            for widget in widgets:
                row.addWidget(widget, int(widget in (self.filter, self.notice, self.count)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        layout.addLayout(top)
        layout.addWidget(self._stack, 1)
        layout.addLayout(bottom)
        layout.addLayout(said)
        layout.addWidget(self.form)

    def _connect(self) -> None:
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._count)
        self.model.changed.connect(self._show_right_thing)
        self.filter.textChanged.connect(self._filtered)
        self.editor.said.connect(self._say)
        self.model.edited.connect(self._edited)
        self.form.added.connect(self._add)
        self.load.clicked.connect(self._choose_import)
        self.save.clicked.connect(self._choose_export)
        self.undo.clicked.connect(self._bring_back)
        self.remove.clicked.connect(self.remove_selected)
        self.notify.clicked.connect(self._ask_notify)
        self.empty.pressed.connect(self._empty_pressed)

    def _add(self, device: Device) -> None:
        self._change([*self.model.items, device], self.tr("Added %s.") % (device.name or device.url))

    def _edited(self) -> None:
        self._undo = None
        self.undo.hide()
        self.form.judge()
        self.changed.emit(AddressBook(self.model.items))

    def _change(self, devices: Sequence[Device], said: str) -> None:
        before = self.model.items
        self._take(devices)
        self._say(said)
        self._undo = before
        self.undo.show()
        self.changed.emit(AddressBook(self.model.items))

    def _bring_back(self) -> None:
        if self._undo is not None:
            self._take(self._undo)
            self._say("")
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
            self.changed.emit(AddressBook(self.model.items))

    def _take(self, devices: Sequence[Device]) -> None:
        self.model.show(devices)
        self.form.judge()
        self._show_right_thing()

    def _filtered(self, text: str) -> None:
        self.model.look_for(text)
        self._show_right_thing()

    def _empty_pressed(self) -> None:
        if self.model.total:
            self.filter.clear()
            self.filter.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._choose_import()

    def _ask_notify(self) -> None:
        chosen = self.selected()
        urls = [url for device in chosen if (url := self.model.readable(device.url))]
        if len(urls) < len(chosen):
            wrong = ", ".join(d.name or d.url or self.tr("one without a name") for d in chosen if not self.model.readable(d.url))
            self._say(self.tr("Left out, because the device URL cannot be read: %s. Correct it in the table.") % wrong)
        if urls:
            self.notify_asked.emit(urls)

    def _choose_import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Import devices"), "", self.tr("CSV files (*.csv);;All files (*)"))
        if path:
            self.import_from(Path(path))

    def _choose_export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Export devices"), "devices.csv", self.tr("CSV files (*.csv)"))
        if path:
            self.export_to(Path(path))

    def _fail(self, error: OtaError) -> None:
        self._say(str(error))

    def _say(self, text: str) -> None:
        self._undo = None
        self.undo.hide()
        self.notice.setText(text)
        self.notice.setVisible(bool(text))

    def _count(self) -> None:
        chosen, there = len(self._selection.rows()), self.model.rowCount()
        self.count.setText(self.tr("%(chosen)d of %(there)d selected") % {"chosen": chosen, "there": there} if there else "")
        self.remove.setEnabled(bool(chosen))
        self.notify.setEnabled(bool(chosen))
        self.notify.setToolTip("" if chosen else self.tr("Select devices first; Ctrl+A selects all that are shown"))
        self.save.setEnabled(bool(self.model.total))

    def _show_right_thing(self) -> None:
        self._count()
        if self.model.rowCount():
            self._stack.setCurrentWidget(self.table)
            return
        self._stack.setCurrentWidget(self.empty)
        if self.model.total:
            self.empty.say(
                self.tr("No device matches"),
                self.tr("No device has “%s” in its name, address, group or note.") % self.filter.text(),
                self.tr("Clear the filter"),
            )
        else:
            self.empty.say(
                self.tr("No devices yet"),
                self.tr("Add one below by the URL at which it takes notifications, or import a CSV file with the columns"
                        " name, url, group and note."),
                self.tr("Import CSV…"),
            )  # fmt: skip
