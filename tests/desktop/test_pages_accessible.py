"""The pages of releases and devices: every focusable widget has a name, and nothing is clipped."""

from __future__ import annotations

import datetime as dt

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAbstractScrollArea, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from common.release import Release, State
from desktop.address_book import AddressBook, Device
from desktop.window.address_book.page import DevicesPage
from desktop.window.releases.page import ReleasesPage
from tests.support.widgets import settle


def full_releases() -> ReleasesPage:
    page = ReleasesPage()
    page.show_releases([Release("version_1", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), State.READY, ())])
    page.details.ask_removal()
    return page


def full_devices() -> DevicesPage:
    page = DevicesPage()
    page.show_book(AddressBook((Device("Door", "10.0.0.7/fw"), Device("Gate", "10.0.0.8/fw"))))
    page.table.selectRow(0)
    page.remove_selected()
    return page


@pytest.mark.parametrize("made", [ReleasesPage, full_releases, DevicesPage, full_devices])
@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_names_and_room(qtbot: QtBot, made: type[QWidget], scale: float) -> None:
    page = made()
    qtbot.addWidget(page)
    font = page.font()
    font.setPointSizeF(10 * scale)
    page.setFont(font)
    page.resize(int(720 * scale), int(620 * scale))
    page.show()
    settle(page)
    widgets = [w for w in page.findChildren(QWidget) if w.isVisible()]
    buddies = {label.buddy() for label in widgets if isinstance(label, QLabel)}
    for widget in widgets:
        inside = isinstance(widget.parent(), QAbstractScrollArea)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not inside:
            text = widget.text() if isinstance(widget, QPushButton) else ""
            assert widget.accessibleName() or text or widget in buddies, widget
        if isinstance(widget, QPushButton):
            assert widget.minimumSizeHint().width() <= widget.width(), widget.text()
        if isinstance(widget, QLabel):
            if widget.wordWrap():
                assert widget.heightForWidth(widget.width()) <= widget.height(), widget.text()
            else:
                assert widget.sizeHint().width() <= widget.width(), widget.text()
