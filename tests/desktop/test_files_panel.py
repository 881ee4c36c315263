"""The files of a release in the window: told, changed by hand, never taken for HTML, and reached with the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QApplication, QFileDialog, QTableWidget
from pytestqt.qtbot import QtBot

from common.finding import Role
from common.riotboot import Header
from desktop.bundle import Bundle, PickedFile
from desktop.window.files_panel import FilesPanel

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


def cells(table: QTableWidget, row: int) -> list[str]:
    items = [table.item(row, column) for column in range(table.columnCount())]
    return [item.text() for item in items if item is not None]


def test_without_files_it_says_what_to_drop(panel: FilesPanel) -> None:
    assert panel.drop_area.isVisible()
    assert not panel.table.isVisible()
    panel.show_drop(True)
    lit = panel.drop_area.grab().toImage()
    panel.show_drop(False)
    assert panel.drop_area.grab().toImage() != lit


def test_each_file_is_a_row_in_the_roles_order(panel: FilesPanel) -> None:
    panel.show_bundle(bundle())
    assert not panel.drop_area.isVisible()
    assert [cells(panel.table, row) for row in range(4)] == [
        ["riot.suit.1.bin", "60.5 kB", "01234567", "SUIT", "just now"],
        ["a.bin", "60.5 kB", "01234567", "42", "2 min ago"],
        ["b.bin", "60.5 kB", "01234567", "damaged header", "2 h ago"],
        ["notes.txt", "60.5 kB", "01234567", "no header", "3 d ago"],
    ]
    assert [panel.table.role_box(row).currentText() for row in range(4)] == ["manifest", "slot0", "slot1", "no role"]


def test_a_file_that_is_gone_says_so(panel: FilesPanel) -> None:
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT0, gone=True)}))
    assert cells(panel.table, 0)[-1] == "not on disk"


def test_the_clock_goes_on(panel: FilesPanel) -> None:
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT0)}))
    panel._clock = lambda: NOW + 61
    panel._timer.timeout.emit()
    assert cells(panel.table, 0)[-1] == "1 min ago"


@pytest.mark.parametrize(("index", "role"), [(0, Role.MANIFEST), (2, Role.SLOT1), (3, None)])
def test_a_role_is_changed_in_its_row(panel: FilesPanel, qtbot: QtBot, index: int, role: Role | None) -> None:
    panel.show_bundle(bundle())
    with qtbot.waitSignal(panel.role_changed) as caught:
        panel.table.role_box(1).activated.emit(index)
    assert caught.args == [SLOT0, role]
    assert caught.args[1] is role


def test_the_same_role_again_is_no_change(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    with qtbot.assertNotEmitted(panel.role_changed):
        panel.table.role_box(1).activated.emit(1)


def test_the_wheel_changes_no_role(panel: FilesPanel) -> None:
    panel.show_bundle(bundle())
    box = panel.table.role_box(0)
    box.setFocus()
    at, none = QPointF(5, 5), QPoint()
    flags = (Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase)
    QApplication.sendEvent(box, QWheelEvent(at, at, none, QPoint(0, -120), *flags, False))
    assert box.currentText() == "manifest"


def test_with_the_keyboard_alone(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.activateWindow()
    panel.table.setFocus()
    qtbot.waitUntil(panel.table.hasFocus)
    order = []
    for _ in range(4):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        order.append(QApplication.focusWidget())
    first, second = 0, 1
    boxes, removes = panel.table.role_box, panel.table.remove_button
    assert order == [boxes(first), removes(first), boxes(second), removes(second)]
    with qtbot.waitSignal(panel.removed) as caught:
        qtbot.keyClick(removes(second), Qt.Key.Key_Space)
    assert caught.args == [SLOT0]
    boxes(first).setFocus()
    with qtbot.waitSignal(panel.role_changed) as caught:
        qtbot.keyClick(boxes(first), Qt.Key.Key_Down)
    assert caught.args == [MANIFEST, Role.SLOT0]


def test_delete_takes_out_the_rows_file(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.activateWindow()
    panel.table.setFocus()
    panel.table.setCurrentCell(2, 1)
    qtbot.waitUntil(panel.table.hasFocus)
    with qtbot.waitSignal(panel.removed) as caught:
        qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    assert caught.args == [SLOT1]


def test_focus_stays_with_its_file_then_with_its_place(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.activateWindow()
    panel.table.role_box(1).setFocus()
    qtbot.waitUntil(lambda: panel.table.role_box(1).hasFocus())
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT1), Role.SLOT1: picked(SLOT0)}))
    assert panel.table.role_box(1).hasFocus()
    panel.show_bundle(Bundle({Role.SLOT0: picked(SLOT1)}))
    assert panel.table.role_box(0).hasFocus()
    panel.show_bundle(Bundle())
    assert panel.choose_button.hasFocus()


def test_a_change_from_within_the_box_may_show_the_files_anew(panel: FilesPanel, qtbot: QtBot) -> None:
    panel.show_bundle(bundle())
    panel.role_changed.connect(lambda path, role: panel.show_bundle(Bundle({role: picked(path)})))
    panel.removed.connect(lambda: panel.show_bundle(Bundle()))
    panel.table.role_box(1).setFocus()
    qtbot.keyClick(panel.table.role_box(1), Qt.Key.Key_Down)
    assert cells(panel.table, 0)[0] == "a.bin"
    qtbot.mouseClick(panel.table.remove_button(0), Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert panel.drop_area.isVisible()


def test_what_was_left_out_is_said_and_not_without_end(panel: FilesPanel) -> None:
    spare = tuple(picked(Path(f"/many/{n}")) for n in range(1000))
    panel.show_bundle(Bundle({}, spare, tuple(f"Sentence {n}." for n in range(8))))
    lines = panel.said.text().splitlines()
    assert lines[0] == "Sentence 0."
    assert lines[5:] == ["… and 3 more like this.", "970 more files without a role are not shown."]
    assert panel.table.rowCount() == 30


def test_where_it_is_narrow_names_go_before_digests(panel: FilesPanel) -> None:
    panel.show_bundle(bundle())
    table = panel.table
    least = table.fontMetrics().averageCharWidth() * 18
    assert not any(table.isColumnHidden(column) for column in range(7))
    assert table.sizeHint().width() < 800
    for width in (table.sizeHint().width() - 20, 420):
        panel.resize(width, 500)
        QApplication.processEvents()
        assert table.isColumnHidden(3)
        assert table.columnWidth(1) >= least
    name = table.item(0, 1)
    assert name is not None
    assert "60512 bytes, SHA-256 0123456789abcdef" in name.data(Qt.ItemDataRole.AccessibleDescriptionRole)
    panel.resize(800, 500)
    assert not table.isColumnHidden(3)


def test_names_are_no_html_and_no_shortcut(panel: FilesPanel) -> None:
    odd = Path("/a & b/<b>bold</b>")
    panel.show_bundle(Bundle({Role.SLOT0: picked(odd)}, (), ("<b>x</b> was left out.",)))
    item = panel.table.item(0, 1)
    assert item is not None
    assert item.text() == odd.name
    assert "&lt;b&gt;" in item.toolTip()
    assert panel.said.textFormat() == Qt.TextFormat.PlainText
    panel.show_recent([[odd]])
    [action] = panel.recent_menu.actions()
    assert "/a && b" in action.text()


def test_a_recent_set_is_picked_again(panel: FilesPanel, qtbot: QtBot) -> None:
    assert not panel.recent_button.isEnabled()
    panel.show_recent([[MANIFEST, SLOT0, SLOT1], [], [NOTES]])
    assert panel.recent_button.isEnabled()
    first, second = panel.recent_menu.actions()
    assert first.text() == "riot.suit.1.bin, a.bin, b.bin  –  /build"
    with qtbot.waitSignal(panel.paths_picked) as caught:
        second.trigger()
    assert caught.args == [[NOTES]]


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
    table = panel.table
    named = [panel.choose_button, panel.folder_button, panel.recent_button, table]
    named += [w for row in range(4) for w in (table.role_box(row), table.remove_button(row))]
    assert all(widget.accessibleName() for widget in named)
    assert table.remove_button(0).accessibleName() == "Take out riot.suit.1.bin"
