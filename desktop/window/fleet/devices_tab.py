"""The tab of the devices: the fleet as it moves, or the address book to be edited; only the book without a fleet."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from desktop.window.address_book.page import DevicesPage
from desktop.window.fleet.view import FleetView


class DevicesTab(QWidget):
    """One of the two, and a button that turns to the other. UI thread only."""

    def __init__(self, book: DevicesPage, view: FleetView) -> None:
        super().__init__()
        self._known = False
        self._book, self._view = book, view
        self._editing = False
        self.back = QPushButton(self.tr("&Back to the devices as they move"))
        self.back.clicked.connect(lambda: self.edit(False))
        view.edit.clicked.connect(lambda: self.edit(True))
        self._stack = QStackedWidget()
        self._stack.addWidget(book)
        self._stack.addWidget(view)
        self._top = QWidget()
        row = QHBoxLayout(self._top)
        row.setContentsMargins(16, 10, 16, 0)
        row.addWidget(self.back)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._top)
        layout.addWidget(self._stack, 1)
        self._turn()

    @property
    def live(self) -> bool:
        """Whether the fleet is shown."""
        return self._known and not self._editing

    def show_known(self, known: bool) -> None:
        """Whether the server tells of devices."""
        if known != self._known:
            self._known = known
            self._turn()

    def edit(self, editing: bool) -> None:
        """Show the address book, or the fleet again."""
        self._editing = editing
        self._turn()
        to = self.back if editing else self._view.table
        to.setFocus(Qt.FocusReason.OtherFocusReason)

    def _turn(self) -> None:
        self._top.setVisible(self._known and self._editing)
        self._stack.setCurrentWidget(self._view if self.live else self._book)
