"""What a release is published with: its name, and the devices that are told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QGridLayout, QLabel, QLineEdit, QPlainTextEdit

from common.device_url import DeviceUrl, parse_list
from common.errors import OtaError
from common.release import check_publish_id
from desktop.window.widgets.wrapped_label import WrappedLabel


class PublishForm(QGridLayout):
    """Two fields, each with a line that says what is wrong with it; a layout, so that they get the height that they ask for."""

    edited = pyqtSignal()
    id_edited = pyqtSignal(str)
    """The publish id, typed or proposed."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: frozenset[str] = frozenset()
        self._quiet = False
        self._proposed = ""
        self.id = QLineEdit()
        self.id.setAccessibleName(self.tr("Publish id"))
        self.id.setPlaceholderText("version_42")
        self.id.textEdited.connect(self._edit)
        self.devices = QPlainTextEdit()
        self.devices.setAccessibleName(self.tr("Devices to notify"))
        self.devices.setPlaceholderText("[fd00::2]/suit/trigger")
        self.devices.setTabChangesFocus(True)
        self.devices.setMaximumHeight(4 * self.devices.fontMetrics().lineSpacing())
        self.devices.textChanged.connect(self._look)
        self._id_trouble, self._devices_trouble = WrappedLabel(), WrappedLabel()
        self.setColumnStretch(1, 1)
        fields = (
            (self.tr("Pu&blish id"), self.id, self._id_trouble),
            (self.tr("Devi&ces to notify"), self.devices, self._devices_trouble),
        )
        for row, (text, field, trouble) in enumerate(fields):
            label = QLabel(text)
            label.setBuddy(field)
            self.addWidget(label, 2 * row, 0, Qt.AlignmentFlag.AlignTop)
            self.addWidget(field, 2 * row, 1)
            self.addWidget(trouble, 2 * row + 1, 1)

    @property
    def publish_id(self) -> str:
        """As it is typed."""
        return str(self.id.text()).strip()

    @property
    def sound(self) -> bool:
        """Whether both can be used as they are."""
        return bool(self.id.text()) and not self._id_fault() and not _fault(self.device_urls)

    def device_urls(self) -> list[DeviceUrl]:
        """Raises InvalidDeviceUrl."""
        return list(parse_list(",".join(self.devices.toPlainText().split("\n"))))

    def propose(self, publish_id: str) -> None:
        """Fill in a name, unless the person typed one."""
        if self.id.text() in ("", self._proposed) and publish_id != self.id.text():
            self._proposed = publish_id
            self.id.setText(publish_id)
            self.id_edited.emit(publish_id)
        self._look()

    def show_taken(self, publish_ids: Collection[str]) -> None:
        """The names that are on the server already."""
        self._taken = frozenset(publish_ids)
        self._look()

    def keep_quiet(self, quiet: bool) -> None:
        """Do not say that a name is taken: by this very release."""
        if quiet != self._quiet:
            self._quiet = quiet
            self._look()

    def _edit(self, text: str) -> None:
        self._look()
        self.id_edited.emit(text.strip())

    def _look(self) -> None:
        taken = self.publish_id in self._taken and not self._quiet
        taken_text = self.tr("A release on the server has this id: other files are refused.") if taken else ""
        self._id_trouble.say(self._id_fault() or taken_text)
        self._devices_trouble.say(_fault(self.device_urls))
        self.edited.emit()

    def _id_fault(self) -> str:
        return _fault(lambda: check_publish_id(self.publish_id)) if self.id.text() else ""


def _fault(call: Callable[[], object]) -> str:
    try:
        call()
    except OtaError as error:
        return str(error)
    return ""
