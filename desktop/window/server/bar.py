"""Which server is used, and whether it is there: seen at a glance, changed in place."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QAction, QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.tokens import Keeping
from desktop.window.server.state_dot import StateDot
from desktop.window.server.token_row import TokenRow
from desktop.window.widgets.wrapped_label import WrappedLabel


class ServerBar(QWidget):
    """An address to type or to choose, its token, the state below, and a way out when there is no server."""

    chosen = pyqtSignal(str)
    start_asked = pyqtSignal()
    token_typed = pyqtSignal(str)
    token_forget_asked = pyqtSignal()
    forget_asked = pyqtSignal(str)
    """The address that is not to be remembered any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = ""
        self._barred = False
        self._combo = QComboBox()
        self._combo.setEditable(True)
        self._combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(24)
        self._combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._combo.setAccessibleName(self.tr("Address of the server"))
        self._combo.setToolTip(self.tr("As http://localhost:8080 or https://gateway.example/ota; Enter asks it again."))
        edit = self._combo.lineEdit()
        assert edit is not None
        self._edit = edit
        self._edit.setAccessibleName(self._combo.accessibleName())
        self._edit.setPlaceholderText("http://localhost:8080")
        self._label = QLabel(self.tr("Server"))
        self._label.setBuddy(self._combo)
        self._start = QPushButton(self.tr("Start one &here"))
        self._start.setToolTip(self.tr("Start a server on this computer. It ends with this window."))
        self._token = QPushButton()
        self._token.setCheckable(True)
        self._row = TokenRow()
        self._forget = QAction(self.tr("&Forget this server"), self)
        self.addAction(self._forget)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._dot = StateDot()
        self._state = WrappedLabel()
        self._lay_out()
        self._edit.returnPressed.connect(self._ask)
        self._edit.editingFinished.connect(self._choose)
        self._combo.activated.connect(self._choose)
        self._start.clicked.connect(self.start_asked)
        self._token.toggled.connect(self._open_token)
        self._row.closed.connect(self._close_token)
        self._row.typed.connect(self.token_typed)
        self._row.forget_asked.connect(self.token_forget_asked)
        self._forget.triggered.connect(self.forget_chosen)
        self.show_servers(())
        self.show_token(Keeping.NONE)

    def _lay_out(self) -> None:
        gap = max(6, self.fontMetrics().height() // 2)
        first = QHBoxLayout()
        first.setSpacing(gap)
        first.addWidget(self._label)
        first.addWidget(self._combo, 1)
        first.addWidget(self._token)
        first.addWidget(self._start)
        second = QHBoxLayout()
        second.setSpacing(gap // 2)
        second.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        second.addWidget(self._state, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addLayout(first)
        whole.addLayout(second)
        whole.addWidget(self._row)

    @property
    def url(self) -> str:
        """The address that was chosen last; empty when there is none."""
        return self._chosen

    def show_servers(self, urls: Sequence[str], current: str | None = None) -> None:
        """The addresses to choose from, and the one that is used: the first one, unless it is named. Nothing is sent."""
        current = next(iter(urls), "") if current is None else current
        typing = self._edit.hasFocus() and self._edit.text().strip() != self._chosen
        typed = self._edit.text()
        self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(urls)
        self._combo.setCurrentIndex(self._combo.findText(current, Qt.MatchFlag.MatchExactly))
        self._edit.setText(typed if typing else current)
        self._combo.blockSignals(False)
        changed, self._chosen = current != self._chosen, current
        self._show_chosen()
        if changed:
            self._close_token()
        if changed or not current:
            self.show_state(None if current else False, "")

    def show_state(self, reachable: bool | None, why: str) -> None:
        """Whether it answered, and why not; `None` while it is being asked, where `why` may say what is waited for."""
        self._barred = False
        if reachable is None:
            said = why or self.tr("Asking…")
        elif reachable or self._chosen:
            word = self.tr("Reachable") if reachable else self.tr("Not reachable")
            said = f"{word} – {why}" if why else word
        else:
            hint = self.tr("Type the address of one, start one here on this computer, or on a gateway with: make run")
            said = f"{why or self.tr('No server is chosen.')} {hint}"
        self._dot.show_state(reachable)
        self._say(said)
        if reachable is not None:
            self._offer(not reachable)

    def show_barred(self, why: str, token_wanted: bool) -> None:
        """It does not let us in; where a token would help, the place to type one is opened, once."""
        was, self._barred = self._barred, True
        self._dot.show_barred()
        self._say(why)
        self._offer(False)
        if token_wanted and not was:
            self._token.setChecked(True)

    def show_token(self, keeping: Keeping) -> None:
        """Whether there is a token, on the button; where it is kept, below it."""
        self._row.show_keeping(keeping)
        self._token.setText(self.tr("Token set…") if keeping.is_set else self.tr("Token…"))
        self._token.setToolTip(self._row.kept_where())
        self._token.setAccessibleDescription(self._row.kept_where())

    def forget_chosen(self) -> None:
        """Ask to have the address that is used taken from the ones that are remembered."""
        if self._chosen:
            self.forget_asked.emit(self._chosen)

    def focus_address(self) -> None:
        """Put the cursor into the address, with all of it selected."""
        self._combo.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def _offer(self, start: bool) -> None:
        if not start and self._start.hasFocus():
            self._combo.setFocus(Qt.FocusReason.OtherFocusReason)
        self._start.setVisible(start)

    def _say(self, said: str) -> None:
        self._state.say(said)
        self._combo.setAccessibleDescription(said)
        self._edit.setAccessibleDescription(said)

    def _show_chosen(self) -> None:
        """Without a server there is nothing to have a token for, nor to forget."""
        self._token.setEnabled(bool(self._chosen))
        self._forget.setEnabled(bool(self._chosen))

    def open_token(self) -> None:
        """Put the cursor into the field for the token."""
        if self._token.isEnabled():
            self._token.setChecked(True)
            self._row.focus_field()

    def _open_token(self, opened: bool) -> None:
        self._row.clear()
        self._row.line_up(self._label)
        self._row.setVisible(opened)
        if opened and self._token.hasFocus():
            self._row.focus_field()

    def _close_token(self) -> None:
        if self._row.isAncestorOf(self.focusWidget() or self):
            self._token.setFocus(Qt.FocusReason.OtherFocusReason)
        self._token.setChecked(False)

    def _ask(self) -> None:
        """Enter asks again, the same server too."""
        if not self._edit.text().strip():
            self._edit.setText(self._chosen)
        else:
            self._choose(again=True)

    def _choose(self, *_: object, again: bool = False) -> None:
        url = self._edit.text().strip()
        other = url != self._chosen
        if url and (other or again):
            self._chosen = url
            if other:
                self._close_token()
            self._show_chosen()
            self.show_state(None, "")
            self.chosen.emit(url)
