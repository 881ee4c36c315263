"""The files of a release as a person picked them: what to drop, or what there is, and other ways to pick."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import QTimer, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from common.finding import Role
from desktop.bundle import Bundle, PickedFile
from desktop.window.drop_area import DropArea
from desktop.window.files_table import FilesTable
from desktop.window.shades import QuietLabel

_MOST_ROWS, _MOST_SAID = 30, 5
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

    def __init__(self, parent: QWidget | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._clock = clock
        self._folder = ""
        self.drop_area = DropArea()
        self.table = FilesTable()
        self.table.role_changed.connect(self.role_changed)
        self.table.removed.connect(self.removed)
        self.said = QuietLabel()
        self.choose_button = _button(self.tr("Choose fil&es…"))
        self.choose_button.clicked.connect(self._choose_files)
        self.folder_button = _button(self.tr("Choose fo&lder…"))
        self.folder_button.clicked.connect(self._choose_folder)
        self.recent_button = _button(self.tr("Recen&t sets"))
        self.recent_menu = QMenu(self.recent_button)
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
        column.addWidget(self.table, 1)
        column.addWidget(self.said)
        column.addLayout(row)
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
        if (more := len(files) - _MOST_ROWS) > 0:
            said.append(self.tr("{} more files without a role are not shown.").format(more))
        self.said.setText("\n".join(said))
        self.said.setVisible(bool(said))
        placed = self.table.show_files(files[:_MOST_ROWS])
        self.table.setVisible(bool(files))
        self.drop_area.setVisible(not files)
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
        for paths in sets:
            if not paths:
                continue
            names = ", ".join(path.name for path in paths[:3]) + ("…" if len(paths) > 3 else "")
            action = self.recent_menu.addAction(f"{names}  –  {paths[0].parent}".replace("&", "&&"))
            if action is not None:
                action.triggered.connect(lambda _=False, picked=list(paths): self.paths_picked.emit(picked))
        self.recent_button.setEnabled(not self.recent_menu.isEmpty())

    def show_drop(self, over: bool) -> None:
        """Whether files are held over the window just now."""
        self.drop_area.lit = over
        self.drop_area.update()

    def _show_ages(self) -> None:
        self.table.show_ages(self._clock())

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose manifest and images"), self._folder)
        self._picked([Path(name) for name in names])

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
