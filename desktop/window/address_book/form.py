"""The line on which a new device is typed."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QGridLayout, QGroupBox, QLabel, QLineEdit, QPushButton, QSizePolicy

from desktop.address_book import Device
from desktop.window.address_book.model import DevicesModel
from desktop.window.widgets.said_label import SaidLabel


class DeviceForm(QGroupBox):
    """Four fields and a button; the device URL is judged as it is typed."""

    added = pyqtSignal(Device)

    def __init__(self, model: DevicesModel) -> None:
        super().__init__()
        self._model = model
        self.setTitle(self.tr("Add a device"))
        self.url, self.name, self.group, self.note = QLineEdit(), QLineEdit(), QLineEdit(), QLineEdit()
        self.add = QPushButton(self.tr("&Add"))
        self.add.clicked.connect(self.submit)
        self.hint = SaidLabel()
        self.hint.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 12, 12, 12)
        grid.setHorizontalSpacing(8)
        texts = (self.tr("Device &URL"), self.tr("Na&me"), self.tr("&Group"), self.tr("No&te"))
        for column, (text, field, share) in enumerate(
            zip(texts, (self.url, self.name, self.group, self.note), (4, 3, 2, 3), strict=True)
        ):
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
            grid.setColumnStretch(column, share)
            field.returnPressed.connect(self.submit)
        grid.addWidget(self.add, 1, 4)
        grid.addWidget(self.hint, 2, 0, 1, 5)
        self.url.textChanged.connect(self.judge)
        self.judge()

    def judge(self) -> None:
        """Say how the device URL is read, or what is wrong with it."""
        url, said = self._model.judge(self.url.text())
        self.hint.setText(said)
        self.url.setAccessibleDescription(said)
        self.add.setEnabled(url is not None)

    def submit(self) -> None:
        """Hand the device over and be ready for the next one of the same group."""
        url, _ = self._model.judge(self.url.text())
        if url is None:
            self.url.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        name, group, note = (" ".join(field.text().split()) for field in (self.name, self.group, self.note))
        for field in (self.url, self.name, self.note):
            field.clear()
        self.url.setFocus(Qt.FocusReason.OtherFocusReason)
        self.added.emit(Device(name=name, url=url, group=group, note=note))
