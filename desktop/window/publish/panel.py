"""The third step: under which name, for which devices, and what became of it."""

from __future__ import annotations

from collections.abc import Collection

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from common.errors import OtaError
from common.finding import Finding
from common.release import Release
from desktop.following import Following
from desktop.window.publish.form import PublishForm
from desktop.window.publish.outcome_view import Outcome
from desktop.window.widgets.question_bar import QuestionBar
from desktop.window.widgets.wrapped_label import WrappedLabel


class PublishPanel(QWidget):
    """The form, the one button, and how it goes on. It knows no network."""

    publish_asked = pyqtSignal(str, object, bool)
    """Publish id, list of DeviceUrl, whether it is forced."""
    cancel_asked = pyqtSignal()
    retry_asked = pyqtSignal()
    id_edited = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._errors: tuple[Finding, ...] = ()
        self._complete = False
        self._checking = False
        self._reachable = False
        self._busy = False
        self._retrying = False
        self._told = False
        self._own = ""
        """What was published with the files that are there: that its id is taken is no news."""
        self._form = PublishForm()
        self._form.edited.connect(self._enable)
        self._form.id_edited.connect(self.id_edited)
        self._id = self._form.id
        self._button = QPushButton(self.tr("P&ublish"))
        self._button.setDefault(True)
        self._button.clicked.connect(lambda: self._ask(False))
        self._cancel = QPushButton()
        self._cancel.clicked.connect(self.cancel_asked)
        self._anyway = QPushButton(self.tr("Publish &anyway…"))
        self._anyway.setFlat(True)
        self._anyway.clicked.connect(self._question)
        self._sure = QuestionBar()
        self._sure.agreed.connect(lambda: self._ask(True))
        self._sure.declined.connect(self._anyway.setFocus)
        self._why = WrappedLabel()
        self._bar = QProgressBar()
        self._bar.setAccessibleName(self.tr("Upload"))
        self._outcome = Outcome()
        self._outcome.retry_asked.connect(self._retry)
        self._lay_out()
        self._enable()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._form)
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addWidget(self._cancel)
        row.addStretch(1)
        row.addWidget(self._anyway)
        layout.addLayout(row)
        layout.addWidget(self._sure)
        layout.addWidget(self._why)
        layout.addWidget(self._bar)
        layout.addWidget(self._outcome, 1)

    @property
    def summary(self) -> str:
        """What happened, as it is shown."""
        return self._outcome.summary

    @property
    def devices(self) -> str:
        """As they are typed."""
        return str(self._form.devices.toPlainText())

    def set_devices(self, text: str) -> None:
        """Device URLs, one a line."""
        self._form.devices.setPlainText(text)

    def propose(self, publish_id: str) -> None:
        """Fill in a name, unless the person typed one."""
        self._form.propose(publish_id)

    def show_checking(self, checking: bool) -> None:
        """Whether files were picked or changed that are not checked yet; `show_errors` ends it."""
        self._checking = checking
        if checking:
            self._own = ""
        self._enable()

    def show_errors(self, errors: tuple[Finding, ...], complete: bool) -> None:
        """What blocks the button; `complete`: there are a manifest and an image."""
        if errors != self._errors:
            self._sure.hide()
        self._errors, self._complete, self._checking = errors, complete, False
        self._enable()

    def show_server(self, reachable: bool) -> None:
        """Whether there is a server to publish to."""
        self._reachable = reachable
        self._enable()

    def show_taken(self, publish_ids: Collection[str]) -> None:
        """The names that are on the server already."""
        self._form.show_taken(publish_ids)

    def show_busy(self, busy: bool) -> None:
        """While files are sent, and devices are told and watched."""
        self._busy = busy
        self._told = False
        if busy:
            if not self._retrying:
                self._outcome.clear()
            self._sure.hide()
            self._bar.setRange(0, 0)
        self._enable()

    def show_sent(self, sent: int, total: int) -> None:
        """Bytes of the upload."""
        if total > 0:
            self._bar.setRange(0, 1000)
            self._bar.setValue(min(1000, 1000 * sent // total))

    def show_published(self, release: Release, created: bool) -> None:
        """It is on the server."""
        self._own = release.publish_id
        self._outcome.show_published(release, created)
        self._bar.setRange(0, 0)
        self._enable()

    def show_notified(self, now: Following) -> None:
        """What is known of each device so far."""
        self._outcome.show_following(now)
        if self._busy and self._told != now.told:
            self._told = now.told
            self._enable()

    def show_failed(self, error: OtaError) -> None:
        """What ended it; nothing in the window is lost."""
        self._outcome.show_failed(error)
        self._enable()

    def _retry(self) -> None:
        self._retrying = True
        self.retry_asked.emit()
        self._retrying = False

    def _question(self) -> None:
        named = ", ".join(sorted({f.code for f in self._errors}))
        text = self.tr("Devices may refuse a release with {}. Publish it all the same?").format(named)
        self._sure.ask(text, self.tr("Yes, publish it &with the error"), self.tr("&No"))

    def _ask(self, force: bool) -> None:
        self._sure.hide()
        self.publish_asked.emit(self._form.publish_id, self._form.device_urls(), force)

    def _enable(self) -> None:
        self._form.keep_quiet(self._busy or (bool(self._own) and self._form.publish_id == self._own))
        possible = self._complete and self._reachable and not self._busy and not self._checking and self._form.sound
        self._button.setEnabled(possible and not self._errors)
        self._anyway.setVisible(possible and bool(self._errors))
        if not possible or not self._errors:
            self._sure.hide()
        self._cancel.setText(self.tr("Stop &watching") if self._told else self.tr("Ca&ncel"))
        self._cancel.setVisible(self._busy)
        self._bar.setVisible(self._busy and not self._told)
        self._outcome.show_busy(self._busy, self._told)
        self._why.say("" if self._busy else self._reason(possible))

    def _reason(self, possible: bool) -> str:
        """Why the button cannot be pressed."""
        if self._checking:
            return self.tr("Checking…")
        if not self._complete:
            return self.tr("A release has a manifest and at least one image.")
        if not self._reachable:
            return self.tr("There is no server to publish to: choose one above, or start one on this computer.")
        if self._errors and possible:
            return self.tr("The checks found errors: mend them first.")
        return ""
