"""A picked file as a card of two lines: its name, and its role with what is known of it."""

from __future__ import annotations

import html

from PyQt5.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PyQt5.QtWidgets import QAction, QApplication, QLabel, QSizePolicy, QToolButton, QWidget

from common.finding import Role, Severity
from desktop import wording
from desktop.bundle import PickedFile
from desktop.window.files.role_switch import RoleSwitch
from desktop.window.widgets.severity_mark import SeverityMark
from desktop.window.widgets.shades import QuietLabel, blend, quiet

_EDGE, _GAP, _LINES = 10, 10, 6
"""Pixels: around all, between what stands side by side, between the lines."""
_FIXED = "\N{NO-BREAK SPACE}"
_ARROWS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right)


class _TakeOut(QToolButton):
    """Leaves the arrow keys to the list."""

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Space presses it."""
        if a0 is not None and a0.key() in _ARROWS:
            a0.ignore()
        else:
            super().keyPressEvent(a0)


class FileCard(QWidget):
    """Shows one file and says what a person wants done with it. It is as high as its facts take when they wrap."""

    role_changed = pyqtSignal(object, object)
    """Path, and Role or None."""
    removed = pyqtSignal(object)
    """Path."""

    def __init__(self, file: PickedFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.file = file
        self._name = ""
        self._age = ""
        self._facts: tuple[str, ...] = ()
        self._mark = SeverityMark(Severity.WARNING, self)
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.facts = QuietLabel("", self)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.remove_button = _TakeOut(self)
        self.remove_button.setText("×")
        self.remove_button.setAutoRaise(True)
        self.remove_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove_button.setToolTip(self.tr("Take out this file (Delete); it stays on disk"))
        self.remove_button.clicked.connect(self._remove)
        self.switch = RoleSwitch(self)
        self.switch.chosen.connect(lambda role: self.role_changed.emit(self.file.path, role))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(self.switch)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        for child in (self.switch, self.remove_button):
            child.installEventFilter(self)
        self._offer()
        self.show_file(None, file)

    def _offer(self) -> None:
        copy, delete = QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Delete
        for text, key, act in (
            (self.tr("Copy &SHA-256"), copy, lambda: _copy(self.file.sha256)),
            (self.tr("Copy &path"), None, lambda: _copy(str(self.file.path))),
            (self.tr("&Take out"), delete, self._remove),
        ):
            action = QAction(text, self)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if key is not None:
                action.setShortcut(QKeySequence(key))
            action.triggered.connect(act)
            self.addAction(action)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def show_file(self, role: Role | None, file: PickedFile) -> None:
        """This state of the file, in this role."""
        self.file = file
        self._name = "".join(letter if letter.isprintable() else "�" for letter in file.path.name)
        self._mark.setVisible(file.gone)
        self.switch.show_role(self._name, role)
        none = self.tr("no role: not published")
        self._facts = (*(() if role else (none,)), wording.size(file.size), file.sha256[:8], self._version())
        told = self.tr("{}\n{} bytes\nSHA-256 {}").format(file.path, file.size, file.sha256)
        tip = "<br>".join(html.escape(told).splitlines())
        for widget in (self.title, self.facts):
            widget.setToolTip(f"<qt>{tip}</qt>")
        self.title.setAccessibleName(self._name)
        self._dim()
        self.facts.setAccessibleDescription(told)
        self.remove_button.setAccessibleName(self.tr("Take out {}").format(self._name))
        self._say()

    def show_age(self, now: float) -> None:
        """Say how long ago it was changed, or that it is gone; `now` in seconds since the epoch."""
        age = self.tr("not on disk") if self.file.gone else self._ago(now - self.file.mtime)
        if age != self._age:
            self._age = age
            self._say()

    def _say(self) -> None:
        said = [fact for fact in (*self._facts, self._age) if fact]
        # A line breaks between two facts, and not inside of one.
        self.facts.setText(f"{_FIXED}· ".join(fact.replace(" ", _FIXED) for fact in said))
        role = self.switch.role
        self.setAccessibleName(", ".join((self._name, *((role.value,) if role else ()), *said)))
        self.facts.setAccessibleName(", ".join(said))
        self._place()
        self.updateGeometry()
        self.update()

    def heightForWidth(self, a0: int) -> int:
        """Pixels for both lines, the facts below the role where there is no room beside it."""
        top = _EDGE + self._first_line() + _LINES
        beside, _, height = self._facts_at(a0)
        switch = self.switch.sizeHint().height()
        return top + (max(switch, height) if beside else switch + _LINES + height) + _EDGE

    def sizeHint(self) -> QSize:
        """As for the width that it has."""
        width = max(self.minimumSizeHint().width(), self.width())
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Wide enough for the role, and for the longest fact."""
        facts = max((self.facts.fontMetrics().horizontalAdvance(one) for one in (*self._facts, self._age)), default=0)
        width = max(self.switch.sizeHint().width(), facts + self.facts.fontMetrics().averageCharWidth() * 3)
        return QSize(width + 2 * _EDGE, self.switch.sizeHint().height() + self._first_line() + _LINES + 2 * _EDGE)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Another width has other lines."""
        super().resizeEvent(a0)
        self._place()

    def changeEvent(self, a0: QEvent | None) -> None:
        """Another font has another height."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place()
            self.updateGeometry()
        elif a0 is not None and a0.type() == QEvent.Type.PaletteChange:
            self._dim()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Its outline shows where the keyboard is."""
        if a1 is not None and a1.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().eventFilter(a0, a1)

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """The card; without a role only its outline, and a stronger one where the keyboard is."""
        palette = self.palette()
        text, window = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
        held = self.switch.hasFocus() or self.remove_button.hasFocus()
        edge = palette.color(QPalette.ColorRole.Highlight) if held else blend(text, window, 0.22)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.switch.role is not None:
            painter.setBrush(palette.color(QPalette.ColorRole.Base))
        line = Qt.PenStyle.SolidLine if self.switch.role is not None or held else Qt.PenStyle.DashLine
        painter.setPen(QPen(edge, 1.6 if held else 1, line))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)

    def _dim(self) -> None:
        """The name of a file without a role is quieter."""
        palette, plain = QPalette(), QApplication.palette(self)
        if self.switch.role is None:
            palette.setColor(QPalette.ColorRole.WindowText, quiet(plain))
        self.title.setPalette(palette)

    def _first_line(self) -> int:
        return max(self.title.sizeHint().height(), self.remove_button.sizeHint().height())

    def _facts_at(self, width: int) -> tuple[bool, int, int]:
        """Whether they are beside the role, their width and height, in a card of this width."""
        inner = width - 2 * _EDGE
        beside = inner - self.switch.sizeHint().width() - _GAP
        needed = self.facts.fontMetrics().horizontalAdvance(self.facts.text()) + 2
        fits = needed <= beside
        wide = beside if fits else inner
        return fits, wide, self.facts.heightForWidth(wide)

    def _place(self) -> None:
        """Put everything where it belongs in the width that there is."""
        width, line = self.width(), self._first_line()
        cross = QRect(QPoint(0, _EDGE), self.remove_button.sizeHint())
        cross.moveRight(width - _EDGE // 2 - 1)
        cross.moveTop(_EDGE + (line - cross.height()) // 2)
        self.remove_button.setGeometry(cross)
        left = _EDGE
        if not self._mark.isHidden():
            sign = self._mark.sizeHint()
            self._mark.setGeometry(left, _EDGE + (line - sign.height()) // 2, sign.width(), sign.height())
            left += sign.width() + 6
        room = max(0, self.remove_button.x() - _GAP - left)
        self.title.setText(self.title.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideMiddle, room - 2))
        self.title.setGeometry(left, _EDGE, room, line)
        top, switch = _EDGE + line + _LINES, self.switch.sizeHint()
        self.switch.setGeometry(_EDGE, top, switch.width(), switch.height())
        beside, wide, high = self._facts_at(width)
        if beside:
            self.facts.setGeometry(_EDGE + switch.width() + _GAP, top + (switch.height() - high) // 2, wide, high)
        else:
            self.facts.setGeometry(_EDGE, top + switch.height() + _LINES, wide, high)

    def _version(self) -> str:
        """What the file itself says of what it is."""
        if self.file.is_suit:
            return self.tr("SUIT")
        if self.file.header is None:
            return self.tr("no header")
        return self.tr("version {}").format(self.file.header.version) if self.file.header.intact else self.tr("damaged header")

    def _ago(self, seconds: float) -> str:
        if seconds < -60:
            return self.tr("in the future")
        for unit, words in ((86400, self.tr("{} d ago")), (3600, self.tr("{} h ago")), (60, self.tr("{} min ago"))):
            if seconds >= unit:
                return words.format(int(seconds // unit))
        return self.tr("just now")

    def _remove(self) -> None:
        self.removed.emit(self.file.path)


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
