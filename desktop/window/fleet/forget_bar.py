"""Asks before devices are forgotten, naming what goes and what stays, and says why one was not."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from desktop.fleet import FleetRow
from desktop.window.widgets.caution_line import CautionLine
from desktop.window.widgets.question_bar import QuestionBar

_MOST = 5
"""Devices that are named."""


class ForgetBar(QWidget):
    """Above the table; it takes no room while it has nothing to say. UI thread only."""

    agreed = pyqtSignal(list)
    """Addresses, as the server has them."""

    def __init__(self) -> None:
        super().__init__()
        self._addresses: list[str] = []
        self.question = QuestionBar()
        self.trouble = CautionLine()
        self.trouble.say("")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.question)
        layout.addWidget(self.trouble)
        self.question.agreed.connect(lambda: self.agreed.emit(self._addresses))
        self.question.agreed.connect(self._fit)
        self.question.declined.connect(self._fit)
        self._fit()

    def ask(self, rows: Sequence[FleetRow]) -> None:
        """About those of them that the server knows."""
        known = [row for row in rows if row.address]
        if not known:
            return
        self._addresses = [row.address for row in known]
        self.trouble.say("")
        names = ", ".join(row.name or row.address for row in known[:_MOST])
        more = len(known) - _MOST
        names = self.tr("{names} and {more} more").format(names=names, more=more) if more > 0 else names
        text = self.tr(
            "Forget {names}? Name, group, update and last download go from the server; what the history says stays."
            " A device that is heard again comes back as a new one."
        )
        if any(row.entry is not None for row in known):
            text = f"{text} {self.tr('The address book keeps what it has.')}"
        self.question.ask(text.format(names=names), self.tr("&Yes, forget"), self.tr("&No, keep"))
        self._fit()

    def show_known(self, rows: Sequence[FleetRow]) -> None:
        """A question about devices of which the server knows none any more is taken back."""
        if not self.question.isHidden() and not {row.address for row in rows}.intersection(self._addresses):
            self.question.hide()
            self._fit()

    def show_refused(self, why: str) -> None:
        """Why the server did not forget one; "" where it did."""
        self.trouble.say(why)
        self._fit()

    def _fit(self) -> None:
        self.setVisible(not (self.question.isHidden() and self.trouble.isHidden()))
