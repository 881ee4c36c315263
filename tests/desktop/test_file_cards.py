"""The files as cards: nothing hidden or cut off, walked by keyboard, scrolled by wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QFont, QWheelEvent
from PyQt5.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from common.finding import Role
from common.riotboot import Header
from desktop.bundle import PickedFile
from desktop.window.files.card import FileCard
from desktop.window.files.cards import FileCards
from tests.support import widgets

NOW = 1_700_000_000.0
LONG = "Gerätesoftware-für-die-Küchenlüftung-" + "ü" * 40 + ".bin"


def picked(name: str, gone: bool = False) -> PickedFile:
    header = Header(1_700_000_200, 0x1100, 1, 1)
    return PickedFile(Path("/build") / name, 60512, "0123456789abcdef" * 4, b"", NOW, header, False, () if gone else (1,))


def shown(cards: FileCards, amount: int) -> list[FileCard]:
    """So many files, of which the first have roles."""
    names = [LONG, *(f"{n}.bin" for n in range(1, amount))]
    roles = [*Role, *[None] * amount]
    cards.show_files([(role, picked(name, role is Role.SLOT0)) for role, name in zip(roles, names, strict=False)])
    cards.show_ages(NOW + 99)
    for _ in range(5):
        QApplication.processEvents()
    return cards.cards


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    middle = QWidget()
    QVBoxLayout(middle).addWidget(FileCards())
    window.setCentralWidget(middle)
    qtbot.addWidget(window)
    window.resize(390, 500)
    window.show()
    qtbot.waitActive(window)
    return window


@pytest.fixture
def cards(window: QMainWindow) -> FileCards:
    found = window.findChild(FileCards)
    assert found is not None
    return found


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("amount", [1, 3, 8])
def test_nothing_is_cut_off_where_it_is_narrow(cards: FileCards, window: QMainWindow, amount: int, scale: float) -> None:
    window.setFont(QFont("DejaVu Sans", int(10 * scale)))
    shown(cards, amount)
    for width in (390, 700, 360):
        window.resize(width, 500)
        for _ in range(5):
            QApplication.processEvents()
        assert not widgets.clipped(window)
        for card in cards.cards:
            assert card.rect().contains(card.childrenRect())
    for above, below in zip(cards.cards, cards.cards[1:], strict=False):
        assert above.geometry().bottom() < below.y()


def test_a_releases_three_files_are_seen_at_once(cards: FileCards, window: QMainWindow) -> None:
    shown(cards, 3)
    window.resize(390, 100)
    QApplication.processEvents()
    for card in cards.cards:
        assert card.visibleRegion().boundingRect() == card.rect()


def test_a_long_name_is_short_in_the_card_and_whole_in_its_tip(cards: FileCards) -> None:
    title = shown(cards, 1)[0].title
    assert "…" in title.text()
    assert title.text().endswith("ü.bin")
    assert f"/build/{LONG}" in title.toolTip()
    assert title.accessibleName() == LONG


def test_odd_letters_in_a_name_take_no_line_of_their_own(cards: FileCards) -> None:
    cards.show_files([(None, picked("a\nb\udcff.bin"))])
    assert cards.cards[0].title.text() == "a�b�.bin"


def test_up_and_down_walk_the_cards(cards: FileCards, qtbot: QtBot) -> None:
    there = shown(cards, 8)
    for place in ("switch", "remove_button"):
        getattr(there[0], place).setFocus()
        for at in (*range(1, 8), 7):
            qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
            assert getattr(there[at], place).hasFocus()
            assert there[at].visibleRegion().boundingRect().height() == there[at].height()
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
        assert getattr(there[6], place).hasFocus()


def test_a_click_on_a_card_and_delete_take_its_file_out(cards: FileCards, qtbot: QtBot) -> None:
    card = shown(cards, 3)[2]
    qtbot.mouseClick(card.facts, Qt.MouseButton.LeftButton)
    assert card.switch.hasFocus()
    with qtbot.waitSignal(cards.removed) as caught:
        qtbot.keyClick(card.switch, Qt.Key.Key_Delete)
    assert caught.args == [card.file.path]


def test_facts_are_copied(cards: FileCards) -> None:
    card = shown(cards, 3)[1]
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert card.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    for action, text in zip(card.actions(), (card.file.sha256, str(card.file.path)), strict=False):
        action.trigger()
        assert clipboard.text() == text


def test_the_wheel_scrolls_and_changes_no_role(cards: FileCards, qtbot: QtBot) -> None:
    segment = shown(cards, 30)[0].switch.segment(Role.SLOT1)
    bar = cards.verticalScrollBar()
    assert bar is not None
    at = QPointF(5, 5)
    flags = (Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase)
    with qtbot.assertNotEmitted(cards.role_changed):
        for widget, taken in ((segment, False), (cards.viewport(), True)):
            event = QWheelEvent(at, at, QPoint(), QPoint(0, -120), *flags, False)
            QApplication.sendEvent(widget, event)
            assert event.isAccepted() is taken
    assert bar.value() > 0


def test_a_card_stays_with_its_file(cards: FileCards) -> None:
    before = shown(cards, 3)
    cards.show_files([(Role.SLOT0, before[2].file), (Role.SLOT1, before[1].file)])
    assert cards.cards == [before[2], before[1]]
    assert before[2].y() < before[1].y()


def test_without_a_role_a_card_is_dimmed(cards: FileCards) -> None:
    placed, spare = (shown(cards, 4)[at] for at in (0, 3))
    colours = [card.title.palette().color(card.title.foregroundRole()) for card in (placed, spare)]
    assert colours[0] != colours[1]
    assert "no\u00a0role:\u00a0not\u00a0published" in spare.facts.text()
    assert "no role: not published" in spare.accessibleName()
