"""What a person meets in a window who reads it, tabs through it, or cannot see it: found by a walk over its widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from PyQt5.QtCore import QEvent, QPoint, QRect, Qt
from PyQt5.QtGui import QColor, QImage, QKeyEvent, QKeySequence
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAction,
    QApplication,
    QComboBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QWidget,
)

from desktop.window.widgets.shades import contrast

READABLE = 4.5


def seen(window: QWidget) -> list[QWidget]:
    """Every widget that is shown, without those that Qt makes for itself inside of others."""
    return [widget for widget in window.findChildren(QWidget) if widget.isVisible() and not _inner(widget)]


def _inner(widget: QWidget) -> bool:
    above = widget.parentWidget()
    if isinstance(widget, QScrollBar | QHeaderView) or widget.objectName().startswith("qt_"):
        return not isinstance(widget, QTabBar)
    return isinstance(above, QLineEdit | QComboBox) or (isinstance(above, QAbstractScrollArea) and widget is above.viewport())


def settle(window: QWidget) -> None:
    """Texts that wrap want their height only once they have their width, so that a layout takes a few rounds."""
    still = 0
    before: list[QRect] = []
    for _ in range(100):
        QApplication.sendPostedEvents(None, 0)
        QApplication.processEvents()
        now = [widget.geometry() for widget in seen(window)]
        still = still + 1 if now == before else 0
        before = now
        if still == 5:
            return
    pytest.fail("the layout never comes to rest")


def told(widget: QWidget | None) -> str:
    """The widget as a failure names it."""
    if widget is None:
        return "nothing"
    text = name(widget, widget.window()) or widget.objectName()
    return f"{type(widget).__name__} “{text[:60]}”"


def name(widget: QWidget, window: QWidget | None) -> str:
    """What a screen reader calls it; a placeholder is no name."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton | QLabel):
        return widget.text().replace("&", "")
    if isinstance(widget, QGroupBox):
        return widget.title()
    labels = window.findChildren(QLabel) if window is not None else []
    return next((label.text().replace("&", "") for label in labels if label.buddy() is widget), "")


def unnamed(window: QWidget) -> list[str]:
    """Widgets that take the keyboard and have no name, or only a sign for one."""
    takers = [w for w in seen(window) if w.focusPolicy() != Qt.FocusPolicy.NoFocus and not _empty(w)]
    return [f"{told(w)} in {told(w.parentWidget())}" for w in takers if not any(c.isalpha() for c in name(w, window))]


def _empty(widget: QWidget) -> bool:
    return isinstance(widget, QLabel) and not widget.text()


def clipped(window: QMainWindow) -> list[str]:
    """Texts for which there is less room than they take."""
    return [f"{told(widget)}: {why}" for widget in [*seen(window), window] for why in _clipped(widget)]


def _clipped(widget: QWidget) -> Iterator[str]:
    above = widget.parentWidget()
    if above is not None and not isinstance(above, QAbstractScrollArea) and not widget.isWindow():
        scrolled = isinstance(above.parentWidget(), QAbstractScrollArea)
        if not scrolled and not above.rect().contains(widget.geometry()) and not isinstance(widget, QTabBar):
            yield f"{_box(widget.geometry())} sticks out of {_box(above.rect())}"
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            needed, there = widget.heightForWidth(widget.width()), widget.height()
            longest = max(widget.fontMetrics().horizontalAdvance(word) for word in widget.text().split() or [""])
            if longest > widget.contentsRect().width():
                yield f"a word is {longest} wide, of {widget.contentsRect().width()}"
        else:
            needed, there = widget.sizeHint().width(), widget.width()
        if needed > there:
            yield f"needs {needed}, has {there}"
    if isinstance(widget, QAbstractButton | QComboBox | QLineEdit):
        needed_size = widget.minimumSizeHint()
        if needed_size.width() > widget.width() or needed_size.height() > widget.height():
            yield f"needs {needed_size.width()}x{needed_size.height()}, has {widget.width()}x{widget.height()}"
    if isinstance(widget, QPushButton):
        text = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
        if text > widget.width():
            yield f"text of {text} in {widget.width()}"
    if isinstance(widget, QLineEdit):
        room = widget.width() - 2 * widget.fontMetrics().averageCharWidth()
        if not widget.text() and widget.fontMetrics().horizontalAdvance(widget.placeholderText()) > room:
            yield "its placeholder is cut off"
    if isinstance(widget, QTabBar):
        last = widget.tabRect(widget.count() - 1)
        if last.right() > widget.width():
            yield "a tab is cut off"
    if isinstance(widget, QAbstractItemView):
        yield from _clipped_header(widget)
    if isinstance(widget, QMainWindow) and (bar := widget.menuBar()) is not None:
        for action in bar.actions():
            if not bar.rect().contains(bar.actionGeometry(action)):
                yield f"menu {action.text()} is cut off"


def _clipped_header(view: QAbstractItemView) -> Iterator[str]:
    for header in view.findChildren(QHeaderView):
        if header.isVisible() and header.orientation() == Qt.Orientation.Horizontal:
            model = view.model()
            for column in range(header.count()):
                title = str(model.headerData(column, Qt.Orientation.Horizontal) or "") if model is not None else ""
                text = header.fontMetrics().horizontalAdvance(title)
                if title and not header.isSectionHidden(column) and text > header.sectionSize(column):
                    yield f"title “{title}” needs {text}, has {header.sectionSize(column)}"


