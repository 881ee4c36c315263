"""The menus of a window, from a table of what is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction, QMainWindow

Entry = tuple[str, QKeySequence.StandardKey | str | None, Callable[[], object]]
"""Its text, its shortcut, and what it does."""


def add_menus(window: QMainWindow, menus: Mapping[str, Sequence[Entry]]) -> None:
    """Add them in this order; each text has its mnemonic."""
    bar = window.menuBar()
    for title, entries in menus.items():
        menu = bar.addMenu(title) if bar is not None else None
        for text, shortcut, act in entries if menu is not None else ():
            action = QAction(text, window)
            if shortcut is not None:
                action.setShortcut(QKeySequence(shortcut))
            action.triggered.connect(lambda _checked=False, act=act: act())
            if menu is not None:
                menu.addAction(action)
