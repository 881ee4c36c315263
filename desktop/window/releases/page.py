"""The page of releases that are on the server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from PyQt5.QtCore import QModelIndex, Qt, pyqtSignal
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from common.release import Release
from desktop.window.releases.details import ReleaseDetails
from desktop.window.releases.model import ReleasesModel
from desktop.window.widgets.empty_state import EmptyState
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.said_label import SaidLabel


class ReleasesPage(QWidget):
    """Shows the releases it is given and asks for changes by signals; it knows no server. UI thread only."""

    refresh_asked = pyqtSignal()
    notify_asked = pyqtSignal(str)
    withdraw_asked = pyqtSignal(str)
    restore_asked = pyqtSignal(str)
    remove_asked = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._busy = False
        self._known = False
        self._trouble = ""
        self._as_of = ""
        self.model = ReleasesModel()
        self.filter = QLineEdit()
        self.filter.setClearButtonEnabled(True)
        self.filter.setPlaceholderText(self.tr("name, board, state, file …"))
        self.filter.textChanged.connect(self._filtered)
        self.refresh = QPushButton(self.tr("R&efresh"))
        self.refresh.setToolTip(self.tr("Ask the server again"))
        self.refresh.clicked.connect(self._ask_refresh)
        self._said = SaidLabel()
        self.table = PlainTable(self.tr("Releases on the server"))
        self.details = ReleaseDetails()
        self.empty = EmptyState()
        self.empty.pressed.connect(self._empty_pressed)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(self.table)
        self.split.addWidget(self.details)
        self.split.setChildrenCollapsible(False)
        self.split.setStretchFactor(0, 2)
        self.split.setStretchFactor(1, 3)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.split)
        self._set_up_table()
        self._lay_out()
        self._connect()
        self._show_right_thing()

    def show_releases(self, releases: Sequence[Release]) -> None:
        """What is on the server now; what was selected stays selected."""
        self._known, self._trouble = True, ""
        self._as_of = dt.datetime.now().astimezone().strftime("%H:%M:%S")
        self.model.show(releases)
        self._select()
        self._show_right_thing()

    def show_trouble(self, why: str = "") -> None:
        """The server did not answer as it should: what was there stays, marked as old. "": it is another one, or none."""
        self._trouble = why
        if not why:
            self._known = False
            self.model.show(())
        self._show_right_thing()

    def show_busy(self, busy: bool) -> None:
        """Whether the server is being asked."""
        self._busy = busy
        self._show_right_thing()

    def said(self) -> str:
        """The line above the list."""
        return self._said.text()

    def _set_up_table(self) -> None:
        table = self.table
        table.take(self.model, ReleasesModel.PUBLISHED, Qt.SortOrder.DescendingOrder)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        columns = table.set_widths(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(ReleasesModel.NAME, QHeaderView.ResizeMode.Stretch)
        table.offer(self.tr("Copy URL"), QKeySequence.StandardKey.Copy, self.details.copy)
        table.offer(self.tr("Remove…"), QKeySequence.StandardKey.Delete, self.details.ask_removal)

    def _lay_out(self) -> None:
        label = QLabel(self.tr("Fi&lter:"))
        label.setBuddy(self.filter)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(label)
        top.addWidget(self.filter, 1)
        top.addWidget(self.refresh)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        layout.addLayout(top)
        layout.addWidget(self._said)
        layout.addWidget(self._stack, 1)

    def _connect(self) -> None:
        selection = self.table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._row_changed)
        self.model.changed.connect(self._rows_changed)
        details = self.details
        details.notify_asked.connect(self.notify_asked)
        details.withdraw_asked.connect(self.withdraw_asked)
        details.restore_asked.connect(self.restore_asked)
        details.remove_asked.connect(self.remove_asked)
        details.done.connect(self._said.setText)

    def _current(self) -> Release | None:
        return self.model.release(self.table.currentIndex())

    def _select(self) -> None:
        """The first one, where what was selected is gone; and the details of what may have changed."""
        if self.model.rowCount() and not self.table.currentIndex().isValid():
            self.table.setCurrentIndex(self.model.index(0, 0))
        self.details.show_release(self._current())

    def _rows_changed(self) -> None:
        self._select()
        self._show_right_thing()

    def _row_changed(self, to: QModelIndex) -> None:
        self.details.show_release(self.model.release(to))
        self._say()

    def _filtered(self, text: str) -> None:
        self.model.look_for(text)
        self._show_right_thing()

    def _ask_refresh(self) -> None:
        if not self._busy:
            self.refresh_asked.emit()

    def _empty_pressed(self) -> None:
        if self.model.total:
            self.filter.clear()
            self.filter.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._ask_refresh()

    def _say(self) -> None:
        if self._busy:
            self._said.setText(self.tr("Asking the server…"))
        elif self._trouble and self.model.total:
            self._said.setText(self.tr("%(why)s What is shown is as of %(when)s.") % {"why": self._trouble, "when": self._as_of})
        elif self.model.total:
            whole, part = self.model.total, self.model.rowCount()
            count = self.tr("%d releases") % whole if whole != 1 else self.tr("1 release")
            if part != whole:
                count = self.tr("%(part)d of %(whole)d releases") % {"part": part, "whole": whole}
            self._said.setText(count)
        else:
            self._said.setText("")
        self._said.setVisible(bool(self._said.text()))

    def _show_right_thing(self) -> None:
        self._say()
        if self.model.rowCount():
            self._stack.setCurrentWidget(self.split)
            return
        self._stack.setCurrentWidget(self.empty)
        if self.model.total:
            self.empty.say(
                self.tr("No release matches"),
                self.tr("Nothing on the server has “%s” in its name, board, class, state or files.") % self.filter.text(),
                self.tr("Clear the filter"),
            )
        elif self._trouble:
            self.empty.say(self.tr("The releases could not be read"), self._trouble, self.tr("Try again"))
        elif self._known:
            self.empty.say(
                self.tr("Nothing is published yet"),
                self.tr(
                    "Drop a manifest and its slot images anywhere in this window, look at what the check says, and publish."
                    " What is on the server then stands here."
                ),
                self.tr("Ask again"),
            )
        elif self._busy:
            self.empty.say(self.tr("Asking the server…"), self.tr("Its releases appear here."))
        else:
            self.empty.say(
                self.tr("No server yet"),
                self.tr("Choose a server at the top of the window, or start one on this computer. Its releases appear here."),
            )
