"""The form in which a new rollout is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from common.device_url import parse_list
from common.errors import OtaError
from common.rollout import WEAKER, Accept, RolloutPlan
from common.waves import DEFAULT, Waves
from desktop.window.widgets.caution_line import CautionLine
from desktop.window.widgets.said_label import SaidLabel


class RolloutForm(QGroupBox):
    """Fields with what is wrong with them below; what the server says of them stands there, too. UI thread only."""

    begin_asked = pyqtSignal(object)
    """The RolloutPlan."""
    cancelled = pyqtSignal()
    selected_asked = pyqtSignal()
    """The devices that are selected on the other page are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle(self.tr("New rollout"))
        self.release, self.group = QComboBox(), QComboBox()
        for combo in (self.release, self.group):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(12)
        self.group.setEditable(True)
        self.devices = QPlainTextEdit()
        self.devices.setTabChangesFocus(True)
        self.devices.setFixedHeight(self.fontMetrics().height() * 6)
        self.take = QPushButton(self.tr("Ta&ke the selected devices"))
        self.waves, self.share, self.stop_after = QLineEdit(DEFAULT), QLineEdit("100 %"), QSpinBox()
        self.stop_after.setRange(1, 1000)
        self.accept = QComboBox()
        self.accept.addItem(self.tr("confirmed: proof that it runs"), Accept.CONFIRMED)
        self.accept.addItem(self.tr("downloaded: weaker"), Accept.DOWNLOADED)
        self.caution, self.said, self.trouble = CautionLine(), SaidLabel(), CautionLine()
        self.begin, self.cancel = QPushButton(self.tr("&Begin the rollout")), QPushButton(self.tr("Cance&l"))
        self._busy = False
        self._lay_out()
        for edit in (self.waves, self.share):
            edit.textChanged.connect(self._judge)
        self.devices.textChanged.connect(self._judge)
        self.group.currentTextChanged.connect(self._judge)
        self.release.currentTextChanged.connect(self._judge)
        self.accept.currentIndexChanged.connect(self._judge)
        self.take.clicked.connect(self.selected_asked)
        self.begin.clicked.connect(self._ask)
        self.cancel.clicked.connect(self.cancelled)
        self._judge()

    def show_releases(self, ready: Sequence[str]) -> None:
        """Which ones can be rolled out; the one that was chosen stays."""
        self._fill(self.release, ready)

    def show_groups(self, groups: Sequence[str]) -> None:
        """What the server knows."""
        self._fill(self.group, ("", *groups))

    def put_devices(self, urls: Sequence[str]) -> None:
        """In place of what is typed there."""
        self.devices.setPlainText("\n".join(urls))

    def show_busy(self, busy: bool) -> None:
        """Whether the server is asked for it."""
        self._busy = busy
        self._judge()

    def show_trouble(self, why: str) -> None:
        """What the server said."""
        self._busy = False
        self._judge()
        self.trouble.say(why)

    def _lay_out(self) -> None:
        texts = (
            (self.tr("Rel&ease"), self.release, 0, 0), (self.tr("&Group"), self.group, 0, 2),
            (self.tr("De&vices"), self.devices, 1, 0), (self.tr("&Waves"), self.waves, 2, 0),
            (self.tr("Sh&are"), self.share, 2, 2), (self.tr("A&ccept"), self.accept, 3, 0),
            (self.tr("Stop af&ter failures"), self.stop_after, 3, 2),
        )  # fmt: skip
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 12, 12, 12)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        placed: list[QWidget] = []
        for text, field, row, column in texts:
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, row, column)
            grid.addWidget(field, row, column + 1, 1, 1)
            placed.append(field)
        grid.addWidget(self.take, 1, 2, 1, 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(3, 2)
        for row, label_below in enumerate((self.caution, self.said, self.trouble), 4):
            grid.addWidget(label_below, row, 0, 1, 4)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.begin)
        grid.addLayout(buttons, 7, 0, 1, 4)
        grid.setRowStretch(8, 1)
        order = [*placed[:3], self.take, *placed[3:], self.cancel, self.begin]
        for one, other in pairwise(order):
            QWidget.setTabOrder(one, other)

    def _plan(self) -> RolloutPlan:
        """Raises OtaError for what cannot be."""
        Waves.parse(self.waves.text())
        devices = tuple(map(str, parse_list(self.devices.toPlainText().replace("\n", ","))))
        group = self.group.currentText().strip()
        return RolloutPlan(
            self.release.currentText(), devices, (group,) if group else (), self.waves.text(), self.share.text(),
            self.stop_after.value(), Accept(self.accept.currentData()),
        )  # fmt: skip

    def _judge(self) -> None:
        self.caution.say(WEAKER if self.accept.currentData() == Accept.DOWNLOADED else "")
        self.trouble.hide()
        try:
            plan = self._plan()
        except OtaError as error:
            said, good = str(error), False
        else:
            good = bool(plan.publish_id) and bool(plan.devices or plan.groups)
            said = self._preview(plan)
        self.said.setText(self.tr("Asking the server…") if self._busy else said)
        self.begin.setEnabled(good and not self._busy)

    def _preview(self, plan: RolloutPlan) -> str:
        if not plan.publish_id:
            return self.tr("There is no ready release on the server: publish one first.")
        if not plan.devices and not plan.groups:
            return self.tr("Name devices by their device URLs, one a line, or a group, or both.")
        if plan.groups:
            return self.tr("The devices of the group are counted by the server.")
        sizes = ", ".join(map(str, Waves.parse(plan.waves).sizes(len(plan.devices))))
        count = self.tr("1 device") if len(plan.devices) == 1 else self.tr("{} devices").format(len(plan.devices))
        return self.tr("{devices}, in waves of {sizes}.").format(devices=count, sizes=sizes)

    def _ask(self) -> None:
        try:
            plan = self._plan()
        except OtaError:
            return
        self.show_busy(True)
        self.begin_asked.emit(plan)

    @staticmethod
    def _fill(combo: QComboBox, texts: Sequence[str]) -> None:
        if [combo.itemText(number) for number in range(combo.count())] == list(texts):
            return
        before = combo.currentText()
        combo.blockSignals(True)
        combo.clear()
        combo.addItems(list(texts))
        if combo.isEditable():
            combo.setEditText(before)
        elif before in texts:
            combo.setCurrentText(before)
        combo.blockSignals(False)
        combo.currentTextChanged.emit(combo.currentText())
