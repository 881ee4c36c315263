"""A file's role as a row of segments: one click gives it, another one takes it away."""

from __future__ import annotations

from PyQt5.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from common.finding import Role
from desktop.window.widgets.shades import blend, contrast

_ROUND = 5.0
_READABLE = 4.5
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -len(Role), Qt.Key.Key_End: len(Role)}
_PRESSES = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select)


class _Segment(QAbstractButton):
    """One role. Whether it is checked is for the files to say, so that a click alone does not change it."""

    def __init__(self, role: Role, parent: QWidget) -> None:
        super().__init__(parent)
        self.role = role
        self.marked = False
        """Whether the keyboard is at it."""
        self.setText(role.value)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def nextCheckState(self) -> None:
        """None by itself."""

    def sizeHint(self) -> QSize:
        """The word with room around it."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 22, metrics.height() + 10)

    def minimumSizeHint(self) -> QSize:
        """It does not get smaller."""
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """The segment, round where the row ends; a ring where the keyboard is."""
        palette = self.palette()
        text, base = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Base)
        first, last = self.role is next(iter(Role)), self.role is list(Role)[-1]
        box = QRectF(self.rect()).adjusted(0.5 if first else -9, 0.5, -0.5 if last else 9, -0.5)
        shape = QPainterPath()
        shape.addRoundedRect(box, _ROUND, _ROUND)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        over = 0.24 if self.isDown() else 0.14 if self.underMouse() else 0.06
        fill, ink = _checked(palette) if self.isChecked() else (blend(text, base, over), text)
        painter.fillPath(shape, fill)
        edge = blend(text, base, 0.35)
        painter.setPen(QPen(edge, 1))
        painter.drawPath(shape)
        if not first:
            painter.drawLine(0, 0, 0, self.height())
        painter.setPen(ink)
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())
        if self.marked:
            painter.setPen(QPen(ink, 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3, 3, -3, -3), 3, 3)


class RoleSwitch(QWidget):
    """The roles side by side, one of them checked or none.

    With the keyboard: left and right move in it, Space gives the role or takes it away, Tab leaves it.
    """

    chosen = pyqtSignal(object)
    """Role, or None: the one that it had is taken away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = ""
        self._role: Role | None = None
        self._at = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._segments = [_Segment(role, self) for role in Role]
        for segment in self._segments:
            segment.clicked.connect(lambda _=False, role=segment.role: self._choose(role))
            row.addWidget(segment)

    @property
    def role(self) -> Role | None:
        """The one that is checked."""
        return self._role

    def segment(self, role: Role) -> QAbstractButton:
        """What is pressed for this role."""
        return self._segments[list(Role).index(role)]

    def show_role(self, file: str, role: Role | None) -> None:
        """The role of the file of this name."""
        self._file, self._role = file, role
        if role is not None:
            self._at = list(Role).index(role)
        none = self.tr("none")
        self.setAccessibleName(self.tr("Role of {}: {}").format(file, role.value if role is not None else none))
        for segment in self._segments:
            has = segment.role is role
            segment.setChecked(has)
            segment.setToolTip(
                self.tr("Click again to take the role away: the file is not published then.")
                if has
                else self.tr("Make it {}").format(segment.role.value)
            )
            segment.setAccessibleName(self.tr("{} for {}").format(segment.role.value, file))
        self._mark()

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Moves in the row, or presses what the keyboard is at; the rest is for whatever is around it."""
        if a0 is not None and a0.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier):
            if a0.key() in _STEPS:
                self._at = max(0, min(len(self._segments) - 1, self._at + _STEPS[Qt.Key(a0.key())]))
                self._mark()
                return
            if a0.key() in _PRESSES:
                if not a0.isAutoRepeat():
                    self._segments[self._at].click()
                return
        super().keyPressEvent(a0)

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        """The keyboard comes to the role that the file has."""
        super().focusInEvent(a0)
        self._mark()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        """It is shown where the keyboard is only."""
        super().focusOutEvent(a0)
        if self._role is not None:
            self._at = list(Role).index(self._role)
        self._mark()

    def _mark(self) -> None:
        for at, segment in enumerate(self._segments):
            segment.marked = self.hasFocus() and at == self._at
            segment.update()
        segment = self._segments[self._at]
        says = self.tr("Space takes {} away") if segment.isChecked() else self.tr("Space makes it {}")
        self.setAccessibleDescription(says.format(segment.role.value))

    def _choose(self, role: Role) -> None:
        self._at = list(Role).index(role)
        self._mark()
        self.chosen.emit(None if role is self._role else role)


def _checked(palette: QPalette) -> tuple[QColor, QColor]:
    """Ground and text: the highlight, as much darker or lighter as its text takes to be read."""
    accent, ink = palette.color(QPalette.ColorRole.Highlight), palette.color(QPalette.ColorRole.HighlightedText)
    away = QColor(Qt.GlobalColor.black if ink.lightness() > 127 else Qt.GlobalColor.white)
    for step in range(20):
        ground = blend(away, accent, step / 20)
        if contrast(ink, ground) >= _READABLE:
            return ground, ink
    return away, ink
