"""What became of publishing: a few sentences, each device's answer, and the summary of both to copy or to save."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from common.errors import OtaError
from common.notification import DeviceState, Notification
from common.release import Release, State


class Outcome(QWidget):
    """Shows it as it happens. It knows no network."""

    retry_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self._failed = False
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._results = QTreeWidget()
        self._results.setAccessibleName(self.tr("The devices' answers"))
        self._results.setRootIsDecorated(False)
        self._results.setWordWrap(True)
        self._results.setHeaderLabels([self.tr("Device"), self.tr("Answer"), self.tr("Why")])
        self._retry = QPushButton(self.tr("Retr&y the failed ones"))
        self._copy, self._save = QPushButton(self.tr("Copy su&mmary")), QPushButton(self.tr("Sa&ve summary…"))
        self._retry.clicked.connect(self.retry_asked)
        self._copy.clicked.connect(self._copy_summary)
        self._save.clicked.connect(self._save_summary)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._text)
        column.addWidget(self._results, 1)
        row = QHBoxLayout()
        for button in (self._retry, self._copy, self._save):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.clear()
        self.show_busy(False)

    @property
    def summary(self) -> str:
        """What happened, as text."""
        rows = [self._results.topLevelItem(n) for n in range(self._results.topLevelItemCount())]
        devices = ["  ".join(row.text(column) for column in range(3)).rstrip() for row in rows if row is not None]
        return "\n".join([*self._lines, *devices])

    def clear(self) -> None:
        """Nothing happened yet."""
        self._lines, self._failed = [], False
        self._text.clear()
        self._results.clear()
        self._results.setVisible(False)

    def show_busy(self, busy: bool) -> None:
        """While it goes on, there is nothing to retry or to keep."""
        self._retry.setVisible(self._failed and not busy)
        for button in (self._copy, self._save):
            button.setVisible(bool(self._lines) and not busy)

    def show_published(self, release: Release, created: bool) -> None:
        """It is on the server."""
        text = self.tr("Published {}.") if created else self.tr("{} is already published with the same bytes.")
        self._say(text.format(release.publish_id))
        if release.forced:
            self._say(self.tr("It was forced: the checks found errors."))
        if release.state is not State.READY:
            self._say(self.tr("It is {}: devices do not get it.").format(release.state))

    def show_notified(self, notification: Notification) -> None:
        """Each device's answer so far."""
        words = {
            DeviceState.WAITING: self.tr("waiting"),
            DeviceState.ACCEPTED: self.tr("notified"),
            DeviceState.REFUSED: self.tr("refused"),
            DeviceState.UNREACHABLE: self.tr("unreachable"),
        }
        self._results.clear()
        for result in notification.results:
            why = "" if result.state is DeviceState.ACCEPTED else result.message
            self._results.addTopLevelItem(QTreeWidgetItem([result.device, words[result.state], why]))
        self._results.resizeColumnToContents(0)
        self._results.setVisible(True)
        self._failed = notification.done and any(r.state is not DeviceState.ACCEPTED for r in notification.results)
        if not self._lines:
            self._say(self.tr("Notifying devices of {}.").format(notification.publish_id))

    def show_failed(self, error: OtaError) -> None:
        """What ended it."""
        self._say(str(error))

    def _say(self, sentence: str) -> None:
        self._lines.append(sentence)
        self._text.setText("\n".join(self._lines))

    def _copy_summary(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.summary)

    def _save_summary(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save the summary"), "summary.txt", self.tr("Text files (*.txt)"))
        if not path:
            return
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.summary + "\n")
        except OSError as error:
            self._say(self.tr("The summary could not be saved: {}.").format(error.strerror))
