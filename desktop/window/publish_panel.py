"""The third step: under which name, for which devices, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from common.device_url import DeviceUrl, parse_list
from common.errors import InvalidRequest, OtaError
from common.finding import Finding
from common.notification import Notification
from common.release import Release, check_publish_id
from desktop.window.outcome_view import Outcome


class PublishPanel(QWidget):
    """Takes the publish id and the devices, and shows the upload and each device's answer. It knows no network."""

    publish_asked = pyqtSignal(str, object, bool)
    """Publish id, list of DeviceUrl, whether it is forced."""
    cancel_asked = pyqtSignal()
    retry_asked = pyqtSignal()
    id_edited = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sure = QWidget()
        self._why = self._quiet("")
        self._errors: tuple[Finding, ...] = ()
        self._taken: frozenset[str] = frozenset()
        self._complete = False
        self._reachable = False
        self._busy = False
        self._proposed = ""
        self._make_fields()
        self._make_buttons()
        self._make_outcome()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QGridLayout()
        form.setColumnStretch(1, 1)
        fields = (
            (self._label(self.tr("Pu&blish id"), self._id), self._id, self._id_trouble),
            (self._label(self.tr("Devi&ces to notify"), self._devices), self._devices, self._devices_trouble),
        )
        for row_number, (label, field, trouble) in enumerate(fields):
            form.addWidget(label, 2 * row_number, 0, Qt.AlignmentFlag.AlignTop)
            form.addWidget(field, 2 * row_number, 1)
            form.addWidget(trouble, 2 * row_number + 1, 1)
        layout.addLayout(form)
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
        self._enable()

    def _make_fields(self) -> None:
        self._id = QLineEdit()
        self._id.setAccessibleName(self.tr("Publish id"))
        self._id.setPlaceholderText("version_42")
        self._id.textEdited.connect(self._edited)
        self._id_trouble = self._quiet("")
        self._devices = QPlainTextEdit()
        self._devices.setAccessibleName(self.tr("Devices to notify"))
        self._devices.setPlaceholderText("[fd00::2]/suit/trigger")
        self._devices.setTabChangesFocus(True)
        self._devices.setMaximumHeight(4 * self.fontMetrics().lineSpacing())
        self._devices.textChanged.connect(self._enable)
        self._devices_trouble = self._quiet("")

    def _make_buttons(self) -> None:
        self._button = QPushButton(self.tr("P&ublish"))
        self._button.setDefault(True)
        self._button.clicked.connect(lambda: self._ask(False))
        self._cancel = QPushButton(self.tr("Ca&ncel"))
        self._cancel.clicked.connect(self.cancel_asked)
        self._anyway = QPushButton(self.tr("Publish &anyway…"))
        self._anyway.setFlat(True)
        self._anyway.clicked.connect(lambda: self._sure.setVisible(True))
        row = QHBoxLayout(self._sure)
        row.setContentsMargins(0, 0, 0, 0)
        self._sure_text = self._quiet("")
        yes, no = QPushButton(self.tr("Yes, publish it &with the error")), QPushButton(self.tr("&No"))
        yes.clicked.connect(lambda: self._ask(True))
        no.clicked.connect(lambda: self._sure.setVisible(False))
        row.addWidget(self._sure_text, 1)
        row.addWidget(no)
        row.addWidget(yes)
        self._sure.setVisible(False)

    def _make_outcome(self) -> None:
        self._bar = QProgressBar()
        self._bar.setAccessibleName(self.tr("Upload"))
        self._bar.setVisible(False)
        self._outcome = Outcome()
        self._outcome.retry_asked.connect(self.retry_asked)

    @property
    def summary(self) -> str:
        """What happened, as text."""
        return self._outcome.summary

    @property
    def devices(self) -> str:
        """As they are typed."""
        return str(self._devices.toPlainText())

    def set_devices(self, text: str) -> None:
        """Device URLs, one a line."""
        self._devices.setPlainText(text)

    def propose(self, publish_id: str) -> None:
        """Fill in a name, unless the person typed one."""
        if self._id.text() in ("", self._proposed) and publish_id != self._id.text():
            self._proposed = publish_id
            self._id.setText(publish_id)
            self.id_edited.emit(publish_id)
        self._enable()

    def show_errors(self, errors: tuple[Finding, ...], complete: bool) -> None:
        """What blocks the button; `complete`: there are a manifest and an image."""
        self._errors, self._complete = errors, complete
        self._sure.setVisible(False)
        self._enable()

    def show_server(self, reachable: bool) -> None:
        """Whether there is a server to publish to."""
        self._reachable = reachable
        self._enable()

    def show_taken(self, publish_ids: Collection[str]) -> None:
        """The names that are on the server already."""
        self._taken = frozenset(publish_ids)
        self._enable()

    def show_busy(self, busy: bool) -> None:
        """While files are sent and devices are told."""
        self._busy = busy
        if busy:
            self._outcome.clear()
            self._bar.setRange(0, 0)
        self._bar.setVisible(busy)
        self._enable()

    def show_sent(self, sent: int, total: int) -> None:
        """Bytes of the upload."""
        if total > 0:
            self._bar.setRange(0, 1000)
            self._bar.setValue(min(1000, 1000 * sent // total))

    def show_published(self, release: Release, created: bool) -> None:
        """It is on the server."""
        self._outcome.show_published(release, created)
        self._enable()

    def show_notified(self, notification: Notification) -> None:
        """Each device's answer so far."""
        self._outcome.show_notified(notification)

    def show_failed(self, error: OtaError) -> None:
        """What ended it; nothing in the window is lost."""
        self._outcome.show_failed(error)
        self._enable()

    def _edited(self, text: str) -> None:
        self._enable()
        self.id_edited.emit(text.strip())

    def _ask(self, force: bool) -> None:
        self._sure.setVisible(False)
        self.publish_asked.emit(self._id.text().strip(), self._device_urls(), force)

    def _device_urls(self) -> list[DeviceUrl]:
        """Raises InvalidRequest."""
        return list(parse_list(",".join(self._devices.toPlainText().split("\n"))))

    def _enable(self) -> None:
        id_trouble = self._trouble(lambda: check_publish_id(self._id.text().strip())) if self._id.text() else ""
        devices_trouble = self._trouble(self._device_urls)
        taken = self._id.text().strip() in self._taken and not self._busy and not self.summary
        taken_text = self.tr("A release on the server has this id: other files are refused.") if taken else ""
        self._say(self._id_trouble, id_trouble or taken_text)
        self._say(self._devices_trouble, devices_trouble)
        possible = self._complete and self._reachable and not self._busy and bool(self._id.text())
        possible = possible and not id_trouble and not devices_trouble
        self._button.setEnabled(possible and not self._errors)
        self._anyway.setVisible(possible and bool(self._errors))
        if self._errors:
            named = ", ".join(sorted({f.code for f in self._errors}))
            self._sure_text.setText(self.tr("Devices may refuse a release with {}. Publish it all the same?").format(named))
        self._cancel.setVisible(self._busy)
        self._outcome.show_busy(self._busy)
        self._say(self._why, "" if self._busy else self._reason(possible))

    def _reason(self, possible: bool) -> str:
        """Why the button cannot be pressed."""
        if not self._complete:
            return self.tr("A release has a manifest and at least one image.")
        if not self._reachable:
            return self.tr("There is no server to publish to: choose one above, or start one on this computer.")
        if self._errors and possible:
            return self.tr("The checks found errors: mend them first.")
        return ""

    @staticmethod
    def _trouble(call: Callable[[], object]) -> str:
        try:
            call()
        except (InvalidRequest, OtaError) as error:
            return str(error)
        return ""

    @staticmethod
    def _label(text: str, buddy: QWidget) -> QLabel:
        label = QLabel(text)
        label.setBuddy(buddy)
        return label

    @staticmethod
    def _quiet(text: str) -> QLabel:
        label = _Wrapped(text)
        label.setVisible(bool(text))
        return label

    @staticmethod
    def _say(label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))


class _Wrapped(QLabel):
    """As high as its text takes in the width that it has: a splitter and a scroll area do not ask for that."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setWordWrap(True)

    def setText(self, text: str | None) -> None:
        """Another text has another height."""
        super().setText(text)
        self._grow()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Another width has another height."""
        super().resizeEvent(event)
        QTimer.singleShot(0, self._grow)  # a layout that is at work forgets what it is told meanwhile

    def _grow(self) -> None:
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))
