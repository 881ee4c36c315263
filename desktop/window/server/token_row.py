"""The token of the server: typed, kept and forgotten in place, and never shown once it is kept."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.tokens import Keeping, is_token
from desktop.window.widgets.said_label import SaidLabel


class TokenRow(QWidget):
    """A field, what to do with it, and a line that says where the token is kept. Hidden until it is opened."""

    typed = pyqtSignal(str)
    """A token to use and to keep."""
    forget_asked = pyqtSignal()
    closed = pyqtSignal()
    """Escape was pressed in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeping = Keeping.NONE
        self._edit = QLineEdit()
        self._edit.setEchoMode(QLineEdit.EchoMode.Password)
        self._edit.setAccessibleName(self.tr("Token of the server"))
        self._label = QLabel(self.tr("Token"))
        self._label.setBuddy(self._edit)
        self._eye = QPushButton(self.tr("Show"))
        self._eye.setCheckable(True)
        self._eye.setToolTip(self.tr("Show what is typed here, or dots in its place."))
        self._keep = QPushButton(self.tr("Keep"))
        self._keep.setToolTip(self.tr("Use this token for this server, and keep it in this computer's keyring."))
        self._forget = QPushButton(self.tr("Forget"))
        self._forget.setToolTip(self.tr("Use no token for this server, and take it from this computer's keyring."))
        self._line = SaidLabel()
        self._lay_out()
        self._eye.toggled.connect(self._show_letters)
        self._edit.textChanged.connect(self._show_buttons)
        self._edit.returnPressed.connect(self._use)
        self._keep.clicked.connect(self._use)
        self._forget.clicked.connect(self.forget_asked)
        self.show_keeping(Keeping.NONE)
        self.hide()

    def _lay_out(self) -> None:
        gap = max(6, self.fontMetrics().height() // 2)
        first = QHBoxLayout()
        first.setSpacing(gap)
        first.addWidget(self._label)
        first.addWidget(self._edit, 1)
        for button in (self._eye, self._keep, self._forget):
            first.addWidget(button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(gap // 2)
        whole.addLayout(first)
        whole.addWidget(self._line)

    def show_keeping(self, keeping: Keeping) -> None:
        """Whether there is a token and where it is kept; what is being typed stays."""
        self._keeping = keeping
        self._edit.setPlaceholderText(self.tr("Set; type another one to replace it") if keeping.is_set else "")
        self._say(self.kept_where())
        self._show_buttons()

    def kept_where(self) -> str:
        """A sentence on the token as it is."""
        return {
            Keeping.NONE: self.tr("No token is set. Servers that want one say so."),
            Keeping.LOOKING: self.tr("Asking this computer's keyring; it may wait for your answer in a window of its own."),
            Keeping.KEEPING: self.tr(
                "In use. Asking this computer's keyring to keep it; it may wait for your answer in a window of its own."
            ),
            Keeping.SESSION: self.tr("Kept until this window closes: there is no keyring here that keeps it."),
            Keeping.KEYRING: self.tr("Kept in this computer's keyring."),
        }[self._keeping]

    def line_up(self, label: QLabel) -> None:
        """The two labels become as wide as the wider one, so that what is beside them begins at one edge."""
        width = max(label.sizeHint().width(), self._label.sizeHint().width())
        for one in (label, self._label):
            one.setMinimumWidth(width)

    def clear(self) -> None:
        """Nothing is typed, and the next thing that is will be dots."""
        self._edit.clear()
        self._eye.setChecked(False)

    def focus_field(self) -> None:
        """Put the cursor into the field."""
        self._edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Escape closes it."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def _show_letters(self, shown: bool) -> None:
        self._edit.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)
        self._eye.setText(self.tr("Hide") if shown else self.tr("Show"))

    def _show_buttons(self) -> None:
        if not self._keeping.is_set and self._forget.hasFocus():
            self.focus_field()
        self._keep.setEnabled(bool(self._edit.text().strip()))
        self._forget.setVisible(self._keeping.is_set)

    def _say(self, sentence: str) -> None:
        self._line.setText(sentence)
        self._edit.setAccessibleDescription(sentence)

    def _use(self) -> None:
        """What surrounds a token was copied along with it; what is within it is an error."""
        token = self._edit.text().strip()
        if not token:
            return
        if not is_token(token):
            self._say(self.tr("This is no token: it has a space, a line break or a letter that is not ASCII. Copy it again."))
            self._edit.selectAll()
            self.focus_field()
            return
        self.clear()
        self.focus_field()
        self.typed.emit(token)
