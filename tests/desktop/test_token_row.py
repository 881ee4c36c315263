"""A token is typed in dots, used at Enter, and not shown again."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop.tokens import Keeping
from desktop.window.server.token_row import TokenRow


@pytest.fixture
def row(qtbot: QtBot) -> TokenRow:
    row = TokenRow()
    qtbot.addWidget(row)
    row.show()
    qtbot.waitActive(row)
    return row


def field(row: TokenRow) -> QLineEdit:
    return row.findChild(QLineEdit)


def button(row: TokenRow, text: str) -> QPushButton:
    return next(button for button in row.findChildren(QPushButton) if button.text().replace("&", "") == text)


def line(row: TokenRow) -> str:
    return next(label.text() for label in row.findChildren(QLabel) if label.buddy() is None)


def typed(row: TokenRow) -> list[str]:
    seen: list[str] = []
    row.typed.connect(seen.append)
    return seen


def test_it_is_dots_until_it_is_to_be_seen(row: TokenRow, qtbot: QtBot) -> None:
    qtbot.keyClicks(field(row), "secret")
    assert field(row).displayText() != "secret"
    qtbot.mouseClick(button(row, "Show"), Qt.LeftButton)
    assert field(row).displayText() == "secret"
    qtbot.mouseClick(button(row, "Hide"), Qt.LeftButton)
    assert field(row).displayText() != "secret"


def test_enter_and_keep_use_it_once_and_the_field_is_empty_and_dots_again(row: TokenRow, qtbot: QtBot) -> None:
    seen = typed(row)
    assert not button(row, "Keep").isEnabled()
    qtbot.keyClick(field(row), Qt.Key_Return)
    qtbot.keyClicks(field(row), "one")
    button(row, "Show").setChecked(True)
    qtbot.keyClick(field(row), Qt.Key_Return)
    qtbot.keyClicks(field(row), "two")
    assert field(row).displayText() != "two"
    qtbot.mouseClick(button(row, "Keep"), Qt.LeftButton)
    assert seen == ["one", "two"]
    assert field(row).text() == ""


@pytest.mark.parametrize("text", ["two words", "ünicode", "one\ntwo"])
def test_a_wrong_one_is_told_in_one_line_and_stays_to_be_mended(row: TokenRow, qtbot: QtBot, text: str) -> None:
    seen = typed(row)
    QApplication.clipboard().setText(text)
    field(row).paste()
    qtbot.keyClick(field(row), Qt.Key_Return)
    assert seen == []
    assert line(row).startswith("This is no token: it has a space, a line break or a letter that is not ASCII.")
    assert field(row).accessibleDescription() == line(row)
    assert field(row).selectedText()
    qtbot.keyClicks(field(row), "right")
    qtbot.keyClick(field(row), Qt.Key_Return)
    assert seen == ["right"]


def test_what_was_copied_around_it_is_left_away(row: TokenRow, qtbot: QtBot) -> None:
    seen = typed(row)
    QApplication.clipboard().setText("  right\r\n")
    field(row).paste()
    qtbot.keyClick(field(row), Qt.Key_Return)
    assert seen == ["right"]


def test_where_it_is_kept_is_said_and_forgetting_offered_only_where_there_is_one(row: TokenRow, qtbot: QtBot) -> None:
    said = set()
    for keeping in Keeping:
        row.show_keeping(keeping)
        said.add(line(row))
        assert button(row, "Forget").isHidden() != keeping.is_set
    assert len(said) == len(Keeping)
    row.show_keeping(Keeping.KEYRING)
    assert line(row) == "Kept in this computer's keyring."
    button(row, "Forget").setFocus()
    with qtbot.waitSignal(row.forget_asked):
        qtbot.keyClick(button(row, "Forget"), Qt.Key_Space)
    row.show_keeping(Keeping.NONE)
    assert field(row).hasFocus()


def test_escape_closes_it(row: TokenRow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(row.closed):
        qtbot.keyClick(field(row), Qt.Key_Escape)
