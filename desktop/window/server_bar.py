"""Which server is used, and whether it is there: seen at a glance, changed in place."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget


class StateDot(QWidget):
    """Full: reachable. A ring: being asked. A cross: not reachable. The shape says it, in the palette's colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reachable: bool | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_state(self, reachable: bool | None) -> None:
        """`None` is being asked."""
        self._reachable = reachable
        self.update()

    def sizeHint(self) -> QSize:
        """As high as a line of text."""
        side = self.fontMetrics().height()
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw it in the middle."""
        side = min(self.width(), self.height()) * 0.6
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QPen(self.palette().color(QPalette.ColorRole.WindowText), max(1.5, side / 6))
        line.setCapStyle(Qt.PenCapStyle.RoundCap)
        if self._reachable:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawEllipse(box)
        elif self._reachable is None:
            painter.setPen(line)
            painter.drawEllipse(box.adjusted(1, 1, -1, -1))
        else:
            painter.setPen(line)
            cross = box.adjusted(1, 1, -1, -1)
            painter.drawLine(cross.topLeft(), cross.bottomRight())
            painter.drawLine(cross.topRight(), cross.bottomLeft())


class ServerBar(QWidget):
    """An address to type or to choose, the state beside it, and a way out when there is no server."""

    chosen = pyqtSignal(str)
    start_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = ""
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
        label = QLabel(self.tr("Server"))
        label.setBuddy(self._combo)
        self._start = QPushButton(self.tr("Start one &here"))
        self._start.setToolTip(self.tr("Start a server on this computer. It ends with this window."))
        self._dot = StateDot()
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._state.setTextFormat(Qt.TextFormat.PlainText)
        self._state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out(label)
        self._edit.returnPressed.connect(self._ask)
        self._edit.editingFinished.connect(self._choose)
        self._combo.activated.connect(self._choose)
        self._start.clicked.connect(self.start_asked)
        self.show_servers(())

    def _lay_out(self, label: QLabel) -> None:
        gap = max(6, self.fontMetrics().height() // 2)
        first = QHBoxLayout()
        first.setSpacing(gap)
        first.addWidget(label)
        first.addWidget(self._combo, 1)
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
        if changed or not current:
            self.show_state(None if current else False, "")

    def show_state(self, reachable: bool | None, why: str) -> None:
        """Whether it answered, and why not; `None` while it is being asked, where `why` may say what is waited for."""
        if reachable is None:
            said = why or self.tr("Asking…")
        elif reachable or self._chosen:
            word = self.tr("Reachable") if reachable else self.tr("Not reachable")
            said = f"{word} – {why}" if why else word
        else:
            hint = self.tr("Type the address of one, start one here on this computer, or on a gateway with: make run")
            said = f"{why or self.tr('No server is chosen.')} {hint}"
        self._dot.show_state(reachable)
        self._state.setText(said)
        self._combo.setAccessibleDescription(said)
        self._edit.setAccessibleDescription(said)
        if reachable is not None:
            self._offer(not reachable)

    def focus_address(self) -> None:
        """Put the cursor into the address, with all of it selected."""
        self._combo.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def _offer(self, start: bool) -> None:
        if not start and self._start.hasFocus():
            self._combo.setFocus(Qt.FocusReason.OtherFocusReason)
        self._start.setVisible(start)

    def _ask(self) -> None:
        """Enter asks again, the same server too."""
        self._chosen = ""
        self._choose()

    def _choose(self) -> None:
        url = self._edit.text().strip()
        if url and url != self._chosen:
            self._chosen = url
            self.show_state(None, "")
            self.chosen.emit(url)
