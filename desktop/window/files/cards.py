"""The picked files as a list of cards, walked with the keyboard and scrolled with the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QEvent, QObject, QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeyEvent, QResizeEvent
from PyQt5.QtWidgets import QApplication, QFrame, QScrollArea, QSizePolicy, QWidget

from common.finding import Role
from desktop.bundle import PickedFile
from desktop.window.files.card import FileCard

_WHOLE = 3
"""Cards that are never scrolled out of sight: a release has three files."""
_SPACE = 6


class FileCards(QScrollArea):
    """A card for each file. A card stays with its file, and the keyboard with it, when the files change."""

    role_changed = pyqtSignal(object, object)
    """Path, and Role or None."""
    removed = pyqtSignal(object)
    """Path."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: dict[Path, FileCard] = {}
        self.setAccessibleName(self.tr("Files"))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the tab order leaves out what has none
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._inside = QWidget()
        self._inside.installEventFilter(self)
        self.setWidget(self._inside)
        viewport = self.viewport()
        for one in (self._inside, viewport):
            if one is not None:
                one.setAutoFillBackground(False)

    @property
    def cards(self) -> list[FileCard]:
        """In the order in which they are shown."""
        return list(self._cards.values())

    def show_files(self, files: Sequence[tuple[Role | None, PickedFile]]) -> bool:
        """Show these; False where the keyboard was in the list and there is no card left for it."""
        held = self._held()
        before, self._cards = self._cards, {}
        last: QWidget = self
        for role, file in files:
            card = before.pop(file.path, None) or self._new(file)
            self._cards[file.path] = card
            card.show_file(role, file)
            for widget in (card.remove_button, card.switch):
                QWidget.setTabOrder(last, widget)
                last = widget
        self._fit()
        placed = self._give_back(held)
        for card in before.values():
            card.hide()
            card.deleteLater()
        return placed

    def show_ages(self, now: float) -> None:
        """Say how long ago each was changed, or that it is gone; `now` in seconds since the epoch."""
        for card in self._cards.values():
            card.show_age(now)

    def sizeHint(self) -> QSize:
        """All cards at once."""
        return QSize(self.fontMetrics().averageCharWidth() * 50, self._height(self.width(), len(self._cards)))

    def minimumSizeHint(self) -> QSize:
        """Wide enough for each card, and for what scrolls them."""
        wide = max((card.minimumSizeHint().width() for card in self._cards.values()), default=0)
        return QSize(wide + (self._bar() if len(self._cards) > _WHOLE else 0), self.minimumHeight())

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Up and down walk the cards."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(a0.key())) if a0 is not None else None
        held = self._held()
        if step is None or held is None:
            super().keyPressEvent(a0)
            return
        cards, at = self.cards, held[0] + step
        if 0 <= at < len(cards):
            self._take(cards[at], held[2])

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Another width has other heights."""
        super().resizeEvent(a0)
        self._place()
        QTimer.singleShot(0, self._fit)  # a layout that is at work forgets what it is told meanwhile

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """What a card says can take another line."""
        if a1 is not None and a1.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(a0, a1)

    def _new(self, file: PickedFile) -> FileCard:
        card = FileCard(file, self._inside)
        card.role_changed.connect(self.role_changed)
        card.removed.connect(self.removed)
        card.show()
        return card

    def _fit(self) -> None:
        """Each card as high as it takes; the list no higher than all of them, and no lower than a release's three."""
        narrow = self.width() - (self._bar() if len(self._cards) > _WHOLE else 0)
        least, most = self._height(narrow, _WHOLE), self._height(narrow, len(self._cards))
        if (self.minimumHeight(), self.maximumHeight()) != (least, most):
            self.setMinimumHeight(least)
            self.setMaximumHeight(most)
            self.updateGeometry()
        self._place()

    def _place(self) -> None:
        scrolled = len(self._cards) > _WHOLE and self._height(self.width(), len(self._cards)) > self.height()
        width = self.width() - (self._bar() if scrolled else 0)
        top = 0
        for card in self._cards.values():
            card.setGeometry(0, top, width, card.heightForWidth(width))
            top += card.height() + _SPACE
        self._inside.resize(width, max(0, top - _SPACE))

    def _height(self, width: int, amount: int) -> int:
        heights = [card.heightForWidth(width) for card in self.cards[:amount]]
        return sum(heights) + _SPACE * max(0, len(heights) - 1)

    def _bar(self) -> int:
        """What scrolls them, with a gap."""
        bar = self.verticalScrollBar()
        return _SPACE + (bar.sizeHint().width() if bar is not None else 0)

    def _held(self) -> tuple[int, Path, bool] | None:
        """The card with the keyboard: which, of which file, and whether at its button; None where it is elsewhere."""
        focus = QApplication.focusWidget()
        for at, (path, card) in enumerate(self._cards.items()):
            if focus is not None and (focus is card or card.isAncestorOf(focus)):
                return at, path, focus is card.remove_button
        return None

    def _give_back(self, held: tuple[int, Path, bool] | None) -> bool:
        """The keyboard to the same file, else to the card that came up in its place."""
        if held is None:
            return True
        at, path, at_button = held
        card = self._cards.get(path) or next(reversed(self.cards[: at + 1]), None)
        if card is not None:
            self._take(card, at_button)
        return card is not None

    def _take(self, card: FileCard, at_button: bool) -> None:
        (card.remove_button if at_button else card.switch).setFocus(Qt.FocusReason.OtherFocusReason)
        self.ensureWidgetVisible(card, 0, _SPACE)
