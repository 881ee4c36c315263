"""The files of a release in the window: told, changed by hand, never taken for HTML, and reached with the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from common.finding import Role
from common.riotboot import Header
from desktop.bundle import Bundle, PickedFile
from desktop.window.files.panel import FilesPanel
from desktop.window.widgets.severity_mark import SeverityMark

NOW = 1_700_000_000.0
MANIFEST, SLOT0, SLOT1, NOTES = (Path("/build") / name for name in ("riot.suit.1.bin", "a.bin", "b.bin", "notes.txt"))


def picked(path: Path, header: Header | None = None, suit: bool = False, age: float = 0, gone: bool = False) -> PickedFile:
    return PickedFile(path, 60512, "0123456789abcdef" * 4, b"", NOW - age, header, suit, () if gone else (1,))


def bundle(**more: object) -> Bundle:
    files = {
        Role.SLOT1: picked(SLOT1, Header(42, 0x20900, 1, 2), age=7300),
        Role.SLOT0: picked(SLOT0, Header(42, 0x1100, 1, 1), age=150),
        Role.MANIFEST: picked(MANIFEST, suit=True),
    }
    return Bundle(files, spare=(picked(NOTES, age=3 * 86400),), **more)  # type: ignore[arg-type]


@pytest.fixture
def panel(qtbot: QtBot) -> FilesPanel:
    panel = FilesPanel(clock=lambda: NOW)
    qtbot.addWidget(panel)
    panel.resize(800, 500)
    panel.show()
    return panel


def said(panel: FilesPanel, at: int) -> list[str]:
    """The facts of a card."""
    return [fact.strip().replace("\u00a0", " ") for fact in panel.cards.cards[at].facts.text().split("·")]


def test_without_files_it_says_what_to_drop(panel: FilesPanel) -> None:
    assert panel.drop_area.isVisible()
    assert not panel.cards.isVisible()
    panel.show_drop(True)
    lit = panel.drop_area.grab().toImage()
    panel.show_drop(False)
    assert panel.drop_area.grab().toImage() != lit


def test_each_file_is_a_card_in_the_roles_order(panel: FilesPanel) -> None:
    panel.show_bundle(bundle())
    assert not panel.drop_area.isVisible()
    assert [card.title.text() for card in panel.cards.cards] == ["riot.suit.1.bin", "a.bin", "b.bin", "notes.txt"]
    assert [said(panel, at) for at in range(4)] == [
        ["60.5 kB", "01234567", "SUIT", "just now"],
        ["60.5 kB", "01234567", "version 42", "2 min ago"],
        ["60.5 kB", "01234567", "damaged header", "2 h ago"],
        ["no role: not published", "60.5 kB", "01234567", "no header", "3 d ago"],
    ]
    assert [card.switch.role for card in panel.cards.cards] == [*Role, None]


def test_a_file_that_is_gone_says_so(panel: FilesPanel) -> None:
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT0, gone=True)}))
    assert said(panel, 0)[-1] == "not on disk"
    assert panel.cards.cards[0].findChild(SeverityMark).isVisible()


def test_the_clock_goes_on(panel: FilesPanel) -> None:
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT0)}))
    panel._clock = lambda: NOW + 61
    panel._timer.timeout.emit()
    assert said(panel, 0)[-1] == "1 min ago"


@pytest.mark.parametrize(("pressed", "role"), [(Role.MANIFEST, Role.MANIFEST), (Role.SLOT1, Role.SLOT1), (Role.SLOT0, None)])
def test_one_click_changes_a_role(panel: FilesPanel, qtbot: QtBot, pressed: Role, role: Role | None) -> None:
    panel.show_bundle(bundle())
    with qtbot.waitSignal(panel.role_changed) as caught:
        qtbot.mouseClick(panel.cards.cards[1].switch.segment(pressed), Qt.MouseButton.LeftButton)
    assert caught.args == [SLOT0, role]
    assert caught.args[1] is role


def test_with_the_keyboard_alone(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.activateWindow()
    first, second = panel.cards.cards[:2]
    first.remove_button.setFocus()
    qtbot.waitUntil(first.remove_button.hasFocus)
    order = []
    for _ in range(3):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        order.append(QApplication.focusWidget())
    assert order == [first.switch, second.remove_button, second.switch]
    with qtbot.waitSignal(panel.removed) as caught:
        qtbot.keyClick(second.remove_button, Qt.Key.Key_Space)
    assert caught.args == [SLOT0]
    first.switch.setFocus()
    qtbot.keyClick(first.switch, Qt.Key.Key_Right)
    with qtbot.waitSignal(panel.role_changed) as caught:
        qtbot.keyClick(first.switch, Qt.Key.Key_Space)
    assert caught.args == [MANIFEST, Role.SLOT0]


def test_focus_stays_with_its_file_then_with_its_place(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.activateWindow()
    switch = panel.cards.cards[1].switch
    switch.setFocus()
    qtbot.waitUntil(switch.hasFocus)
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT1), Role.SLOT1: picked(SLOT0)}))
    assert panel.cards.cards[1].switch.hasFocus()
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT1)}))
    assert panel.cards.cards[0].switch.hasFocus()
    panel.show_bundle(Bundle())
    assert panel.choose_button.hasFocus()


def test_a_change_from_within_a_card_may_show_the_files_anew(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.role_changed.connect(lambda path, role: panel.show_bundle(Bundle({role: picked(path)})))
    panel.removed.connect(lambda: panel.show_bundle(Bundle()))
    qtbot.mouseClick(panel.cards.cards[1].switch.segment(Role.SLOT1), Qt.MouseButton.LeftButton)
    [card] = panel.cards.cards
    assert (card.title.text(), card.switch.role) == ("a.bin", Role.SLOT1)
    qtbot.mouseClick(card.remove_button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert panel.drop_area.isVisible()


def test_what_was_left_out_is_said_and_not_without_end(panel: FilesPanel) -> None:
    spare = tuple(picked(Path(f"/many/{n}")) for n in range(1000))
    panel.show_bundle(Bundle({}, spare, tuple(f"Sentence {n}." for n in range(8))))
    lines = panel.said.text().splitlines()
    assert lines[0] == "Sentence 0."
    assert lines[5:] == ["… and 3 more like this.", "970 more files without a role are not shown."]
    assert len(panel.cards.cards) == 30


def test_names_are_no_html_and_no_shortcut(panel: FilesPanel) -> None:
    odd = Path("/a & b/<b>bold</b>")
    panel.show_bundle(Bundle({Role.SLOT0: picked(odd)}, (), ("<b>x</b> was left out.",)))
    title = panel.cards.cards[0].title
    assert title.text() == odd.name
    assert title.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in title.toolTip()
    assert panel.said.textFormat() == Qt.TextFormat.PlainText
    panel.show_recent([[odd]])
    action, *_ = panel.recent_menu.actions()
    assert "/a && b" in action.text()
    assert "&lt;b&gt;" in action.toolTip()


def test_a_recent_set_is_picked_again(panel: FilesPanel, qtbot: QtBot) -> None:
    assert not panel.recent_button.isEnabled()
    panel.show_recent([[MANIFEST, SLOT0, SLOT1], [], [NOTES]])
    assert panel.recent_button.isEnabled()
    first, second, line, _ = panel.recent_menu.actions()
    assert line.isSeparator()
    assert first.text() == "riot.suit.1.bin, a.bin, b.bin  –  /build"
    with qtbot.waitSignal(panel.paths_picked) as caught:
        second.trigger()
    assert caught.args == [[NOTES]]


def test_long_recent_sets_are_short_in_the_menu_and_whole_in_its_tip(panel: FilesPanel) -> None:
    path = Path("/a" * 200) / ("n" * 200)
    panel.show_recent([[path, path]])
    action, *_ = panel.recent_menu.actions()
    metrics = panel.recent_menu.fontMetrics()
    assert metrics.horizontalAdvance(action.text()) < 130 * metrics.averageCharWidth()
    assert str(path) in action.toolTip()
    assert action.statusTip().splitlines() == [str(path)] * 2


def test_recent_sets_are_forgotten_on_demand(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_recent([[NOTES]])
    with qtbot.waitSignal(panel.forget_recent_asked):
        panel.recent_menu.actions()[-1].trigger()
    panel.show_recent([])
    assert not panel.recent_button.isEnabled()


def test_files_and_folders_are_chosen(panel: FilesPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/x/1", "/x/2"], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/y/z")
    with qtbot.waitSignal(panel.paths_picked) as caught:
        panel.choose_button.click()
    assert caught.args == [[Path("/x/1"), Path("/x/2")]]
    with qtbot.waitSignal(panel.paths_picked) as caught:
        panel.folder_button.click()
    assert caught.args == [[Path("/y/z")]]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    with qtbot.assertNotEmitted(panel.paths_picked):
        panel.choose_button.click()


def test_whatever_takes_the_focus_has_a_name(panel: FilesPanel) -> None:
    panel.show_bundle(bundle())
    named = [panel.choose_button, panel.folder_button, panel.recent_button, panel.cards]
    named += [w for card in panel.cards.cards for w in (card, card.switch, card.remove_button)]
    assert all(widget.accessibleName() for widget in named)
    first = panel.cards.cards[0]
    assert first.remove_button.accessibleName() == "Take out riot.suit.1.bin"
    assert first.switch.accessibleName() == "Role of riot.suit.1.bin: manifest"
    assert first.accessibleName().startswith("riot.suit.1.bin, manifest, 60.5 kB, 01234567")
