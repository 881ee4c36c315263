"""The files of a release as a person picked them: what to drop, or what there is, and other ways to pick."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from common.finding import Role
from desktop.bundle import Bundle, PickedFile
from desktop.window.files.cards import FileCards
from desktop.window.files.drop_area import DropArea
from desktop.window.widgets.wrapped_label import WrappedLabel

_MOST_CARDS, _MOST_SAID = 30, 5
_MENU_WIDTH = 60
"""Average letters of a set of files in the menu."""
_AGE_STEP = 10_000
"""Milliseconds between two looks at the clock."""


class FilesPanel(QWidget):
    """Shows a bundle, and says what a person wants changed of it; changes nothing by itself."""

    paths_picked = pyqtSignal(list)
    """list[Path]: files or a folder, chosen or taken from a recent set."""
    role_changed = pyqtSignal(object, object)
    """Path, and Role or None."""
    removed = pyqtSignal(object)
    """Path."""
    forget_recent_asked = pyqtSignal()
    """The recent sets are no longer to be offered."""

    def __init__(self, parent: QWidget | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._clock = clock
        self._folder = ""
        self.drop_area = DropArea()
        self.cards = FileCards()
        self.cards.role_changed.connect(self.role_changed)
        self.cards.removed.connect(self.removed)
        self.said = WrappedLabel()
        self.choose_button = _button(self.tr("Choose fil&es…"))
        self.choose_button.clicked.connect(self.choose_files)
        self.folder_button = _button(self.tr("Choose fo&lder…"))
        self.folder_button.clicked.connect(self._choose_folder)
        self.recent_button = _button(self.tr("Recen&t sets"))
        self.recent_menu = QMenu(self.recent_button)
        self.recent_menu.setToolTipsVisible(True)
        self.recent_button.setMenu(self.recent_menu)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.choose_button, self.folder_button, self.recent_button):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.drop_area, 1)
        column.addWidget(self.cards, 1)
        column.addWidget(self.said)
        column.addLayout(row)
        column.addStretch(0)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show_ages)
        self.show_recent([])
        self.show_bundle(Bundle({}))

    def show_bundle(self, bundle: Bundle) -> None:
        """Show these files: those with a role in the roles' order, then the others. Keyboard focus stays where it was."""
        files: list[tuple[Role | None, PickedFile]] = [(role, bundle.files[role]) for role in Role if role in bundle.files]
        files += [(None, file) for file in bundle.spare]
        said = list(bundle.said[:_MOST_SAID])
        if (more := len(bundle.said) - _MOST_SAID) > 0:
            said.append(self.tr("… and {} more like this.").format(more))
        if (more := len(files) - _MOST_CARDS) > 0:
            said.append(self.tr("{} more files without a role are not shown.").format(more))
        self.said.say("\n".join(said))
        placed = self.cards.show_files(files[:_MOST_CARDS])
        self.cards.setVisible(bool(files))
        self.drop_area.setVisible(not files)
        growth = QSizePolicy.Policy.Maximum if files else QSizePolicy.Policy.Expanding  # what stands below comes close to cards
        self.setSizePolicy(QSizePolicy.Policy.Preferred, growth)
        if not placed:
            self.choose_button.setFocus()
        self._show_ages()
        if files:
            self._timer.start(_AGE_STEP)
        else:
            self._timer.stop()

    def show_recent(self, sets: Sequence[Sequence[Path]]) -> None:
        """Offer these sets of files, the latest first."""
        self.recent_menu.clear()
        for paths in filter(None, sets):
            names = ", ".join(path.name for path in paths[:3]) + ("…" if len(paths) > 3 else "")
            action = self.recent_menu.addAction(self._short(names, paths[0].parent).replace("&", "&&"))
            if action is not None:
                whole = "\n".join(map(str, paths))
                action.setToolTip(f"<qt>{'<br>'.join(map(html.escape, map(str, paths)))}</qt>")
                action.setStatusTip(whole)
                action.triggered.connect(lambda _=False, picked=list(paths): self.paths_picked.emit(picked))
        self.recent_button.setEnabled(not self.recent_menu.isEmpty())
        if not self.recent_menu.isEmpty():
            self.recent_menu.addSeparator()
            forget = self.recent_menu.addAction(self.tr("&Forget these"))
            if forget is not None:
                forget.setToolTip(self.tr("Empty this list; the files stay on disk"))
                forget.triggered.connect(self._forget)

    def choose_files(self) -> None:
        """Ask for files."""
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose manifest and images"), self._folder)
        self._picked([Path(name) for name in names])

    def _forget(self) -> None:
        self.forget_recent_asked.emit()

    def _short(self, names: str, folder: Path) -> str:
        """Names and their folder, with as much left out in their middle as a menu has no room for."""
        metrics = self.recent_menu.fontMetrics()
        room = metrics.averageCharWidth() * _MENU_WIDTH
        first = metrics.elidedText(names, Qt.TextElideMode.ElideMiddle, room)
        return f"{first}  –  {metrics.elidedText(str(folder), Qt.TextElideMode.ElideMiddle, room)}"

    def show_drop(self, over: bool) -> None:
        """Whether files are held over the window just now."""
        self.drop_area.lit = over
        self.drop_area.update()

    def _show_ages(self) -> None:
        self.cards.show_ages(self._clock())

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Choose the folder of a release"), self._folder)
        self._picked([Path(name)] if name else [])

    def _picked(self, paths: list[Path]) -> None:
        if paths:
            self._folder = str(paths[0].parent)
            self.paths_picked.emit(paths)


def _button(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(text.replace("&", "").rstrip("…"))
    return button
