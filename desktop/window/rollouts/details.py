"""One rollout: how far it is, its waves, its devices, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QSplitter, QVBoxLayout, QWidget

from common.rollout import Rollout, RolloutState
from desktop.window.rollouts.model import RolloutDevicesModel, Sheet, WavesModel, wave_rows
from desktop.window.widgets.caution_line import CautionLine
from desktop.window.widgets.plain_table import PlainTable
from desktop.window.widgets.question_bar import QuestionBar
from desktop.window.widgets.said_label import SaidLabel

_WIDE = (RolloutDevicesModel.DEVICE, RolloutDevicesModel.REASON)


class RolloutDetails(QWidget):
    """Shows a rollout and asks for changes by signals. UI thread only."""

    pause_asked = pyqtSignal(str)
    resume_asked = pyqtSignal(str)
    stop_asked = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._rollout: Rollout | None = None
        self._title = SaidLabel(1.1)
        self._said = SaidLabel()
        self.caution = CautionLine()
        self.pause = QPushButton(self.tr("Pa&use"))
        self.resume = QPushButton(self.tr("Resu&me"))
        self.stop = QPushButton(self.tr("S&top…"))
        self.question = QuestionBar()
        self.waves, self.devices = WavesModel(), RolloutDevicesModel()
        self._split = QSplitter()
        self._split.setChildrenCollapsible(False)
        sheets: tuple[tuple[str, Sheet[Any], int, Sequence[int]], ...] = (
            (self.tr("Waves"), self.waves, WavesModel.WAVE, (WavesModel.DEVICES,)),
            (self.tr("Devices of the rollout"), self.devices, RolloutDevicesModel.WAVE, _WIDE),
        )
        for name, model, by, wide in sheets:
            self._split.addWidget(_table(name, model, by, wide))
        self._split.setStretchFactor(0, 2)
        self._split.setStretchFactor(1, 3)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._title, 1)
        for button in (self.pause, self.resume, self.stop):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(buttons)
        layout.addWidget(self._said)
        layout.addWidget(self.caution)
        layout.addWidget(self.question)
        layout.addWidget(self._split, 1)
        self.pause.clicked.connect(lambda: self._ask(self.pause_asked.emit))
        self.resume.clicked.connect(lambda: self._ask(self.resume_asked.emit))
        self.stop.clicked.connect(self.ask_stop)
        self.question.agreed.connect(lambda: self._ask(self.stop_asked.emit))

    def show_rollout(self, rollout: Rollout | None) -> None:
        """This one; a question about another one is taken back."""
        before, self._rollout = self._rollout, rollout
        same = before is not None and rollout is not None and before.id == rollout.id
        if rollout is before:
            return
        if not same or (rollout is not None and rollout.over):
            self.question.hide()
        if rollout is None:
            return
        self._title.setText(rollout.publish_id)
        self._said.setText(" ".join(filter(None, (rollout.summary, rollout.reason))))
        self.caution.say(rollout.caution)
        self.pause.setEnabled(rollout.state is RolloutState.RUNNING)
        self.resume.setEnabled(rollout.state is RolloutState.PAUSED)
        self.stop.setEnabled(not rollout.over)
        self.waves.show(wave_rows(rollout))
        self.devices.show(rollout.devices)

    def ask_stop(self) -> None:
        """In place, naming what goes on and what does not."""
        rollout = self._rollout
        if rollout is None or rollout.over:
            return
        text = self.tr(
            "Stop the rollout of {release} for good? What was told ({told}) goes on, and may still update."
            " What was not ({untold}) stays as it is. A stopped rollout cannot be resumed."
        )
        told, untold = (
            self.tr("1 device") if number == 1 else self.tr("{} devices").format(number)
            for number in (rollout.touched, rollout.untouched)
        )
        self.question.ask(
            text.format(release=rollout.publish_id, told=told, untold=untold),
            self.tr("&Yes, stop it"),
            self.tr("No, &go on"),
        )

    def text(self) -> str:
        """What is said above the tables."""
        return "\n".join((self._title.text(), self._said.text(), self.caution.text()))

    def _ask(self, emit: Callable[[str], None]) -> None:
        if self._rollout is not None:
            emit(self._rollout.id)


def _table(name: str, model: Sheet[Any], by: int, wide: Sequence[int]) -> PlainTable:
    table = PlainTable(name)
    table.take(model, by, Qt.SortOrder.AscendingOrder)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setWordWrap(True)
    rows, columns = table.verticalHeader(), table.set_widths(QHeaderView.ResizeMode.ResizeToContents)
    assert rows is not None
    rows.setDefaultSectionSize(round(table.fontMetrics().height() * 2.5))
    for column in wide:
        columns.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
    table.setMinimumHeight(table.fontMetrics().height() * 4)
    return table
