"""Colours that are made from the palette, so that they can be read in light and in dark, and labels in them."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, Qt
from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication, QLabel, QWidget

_READABLE = 4.5
"""WCAG 2, 1.4.3: the least contrast of text."""
_QUIET = 0.72
RED, AMBER, BLUE, GREEN = 2, 35, 212, 140
"""Hues, in degrees."""


def blend(front: QColor, back: QColor, share: float) -> QColor:
    """`front` over `back`, with `share` of 0 to 1 of it."""
    parts = zip(front.getRgb()[:3], back.getRgb()[:3], strict=True)
    return QColor(*(round((f or 0) * share + (b or 0) * (1 - share)) for f, b in parts))


def contrast(one: QColor, other: QColor) -> float:
    """Of 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def quiet(palette: QPalette) -> QColor:
    """For what is said beside the main thing; still readable."""
    return blend(palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window), _QUIET)


def tone(palette: QPalette, hue: int) -> QColor:
    """The strongest colour of this hue that can be read on the palette's window and base."""
    grounds = (palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.Base))
    dark = grounds[0].lightness() < 128
    for step in range(110, 0, -5):
        found = QColor.fromHsl(hue, 190, 255 - step if dark else step)
        if all(contrast(found, ground) >= _READABLE for ground in grounds):
            return found
    return palette.color(QPalette.ColorRole.WindowText)


def _luminance(colour: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else float(((part + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


class PlainLabel(QLabel):
    """A text that wraps, can be selected with the mouse, and is never taken for HTML."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)


class QuietLabel(PlainLabel):
    """A text in the quiet colour, which follows the palette."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._dim()

    def changeEvent(self, a0: QEvent | None) -> None:
        """A new palette has another quiet colour."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() in (QEvent.Type.PaletteChange, QEvent.Type.ApplicationPaletteChange):
            self._dim()

    def _dim(self) -> None:
        wanted = quiet(QApplication.palette(self))
        if self.palette().color(QPalette.ColorRole.WindowText) != wanted:
            palette = QPalette()
            palette.setColor(QPalette.ColorRole.WindowText, wanted)
            self.setPalette(palette)