def _box(rect: QRect) -> str:
    return f"{rect.width()}x{rect.height()}+{rect.x()}+{rect.y()}"


def faint(window: QMainWindow) -> list[str]:
    """Enabled labels and buttons in which no two colours, or not those of the palette, are far enough apart to be read."""
    picture = window.grab().toImage()
    found = []
    for widget in seen(window):
        if not isinstance(widget, QLabel | QAbstractButton) or not widget.isEnabled() or not widget.text():
            continue
        palette = widget.palette()
        by_palette = contrast(palette.color(widget.foregroundRole()), palette.color(widget.backgroundRole()))
        place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        if widget.visibleRegion().boundingRect() == widget.rect():
            by_pixels = _contrast_in(picture.copy(place))
            if by_pixels < READABLE:
                found.append(f"{told(widget)}: {by_pixels:.1f} as drawn")
        if by_palette < READABLE:
            found.append(f"{told(widget)}: {by_palette:.1f} by its palette")
    return found


def _contrast_in(picture: QImage) -> float:
    """Between the ground, which is most of it, and the colour that is farthest from it."""
    image = picture.convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    assert bits is not None
    counted = Counter(memoryview(bits.asstring(image.sizeInBytes())).cast("I"))
    ground = QColor(counted.most_common(1)[0][0])
    return max(contrast(QColor(colour), ground) for colour in counted)


def tabbed(first: QWidget) -> list[QWidget]:
    """Where the Tab key leads, from `first` on until it comes round."""
    first.setFocus(Qt.FocusReason.TabFocusReason)
    walk: list[QWidget] = []
    while (now := QApplication.focusWidget()) is not None and now not in walk:
        walk.append(now)
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(now, QKeyEvent(kind, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier))
    return walk


def left_out(window: QMainWindow, walk: list[QWidget]) -> list[str]:
    """Enabled widgets that take the keyboard, or have to, and are not on the walk."""
    found = []
    for widget in seen(window):
        asks = widget.focusPolicy() & Qt.FocusPolicy.TabFocus or isinstance(widget, QAbstractButton)
        proxy = widget.focusProxy()
        if asks and widget.isEnabled() and widget not in walk and proxy not in walk and widget.parentWidget() not in walk:
            found.append(told(widget))
    return found


def backward(walk: list[QWidget]) -> list[str]:
    """Steps of the walk that go up, or to the left in a line."""
    found = []
    for one, other in pairwise(walk):
        if one.isAncestorOf(other):
            continue  # what is inside comes after what it is in, wherever that is
        a, b = _beside(one, other)
        if b.bottom() <= a.top() or (b.right() <= a.left() and b.top() <= a.bottom() and a.top() <= b.bottom()):
            found.append(f"{told(one)} → {told(other)}")
    return found


def _beside(one: QWidget, other: QWidget) -> tuple[QRect, QRect]:
    """The two in the parent that they share: each, or the part of the window in which it is."""
    above = _line(one)
    a, b = one, other
    for widget in _line(other):
        if widget in above:
            at = above.index(widget)
            a = above[at - 1] if at else widget
            break
        b = widget
    return a.geometry(), b.geometry()


def _line(widget: QWidget) -> list[QWidget]:
    line = [widget]
    while (above := line[-1].parentWidget()) is not None:
        line.append(above)
    return line


def clashes(window: QMainWindow) -> list[str]:
    """Keys with Alt that mean two things in what is shown, and keys that mean two things in one menu."""
    bar = window.menuBar()
    menus = bar.actions() if bar is not None else []
    texts = [action.text() for action in menus]
    for widget in seen(window):
        if isinstance(widget, QAbstractButton) or (isinstance(widget, QLabel) and widget.buddy() is not None):
            texts.append(widget.text())
        elif isinstance(widget, QGroupBox):
            texts.append(widget.title())
        elif isinstance(widget, QTabWidget):
            texts += [widget.tabText(n) for n in range(widget.count())]
    inside = [[action.text() for action in _lines(menu)] for menu in menus]
    return [clash for group in (texts, *inside) for clash in _twice(group)]


def _lines(of: QAction) -> list[QAction]:
    menu = of.menu()
    return menu.actions() if menu is not None else []


def _twice(texts: list[str]) -> Iterator[str]:
    keys: dict[str, list[str]] = {}
    for text in texts:
        if key := QKeySequence.mnemonic(text).toString():
            keys.setdefault(key, []).append(text)
    return (f"{key}: {', '.join(those)}" for key, those in keys.items() if len(those) > 1)


def without_key(window: QMainWindow) -> list[str]:
    """Menus and their lines, and tabs, that have a word but no key with Alt."""
    bar = window.menuBar()
    menus = bar.actions() if bar is not None else []
    texts = [action.text() for menu in menus for action in (menu, *_lines(menu))]
    for widget in seen(window):
        if isinstance(widget, QTabWidget):
            texts += [widget.tabText(n) for n in range(widget.count())]
    return [text for text in texts if text and QKeySequence.mnemonic(text).isEmpty()]
