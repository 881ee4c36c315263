"""What became of publishing: a few sentences, a row for each device, and the summary of both to copy or to save."""

from __future__ import annotations

import datetime as dt

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from common.errors import OtaError
from common.release import Release, State
from desktop.following import Following
from desktop.window.publish.device_table import DeviceTable
from desktop.window.widgets.wrapped_label import WrappedLabel


class Outcome(QWidget):
    """Shows it as it happens. It knows no network."""

    retry_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self._began = _now()
        self._now = Following("")
        self._busy = False
        self._text = WrappedLabel()
        self._results = DeviceTable(self.tr("The devices, and how far each is"))
        self._kept = WrappedLabel()
        self._retry = QPushButton(self.tr("Retr&y the failed ones"))
        self._copy, self._save = QPushButton(self.tr("Copy su&mmary")), QPushButton(self.tr("Sa&ve summary…"))
        self._retry.clicked.connect(self.retry_asked)
        self._copy.clicked.connect(self._copy_summary)
        self._save.clicked.connect(self._ask_where)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._text)
        column.addWidget(self._results, 1)
        row = QHBoxLayout()
        for button in (self._retry, self._copy, self._save):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._kept)
        self.clear()
        self.show_busy(False)

    @property
    def summary(self) -> str:
        """What happened, as it is shown."""
        return "\n".join([*self._lines, *map(self._results.line, self._results.rows)])

    @property
    def report(self) -> str:
        """The same to be kept: with the time, the server and the publish id."""
        heads = [self.tr("Publishing with OTA Publisher, {}").format(self._began)]
        if self._now.server:
            heads.append(self.tr("Server: {}").format(self._now.server))
        if self._now.publish_id:
            heads.append(self.tr("Publish id: {}").format(self._now.publish_id))
        heads.append(self.tr("As of {}:").format(_now()))
        return "\n".join([*heads, "", self.summary])

    def clear(self) -> None:
        """Nothing happened yet."""
        self._lines, self._began, self._now = [], _now(), Following("")
        self._text.say("")
        self._kept.say("")
        self._results.show_rows(())
        self._results.setVisible(False)

    def show_busy(self, busy: bool, told: bool = False) -> None:
        """While files are sent and devices are told there is nothing to retry or to keep; while they are watched, there is."""
        self._busy = busy and not told
        self._retry.setVisible(bool(self._now.failed) and not self._busy)
        for button in (self._copy, self._save):
            button.setVisible(bool(self._lines) and not self._busy)

    def show_published(self, release: Release, created: bool) -> None:
        """It is on the server."""
        text = self.tr("Published {}.") if created else self.tr("{} is already published with the same bytes.")
        self._say(text.format(release.publish_id))
        if release.forced:
            self._say(self.tr("It was forced: the checks found errors."))
        if release.state is not State.READY:
            self._say(self.tr("It is {}: devices do not get it.").format(release.state))

    def show_following(self, now: Following) -> None:
        """What is known of each device so far."""
        before, self._now = self._now, now
        if now.rows:
            self._results.show_rows(now.rows)
            self._results.setVisible(True)
            if not self._lines:
                self._say(self.tr("Notifying devices of {}.").format(now.publish_id))
        if now.stopped and not before.stopped:
            self._say(self.tr("You stopped watching; the devices go on by themselves."))
        self._retry.setVisible(bool(now.failed) and not self._busy)

    def show_failed(self, error: OtaError) -> None:
        """What ended it."""
        self._say(str(error))

    def save(self, path: str) -> None:
        """Write the summary there, and say how that went."""
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.report + "\n")
        except OSError as error:
            text = self.tr("The summary could not be saved as {} ({}): choose another place.")
            self._kept.say(text.format(path, error.strerror))
        else:
            self._kept.say(self.tr("The summary was saved as {}.").format(path))

    def _say(self, sentence: str) -> None:
        self._lines.append(sentence)
        self._text.say("\n".join(self._lines))

    def _copy_summary(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.report)
            self._kept.say(self.tr("The summary was copied."))

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the summary"), "", self.tr("Text files (*.txt)"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("txt")
        dialog.selectFile("summary.txt")
        dialog.fileSelected.connect(self.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _now() -> str:
    return f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}"
