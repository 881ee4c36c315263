"""A question that is asked in the window itself, with a button for yes and one for no."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from desktop.window.widgets.wrapped_label import WrappedLabel


class QuestionBar(QFrame):
    """Hidden until it asks; "no" has the focus, and Escape is no."""

    agreed = pyqtSignal()
    declined = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAccessibleName(self.tr("Question"))
        self._text = WrappedLabel()
        self.yes = QPushButton()
        self.no = QPushButton()
        self.yes.clicked.connect(self._agree)
        self.no.clicked.connect(self._decline)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.no)
        buttons.addWidget(self.yes)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(10)
        layout.addWidget(self._text)
        layout.addLayout(buttons)
        self.hide()

    def ask(self, text: str, yes: str, no: str) -> None:
        """Show the question; the two words are what the buttons do."""
        self._text.say(text)
        self._text.setAccessibleName(text)
        self.yes.setText(yes)
        self.no.setText(no)
        for button in (self.yes, self.no):
            button.setAccessibleDescription(text)
        self.show()
        self.no.setFocus(Qt.FocusReason.OtherFocusReason)

    def text(self) -> str:
        """What is asked."""
        return self._text.text()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Escape is no."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self._decline()
        else:
            super().keyPressEvent(event)

    def _agree(self) -> None:
        self.hide()
        self.agreed.emit()

    def _decline(self) -> None:
        self.hide()
        self.declined.emit()
