"""The page of rollouts: those that the server knows, and a form for a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QModelIndex, Qt
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from common.rollout import Rollout
from desktop.window.rollouts.details import RolloutDetails
from desktop.window.rollouts.form import RolloutForm
from desktop.window.rollouts.model import RolloutsModel
from desktop.window.widgets.caution_line import CautionLine
from desktop.window.widgets.empty_state import EmptyState
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.said_label import SaidLabel


class RolloutsPage(QWidget):
    """Shows the rollouts it is given, and asks by signals. UI thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._known: Sequence[Rollout] | None = None
        self._stale = ""
        self._wanted = ""
        self.model = RolloutsModel()
        self.table = PlainTable(self.tr("Rollouts"))
        self.new = QPushButton(self.tr("&New rollout…"))
        self._said, self.trouble = SaidLabel(), CautionLine()
        self.trouble.hide()
        self.details, self.form, self.empty = RolloutDetails(), RolloutForm(), EmptyState()
        self.table.take(self.model, RolloutsModel.BEGUN, Qt.SortOrder.DescendingOrder)
        self.table.setMinimumHeight(self.fontMetrics().height() * 4)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        columns = self.table.set_widths(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(RolloutsModel.SUMMARY, QHeaderView.ResizeMode.Stretch)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(self.details)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 2)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.form)
        self._split, self._area = split, area
        self._stack = QStackedWidget()
        for widget in (self.empty, split, area):
            self._stack.addWidget(widget)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._said, 1)
        top.addWidget(self.new)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.trouble)
        layout.addWidget(self._stack, 1)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._row_changed)
        self.model.changed.connect(self._select)
        self.new.clicked.connect(self.open_form)
        self.form.cancelled.connect(self.close_form)
        self.empty.pressed.connect(self.open_form)
        self._show_right_thing()

    def show_rollouts(self, rollouts: Sequence[Rollout] | None) -> None:
        """What the server knows now; None: it knows none, or there is no server."""
        self._known, self._stale = rollouts, ""
        self.model.show(rollouts or ())
        self._select()
        self._show_right_thing()

    def show_stale(self, why: str) -> None:
        """The server does not answer: what is shown is of before."""
        self._stale = why
        self._show_right_thing()

    def open_form(self) -> None:
        """In place of the list."""
        self.form.show_trouble("")
        self.trouble.say("")
        self._stack.setCurrentWidget(self._area)
        self._show_right_thing()
        self.form.release.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_form(self) -> None:
        """Back to the list."""
        self._stack.setCurrentWidget(self._split)
        self._show_right_thing()
        self.new.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_begun(self, rollout: Rollout) -> None:
        """It is there: back to the list, in which it is chosen."""
        self.form.show_busy(False)
        self._wanted = rollout.id
        self.close_form()
        self._select()

    def show_refused(self, why: str) -> None:
        """An act on a rollout that the server did not take; "" where there is none."""
        self.trouble.say(why)

    def said(self) -> str:
        """The line above the list."""
        return self._said.text()

    def _select(self) -> None:
        row = self.model.row_of(self._wanted) if self._wanted else None
        if row is not None:
            self._wanted = ""
        elif self.model.rowCount() and not self.table.currentIndex().isValid():
            row = 0
        if row is not None:
            self.table.selectRow(row)
        index = self.table.currentIndex()
        self.details.show_rollout(self.model.item(index.row()) if index.isValid() else None)

    def _row_changed(self, to: QModelIndex) -> None:
        self.trouble.say("")
        self.details.show_rollout(self.model.item(to.row()) if to.isValid() else None)

    def _show_right_thing(self) -> None:
        count, formed = self.model.total, self._stack.currentWidget() is self._area
        said = "" if not count else self.tr("1 rollout") if count == 1 else self.tr("{} rollouts").format(count)
        if self._stale and count:
            said = self.tr("{why} What is shown is of before.").format(why=self._stale)
        if said != self._said.text():
            self._said.setText(said)
        self.new.setVisible(not formed)
        self.new.setEnabled(self._known is not None)
        if formed:
            return
        self._stack.setCurrentWidget(self._split if count else self.empty)
        if not count and self._known is not None:
            self.empty.say(
                self.tr("No rollout yet"),
                self.tr("A rollout tells many devices of a release in waves: the next one opens when those of the last one are"
                        " confirmed, and failures stop it."),
            )  # fmt: skip
        elif not count:
            self.empty.say(
                self.tr("No rollouts to show"),
                self._stale or self.tr("Choose a server at the top of the window that knows rollouts. They appear here."),
            )
