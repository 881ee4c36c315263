"""An address, a state, and a way out; by mouse and by keyboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.tokens import Keeping
from desktop.window.server.bar import ServerBar
from desktop.window.server.state_dot import StateDot
from desktop.window.server.token_row import TokenRow

WHY = "No server answers at http://b: the connection was refused. Is it running, and is the port right?"


@pytest.fixture
def bar(qtbot: QtBot) -> ServerBar:
    bar = ServerBar()
    qtbot.addWidget(bar)
    bar.show_servers(["http://a", "http://b"], "http://a")
    bar.resize(640, bar.sizeHint().height())
    bar.show()
    qtbot.waitExposed(bar)
    return bar


def combo(bar: ServerBar) -> QComboBox:
    return bar.findChild(QComboBox)


def said(bar: ServerBar) -> str:
    return next(label.text() for label in bar.findChildren(QLabel) if label.buddy() is None)


def button(bar: ServerBar) -> QPushButton:
    return next(button for button in bar.findChildren(QPushButton) if button.text() == "Start one &here")


def token(bar: ServerBar) -> QPushButton:
    return next(button for button in bar.findChildren(QPushButton) if "Token" in button.text())


def chosen(bar: ServerBar) -> list[str]:
    seen: list[str] = []
    bar.chosen.connect(seen.append)
    return seen


def test_what_is_typed_is_chosen_once_at_enter(bar: ServerBar, qtbot: QtBot) -> None:
    seen = chosen(bar)
    bar.focus_address()
    qtbot.keyClicks(bar.focusWidget(), " http://c ")
    assert seen == []
    qtbot.keyClick(combo(bar), Qt.Key_Return)
    assert seen == ["http://c"]
    assert bar.url == "http://c"
    assert said(bar) == "Asking…"


def test_enter_asks_the_same_server_again(bar: ServerBar, qtbot: QtBot) -> None:
    seen = chosen(bar)
    qtbot.keyClick(combo(bar), Qt.Key_Return)
    qtbot.keyClick(combo(bar), Qt.Key_Return)
    assert seen == ["http://a", "http://a"]


def test_leaving_the_field_chooses_what_was_typed_and_nothing_otherwise(bar: ServerBar, qtbot: QtBot) -> None:
    seen = chosen(bar)
    bar.show_state(False, WHY)
    qtbot.waitActive(bar)
    bar.focus_address()
    qtbot.keyClick(bar.focusWidget(), Qt.Key_Tab)
    assert seen == []
    bar.focus_address()
    qtbot.keyClicks(bar.focusWidget(), "http://d")
    button(bar).setFocus()
    assert seen == ["http://d"]


def test_an_entry_of_the_list_is_chosen_by_keyboard(bar: ServerBar, qtbot: QtBot) -> None:
    seen = chosen(bar)
    combo(bar).setFocus()
    qtbot.keyClick(combo(bar), Qt.Key_Down)
    assert seen == ["http://b"]


def test_nothing_is_chosen_by_an_empty_field_or_by_showing(bar: ServerBar, qtbot: QtBot) -> None:
    seen = chosen(bar)
    combo(bar).lineEdit().clear()
    qtbot.keyClick(combo(bar), Qt.Key_Return)
    bar.show_servers(["http://x", "http://y"])
    assert seen == []
    assert combo(bar).currentText() == "http://x"


def test_new_servers_do_not_disturb_who_is_typing(bar: ServerBar, qtbot: QtBot) -> None:
    qtbot.waitActive(bar)
    bar.focus_address()
    qtbot.keyClicks(bar.focusWidget(), "http://ne")
    bar.show_servers(["http://b", "http://a"], "http://a")
    assert combo(bar).currentText() == "http://ne"


def test_the_state_is_said_in_words_and_start_is_offered_only_without_a_server(bar: ServerBar) -> None:
    bar.show_state(True, "")
    assert said(bar) == "Reachable"
    assert button(bar).isHidden()
    bar.show_state(False, WHY)
    assert said(bar) == f"Not reachable – {WHY}"
    assert combo(bar).accessibleDescription() == said(bar)
    assert button(bar).isVisible()
    bar.show_state(None, "")
    assert said(bar) == "Asking…"
    assert button(bar).isVisible()
    bar.show_state(None, "Starting a server on this computer…")
    assert said(bar) == "Starting a server on this computer…"


def test_without_any_server_it_says_what_to_do(bar: ServerBar, qtbot: QtBot) -> None:
    bar.show_servers([])
    assert said(bar) == (
        "No server is chosen. Type the address of one, start one here on this computer, or on a gateway with: make run"
    )
    with qtbot.waitSignal(bar.start_asked):
        qtbot.keyClick(button(bar), Qt.Key_Space)


def test_a_button_that_goes_leaves_its_focus_to_the_address(bar: ServerBar, qtbot: QtBot) -> None:
    bar.show_state(False, WHY)
    qtbot.waitActive(bar)
    button(bar).setFocus()
    bar.show_state(True, "")
    assert combo(bar).hasFocus() or combo(bar).lineEdit().hasFocus()


def test_a_token_that_is_wanted_is_asked_for_in_place_and_once(bar: ServerBar, qtbot: QtBot) -> None:
    row, why = bar.findChild(TokenRow), "The server at http://a wants a token: give one."
    assert row.isHidden()
    bar.show_barred(why, True)
    assert said(bar) == why
    assert row.isVisible()
    assert button(bar).isHidden()
    qtbot.keyClick(row.findChild(QLineEdit), Qt.Key_Escape)
    assert row.isHidden()
    bar.show_barred(why, True)
    assert row.isHidden()
    bar.show_state(None, "")
    bar.show_barred(why, True)
    assert row.isVisible()


def test_a_refusal_that_no_token_mends_opens_nothing(bar: ServerBar) -> None:
    bar.show_barred("The server at http://a does not let this computer in.", False)
    assert bar.findChild(TokenRow).isHidden()


def test_the_button_says_whether_there_is_a_token_and_opens_its_field(bar: ServerBar, qtbot: QtBot) -> None:
    qtbot.waitActive(bar)
    assert token(bar).text() == "Token…"
    token(bar).setFocus()
    qtbot.keyClick(token(bar), Qt.Key_Space)
    field = bar.findChild(TokenRow).findChild(QLineEdit)
    assert field.hasFocus()
    qtbot.keyClicks(field, "secret")
    with qtbot.waitSignal(bar.token_typed) as typed:
        qtbot.keyClick(field, Qt.Key_Return)
    assert typed.args == ["secret"]
    bar.show_token(Keeping.KEYRING)
    assert token(bar).text() == "Token set…"
    assert "keyring" in token(bar).accessibleDescription()
    qtbot.keyClick(field, Qt.Key_Escape)
    assert token(bar).hasFocus()


def test_what_was_typed_for_one_server_is_not_there_for_another(bar: ServerBar, qtbot: QtBot) -> None:
    token(bar).setChecked(True)
    field = bar.findChild(TokenRow).findChild(QLineEdit)
    qtbot.keyClicks(field, "secret")
    combo(bar).setFocus()
    qtbot.keyClick(combo(bar), Qt.Key_Down)
    assert bar.url == "http://b"
    assert field.text() == ""
    assert bar.findChild(TokenRow).isHidden()


def test_a_server_is_forgotten_by_its_menu_and_there_is_nothing_to_forget_without_one(bar: ServerBar, qtbot: QtBot) -> None:
    (action,) = bar.actions()
    with qtbot.waitSignal(bar.forget_asked) as asked:
        action.trigger()
    assert asked.args == ["http://a"]
    bar.show_servers([])
    assert not action.isEnabled()
    assert not token(bar).isEnabled()


def test_everything_that_takes_the_focus_has_a_name(bar: ServerBar) -> None:
    for widget in bar.findChildren(QWidget):
        if widget.isVisible() and widget.focusPolicy() != Qt.NoFocus:
            assert widget.accessibleName() or getattr(widget, "text", str)(), widget
    assert any(label.buddy() is combo(bar) for label in bar.findChildren(QLabel))


def test_each_state_has_its_picture(bar: ServerBar) -> None:
    dot, pictures = bar.findChild(StateDot), []
    for state in (True, None, False):
        dot.show_state(state)
        pictures.append(dot.grab().toImage())
    dot.show_barred()
    pictures.append(dot.grab().toImage())
    assert all(a != b for n, a in enumerate(pictures) for b in pictures[n + 1 :])


@pytest.mark.parametrize("width", [360, 640])
def test_a_long_reason_is_never_cut(bar: ServerBar, width: int) -> None:
    bar.show_state(False, WHY)
    QApplication.sendPostedEvents()
    bar.resize(width, bar.heightForWidth(width))
    label = next(label for label in bar.findChildren(QLabel) if label.buddy() is None)
    assert label.heightForWidth(label.width()) <= label.height()


@pytest.mark.usefixtures("dark")
def test_it_is_drawn_in_a_dark_palette(bar: ServerBar) -> None:
    bar.show_state(False, WHY)
    image = bar.grab().toImage()
    assert image.pixelColor(2, 2).lightness() < 100
    pictures = os.environ.get("OTA_PICTURES")
    if pictures:
        image.save(str(Path(pictures) / "server-bar-dark.png"))
