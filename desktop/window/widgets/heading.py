"""The heading of a part of the window."""

from __future__ import annotations

from PyQt5.QtWidgets import QLabel


def heading(text: str) -> QLabel:
    """A line in bold."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label
