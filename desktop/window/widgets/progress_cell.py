"""A progress bar in a table's cell, with what it says in words below it."""

from __future__ import annotations

from PyQt5.QtCore import QModelIndex, QRect, Qt
from PyQt5.QtGui import QPainter, QPalette
from PyQt5.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionProgressBar, QStyleOptionViewItem

from desktop.window.widgets.shades import blend

PER_MILLE = int(Qt.ItemDataRole.UserRole)
"""The role under which a cell tells how much of its file was fetched; None where there is none."""
_MARGIN = 4
"""Pixels around the bar."""


class ProgressCell(QStyledItemDelegate):
    """Draws it where the cell tells how much there is; else only its text."""

    @staticmethod
    def bar_height(line: int) -> int:
        """What the bar takes above its text, for a line of this height."""
        return round(line * 0.7) + 2 * _MARGIN

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """The ground, the bar, the words."""
        amount = index.data(PER_MILLE)
        style = option.widget.style() if option.widget is not None else QApplication.style()
        if painter is None or amount is None or style is None:
            super().paint(painter, option, index)
            return
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        words, ground.text = ground.text, ""
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, option.widget)
        height = self.bar_height(option.fontMetrics.height())
        bar = QStyleOptionProgressBar()
        cell = option.rect
        bar.rect = QRect(cell.left() + _MARGIN, cell.top() + _MARGIN, cell.width() - 2 * _MARGIN, height - _MARGIN)
        bar.state = QStyle.State(QStyle.StateFlag.State_Horizontal)
        if option.state & QStyle.StateFlag.State_Enabled:
            bar.state |= QStyle.StateFlag.State_Enabled
        colours = QPalette(option.palette)
        text, base = colours.color(QPalette.ColorRole.Text), colours.color(QPalette.ColorRole.Base)
        colours.setColor(QPalette.ColorRole.Base, blend(text, base, 0.12))  # else what is missing cannot be seen in the dark
        bar.palette = colours
        bar.minimum, bar.maximum, bar.progress = 0, 1000, int(amount)
        style.drawControl(QStyle.ControlElement.CE_ProgressBar, bar, painter, option.widget)
        below = QStyleOptionViewItem(ground)
        below.text = words
        below.displayAlignment = Qt.Alignment(Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignTop
        below.rect = option.rect.adjusted(0, height + _MARGIN, 0, 0)
        below.backgroundBrush = ground.backgroundBrush
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, below, painter, option.widget)
