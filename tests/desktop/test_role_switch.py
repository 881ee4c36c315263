"""The roles as a row of segments: by mouse, by keyboard, heard and read."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QColor, QPalette, QWheelEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.finding import Role
from desktop.window.files.role_switch import RoleSwitch, _checked
from desktop.window.widgets.shades import contrast
from tests.desktop.conftest import dark_palette


@pytest.fixture
def switch(qtbot: QtBot) -> RoleSwitch:
    switch = RoleSwitch()
    qtbot.addWidget(switch)
    switch.show_role("a.bin", Role.SLOT0)
    switch.show()
    switch.activateWindow()
    switch.setFocus()
    qtbot.waitUntil(switch.hasFocus)
    return switch


def checked(switch: RoleSwitch) -> list[Role]:
    return [role for role in Role if switch.segment(role).isChecked()]


@pytest.mark.parametrize("role", [*Role, None])
def test_one_is_checked_or_none(switch: RoleSwitch, role: Role | None) -> None:
    switch.show_role("a.bin", role)
    assert switch.role is role
    assert checked(switch) == ([role] if role else [])
    assert switch.accessibleName() == f"Role of a.bin: {role or 'none'}"


def test_a_click_asks_and_changes_nothing_by_itself(switch: RoleSwitch, qtbot: QtBot) -> None:
    for pressed, asked in ((Role.SLOT1, Role.SLOT1), (Role.SLOT0, None)):
        with qtbot.waitSignal(switch.chosen) as caught:
            qtbot.mouseClick(switch.segment(pressed), Qt.MouseButton.LeftButton)
        assert caught.args == [asked]
        assert checked(switch) == [Role.SLOT0]


def test_the_arrow_keys_move_and_space_gives_the_role(switch: RoleSwitch, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(switch.chosen):
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right):
            qtbot.keyClick(switch, key)
    assert switch.accessibleDescription() == "Space makes it slot1"
    with qtbot.waitSignal(switch.chosen) as caught:
        qtbot.keyClick(switch, Qt.Key.Key_Space)
    assert caught.args == [Role.SLOT1]
    qtbot.keyClick(switch, Qt.Key.Key_Home)
    with qtbot.waitSignal(switch.chosen) as caught:
        qtbot.keyClick(switch, Qt.Key.Key_Return)
    assert caught.args == [Role.MANIFEST]


def test_where_the_keyboard_is_can_be_seen(switch: RoleSwitch, qtbot: QtBot) -> None:
    before = switch.grab().toImage()
    qtbot.keyClick(switch, Qt.Key.Key_Right)
    assert switch.grab().toImage() != before


def test_what_a_click_does_is_in_the_tool_tip(switch: RoleSwitch) -> None:
    assert "take the role away" in switch.segment(Role.SLOT0).toolTip()
    assert switch.segment(Role.SLOT1).toolTip() == "Make it slot1"
    assert switch.segment(Role.SLOT1).accessibleName() == "slot1 for a.bin"


def test_the_wheel_changes_no_role(switch: RoleSwitch, qtbot: QtBot) -> None:
    at, none = QPointF(5, 5), QPoint()
    flags = (Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase)
    with qtbot.assertNotEmitted(switch.chosen):
        QApplication.sendEvent(switch.segment(Role.SLOT0), QWheelEvent(at, at, none, QPoint(0, -120), *flags, False))
    assert checked(switch) == [Role.SLOT0]


@pytest.mark.parametrize("accent", [None, "#308cc6", "#ffd000", "#777777"])
def test_the_checked_one_can_be_read(qapp: QApplication, accent: str | None) -> None:
    palette = QPalette(qapp.palette()) if accent else dark_palette()
    if accent:
        palette.setColor(QPalette.ColorRole.Highlight, QColor(accent))
    assert contrast(*_checked(palette)) >= 4.5
