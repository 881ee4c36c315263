"""The devices as they move: the newest trouble first, with a filter, and the timeline of the one that is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from PyQt5.QtCore import QItemSelectionModel, Qt, pyqtSignal
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from common.event import Event
from desktop.address_book import Device, normal_url
from desktop.fleet import FleetRow, Kind
from desktop.window.fleet.forget_bar import ForgetBar
from desktop.window.fleet.model import FleetModel
from desktop.window.fleet.table import FleetTable
from desktop.window.fleet.timeline import DeviceTimeline
from desktop.window.widgets.empty_state import EmptyState
from desktop.window.widgets.said_label import SaidLabel


class FleetView(QWidget):
    """Shows the rows it is given, and asks by signals. UI thread only."""

    chosen = pyqtSignal(str)
    """The address of the device whose timeline is shown; "" is none."""
    keep_asked = pyqtSignal(list)
    """Devices, as the address book has them."""
    notify_asked = pyqtSignal(list)
    rollout_asked = pyqtSignal(list)
    """Device URLs."""

    def __init__(self) -> None:
        super().__init__()
        self._stale = ""
        self._events: tuple[str, Sequence[Event]] = ("", ())
        self._address = ""
        self.model = FleetModel()
        self.table = FleetTable(self.tr("Devices, as the server knows them"), self.model)
        self.filter = QLineEdit()
        self.filter.setClearButtonEnabled(True)
        self.filter.setPlaceholderText(self.tr("name, address, board, state …"))
        self.edit = QPushButton(self.tr("Edit the address &book"))
        self._counts = SaidLabel()
        self.timeline = DeviceTimeline()
        self.empty = EmptyState()
        self.count = QLabel()
        self.keep = QPushButton(self.tr("&Keep in the address book"))
        self.keep.setToolTip(self.tr("For devices that only the server knows"))
        self.forget = QPushButton(self.tr("For&get…"))
        self.asking = ForgetBar()
        self.notify = QPushButton(self.tr("Notif&y selected of…"))
        self.rollout = QPushButton(self.tr("Roll ou&t to selected…"))
        self._stack = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_right_thing()

    def show_rows(self, rows: Sequence[FleetRow]) -> None:
        """The devices now; what is selected stays selected."""
        self._stale = ""
        self.model.show(rows)
        self.asking.show_known(rows)
        self._show_right_thing()

    def show_stale(self, why: str) -> None:
        """The server does not answer: what is shown is of before."""
        self._stale = why
        self._tell_counts()

    def show_events(self, address: str, events: Sequence[Event]) -> None:
        """What happened with the device at this address."""
        self._events = (address, events)
        self._tell_device()

    def selected(self) -> list[FleetRow]:
        """In the order shown."""
        return [self.model.item(row) for row in self.table.kept.rows()]

    def select(self, urls: Collection[str]) -> None:
        """These device URLs, in place of what is selected."""
        selection = self.table.selectionModel()
        assert selection is not None
        flag = QItemSelectionModel.SelectionFlag
        flags = QItemSelectionModel.SelectionFlags(flag.Select) | flag.Rows
        selection.clearSelection()
        for number in range(self.model.rowCount()):
            if self.model.item(number).url in urls:
                selection.select(self.model.index(number, 0), flags)

    def said(self) -> str:
        """The line above the table."""
        return self._counts.text()

    def _lay_out(self) -> None:
        label = QLabel(self.tr("Fi&lter:"))
        label.setBuddy(self.filter)
        top, bottom = QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (top, (label, self.filter, self.edit)),
            (bottom, (self.count, self.forget, self.keep, self.notify, self.rollout)),
        ):
            row.setSpacing(8)
            for widget in widgets:
                row.addWidget(widget, int(widget in (self.filter, self.count)))
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(self.timeline)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(split)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._counts)
        layout.addWidget(self.asking)
        layout.addWidget(self._stack, 1)
        layout.addLayout(bottom)

    def _connect(self) -> None:
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._tell_selection)
        self.model.modelReset.connect(self._tell_selection)
        self.model.changed.connect(self._show_right_thing)
        self.filter.textChanged.connect(self.model.look_for)
        self.empty.pressed.connect(self.filter.clear)
        self.keep.clicked.connect(self._ask_keep)
        self.forget.clicked.connect(self._ask_forget)
        self.table.offer(self.tr("Forget…"), QKeySequence.StandardKey.Delete, self._ask_forget)
        self.notify.clicked.connect(lambda: self._ask(self.notify_asked.emit))
        self.rollout.clicked.connect(lambda: self._ask(self.rollout_asked.emit))

    def _ask_keep(self) -> None:
        new: list[Device] = [row.as_entry() for row in self.selected() if row.entry is None]
        if new:
            self.keep_asked.emit(new)

    def _ask_forget(self) -> None:
        self.asking.ask(self.selected())

    def _ask(self, emit: Callable[[list[str]], None]) -> None:
        urls = list(dict.fromkeys(url for row in self.selected() if (url := normal_url(row.url))))
        if urls:
            emit(urls)

    def _tell_selection(self) -> None:
        chosen = self.selected()
        count = self.tr("%(chosen)d of %(there)d selected") % {"chosen": len(chosen), "there": self.model.rowCount()}
        self.count.setText(count)
        self.keep.setEnabled(any(row.entry is None for row in chosen))
        self.forget.setEnabled(any(row.address for row in chosen))
        for button in (self.notify, self.rollout):
            button.setEnabled(bool(chosen))
            button.setToolTip("" if chosen else self.tr("Select devices first; Ctrl+A selects all that are shown"))
        address = chosen[0].address if len(chosen) == 1 else ""
        if address != self._address:
            self._address = address
            self.chosen.emit(address)
        self._tell_device(chosen)

    def _tell_device(self, chosen: Sequence[FleetRow] | None = None) -> None:
        rows = self.selected() if chosen is None else chosen
        row = rows[0] if len(rows) == 1 else None
        events = self._events[1] if row is not None and row.address and row.address == self._events[0] else ()
        self.timeline.show_device(row, self.model.state(row) if row else "", events)

    def _tell_counts(self) -> None:
        kinds = Counter(row.mood.kind for row in self.model.items)
        parts = [
            (self.tr("1 device") if self.model.total == 1 else self.tr("{} devices").format(self.model.total)),
            *(text.format(kinds[kind]) for kind, text in (
                (Kind.TROUBLE, self.tr("{} with trouble")),
                (Kind.MOVING, self.tr("{} updating")),
                (Kind.CONFIRMED, self.tr("{} confirmed")),
            ) if kinds[kind]),
        ]  # fmt: skip
        said = " · ".join(parts)
        if self._stale:
            said = self.tr("{why} What is shown is of before: {what}").format(why=self._stale, what=said)
        if said != self._counts.text():
            self._counts.setText(said)

    def _show_right_thing(self) -> None:
        self._tell_counts()
        self._tell_selection()
        self._stack.setCurrentIndex(int(bool(self.model.rowCount())))
        if self.model.rowCount():
            return
        if self.model.total:
            text = self.tr("No device has “{}” in what is told of it.").format(self.filter.text())
            self.empty.say(self.tr("No device matches"), text, self.tr("Clear the filter"))
        else:
            self.empty.say(
                self.tr("No devices yet"),
                self.tr("The server knows devices by what they are told, what they fetch, and by their registration."
                        " They appear here by themselves; in the address book you can add some first."),
            )  # fmt: skip
