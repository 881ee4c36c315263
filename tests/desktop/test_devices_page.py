"""The devices page: editing in place, device URLs judged as they are typed, CSV, filter, selection, undo."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from common.errors import OtaError
from desktop.address_book import AddressBook, Device, load
from desktop.window.address_book.keeper import AddressBookKeeper
from desktop.window.address_book.model import DevicesModel
from desktop.window.address_book.page import DevicesPage
from desktop.window.jobs import Jobs

LEFT = Qt.MouseButton.LeftButton
KITCHEN = Device("Kitchen", "[fd00::2]/suit/trigger", "sensors", "behind the fridge")
DOOR = Device("Door", "10.0.0.7:5684/fw", "doors", "")
BENCH = Device("Bench", "[fe80::2%wpan0]/suit/trigger", "lab", "")
BOOK = AddressBook((KITCHEN, DOOR, BENCH))


@pytest.fixture
def page(qtbot: QtBot) -> DevicesPage:
    page = DevicesPage()
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    return page


@pytest.fixture
def full(page: DevicesPage) -> DevicesPage:
    page.show_book(BOOK)
    return page


def names(page: DevicesPage) -> list[str]:
    return [page.model.item(row).name for row in range(page.model.rowCount())]


def edit(page: DevicesPage, row: int, column: int) -> QLineEdit:
    page.table.setFocus()
    page.table.setCurrentIndex(page.model.index(row, column))
    page.table.edit(page.model.index(row, column))
    viewport = page.table.viewport()
    assert viewport is not None
    [editor] = [e for e in viewport.findChildren(QLineEdit) if e.isVisible()]
    editor.selectAll()
    return editor


def test_an_empty_book_says_what_to_do(page: DevicesPage) -> None:
    assert "No devices yet" in page.empty.text()
    assert "import a CSV file" in page.empty.text()
    assert not page.save.isEnabled()


def test_the_book_is_shown_by_name(full: DevicesPage) -> None:
    assert names(full) == ["Bench", "Door", "Kitchen"]
    assert full.count.text() == "0 of 3 selected"
    assert not full.notify.isEnabled()


def test_showing_a_book_is_no_change(page: DevicesPage, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(page.changed, wait=20):
        page.show_book(BOOK)


def test_a_device_is_typed_by_keyboard_alone(full: DevicesPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(full.form.url, "coap://FE80::7%wpan0")
    assert "fe80::7 on interface wpan0, port 5683, path /suit/trigger" in full.form.hint.text()
    qtbot.keyClicks(full.form.name, "Attic")
    with qtbot.waitSignal(full.changed) as changed:
        qtbot.keyClick(full.form.name, Qt.Key.Key_Return)
    assert changed.args[0].devices[-1] == Device("Attic", "[fe80::7%wpan0]/suit/trigger", "", "")
    assert full.form.url.text() == ""
    assert "Added Attic." in full.notice.text()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://10.0.0.1/fw", "scheme"),
        ("fe80::2%", "interface"),
        ("10.0.0.1:99999", "port"),
        ("FD00:0::2", "in the book already, as Kitchen"),
    ],
)
def test_a_wrong_url_is_told_while_it_is_typed(full: DevicesPage, qtbot: QtBot, typed: str, said: str) -> None:
    qtbot.keyClicks(full.form.url, typed)
    assert said in full.form.hint.text()
    assert not full.form.add.isEnabled()
    with qtbot.assertNotEmitted(full.changed, wait=20):
        qtbot.keyClick(full.form.url, Qt.Key.Key_Return)
    assert full.form.url.text() == typed


def test_a_name_is_edited_in_place(full: DevicesPage, qtbot: QtBot) -> None:
    editor = edit(full, 1, DevicesModel.NAME)
    qtbot.keyClicks(editor, " Front   door ")
    with qtbot.waitSignal(full.changed) as changed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert changed.args[0].devices == (KITCHEN, Device("Front door", DOOR.url, "doors", ""), BENCH)


def test_the_editor_stays_open_until_the_url_is_one(full: DevicesPage, qtbot: QtBot) -> None:
    editor = edit(full, 1, DevicesModel.URL)
    qtbot.keyClicks(editor, "10.0.0.300")
    assert "10.0.0.300" in full.notice.text()
    with qtbot.assertNotEmitted(full.changed, wait=20):
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert editor.isVisible()
    editor.selectAll()
    qtbot.keyClicks(editor, "10.0.0.30")
    with qtbot.waitSignal(full.changed) as changed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert changed.args[0].devices[1].url == "10.0.0.30/suit/trigger"
    assert full.notice.isHidden()


def test_escape_gives_the_old_url_back(full: DevicesPage, qtbot: QtBot) -> None:
    editor = edit(full, 1, DevicesModel.URL)
    qtbot.keyClicks(editor, "nonsense://")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert full.model.items == BOOK.devices
    assert full.notice.isHidden()


def test_a_url_left_half_typed_is_quoted_and_not_taken(full: DevicesPage, qtbot: QtBot) -> None:
    editor = edit(full, 1, DevicesModel.URL)
    qtbot.keyClicks(editor, "fe80::2%")
    full.filter.setFocus()
    qtbot.waitUntil(lambda: "was not taken over" in full.notice.text())
    assert "fe80::2%" in full.notice.text()
    assert full.model.items == BOOK.devices


def test_filtered_and_selected_devices_are_notified(full: DevicesPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(full.filter, "o")
    assert names(full) == ["Door", "Kitchen"]
    full.table.selectAll()
    assert full.count.text() == "2 of 2 selected"
    with qtbot.waitSignal(full.notify_asked) as asked:
        qtbot.mouseClick(full.notify, LEFT)
    assert asked.args == [[DOOR.url, KITCHEN.url]]
    qtbot.keyClicks(full.filter, "xyz")
    assert "No device matches" in full.empty.text()
    assert not full.notify.isEnabled()
    qtbot.mouseClick(full.empty.button, LEFT)
    assert full.model.rowCount() == 3


def test_a_url_that_cannot_be_read_is_marked_and_left_out(page: DevicesPage, qtbot: QtBot) -> None:
    page.show_book(AddressBook((DOOR, Device("Old", "http://x"))))
    index = page.model.index(1, DevicesModel.URL)
    assert not index.data(Qt.ItemDataRole.DecorationRole).isNull()
    assert "scheme" in index.data(Qt.ItemDataRole.ToolTipRole)
    page.table.selectAll()
    with qtbot.waitSignal(page.notify_asked) as asked:
        qtbot.mouseClick(page.notify, LEFT)
    assert asked.args == [[DOOR.url]]
    assert "Old" in page.notice.text()


def test_removed_devices_come_back(full: DevicesPage, qtbot: QtBot) -> None:
    full.table.setFocus()
    full.table.selectRow(0)
    with qtbot.waitSignal(full.changed) as changed:
        qtbot.keyClick(full.table, Qt.Key.Key_Delete)
    assert changed.args[0].devices == (KITCHEN, DOOR)
    assert full.notice.text() == "Removed Bench."
    with qtbot.waitSignal(full.changed) as changed:
        qtbot.mouseClick(full.undo, LEFT)
    assert changed.args[0] == BOOK
    assert full.undo.isHidden()


def test_the_selection_outlives_a_change(full: DevicesPage) -> None:
    full.table.selectRow(2)
    full.show_book(BOOK.add(Device("Attic", "10.0.0.9/fw")))
    assert full.selected() == [KITCHEN]


def test_export_and_import_give_the_same_book(full: DevicesPage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "geräte 1.csv"
    full.export_to(file)
    assert "Wrote 3 devices" in full.notice.text()
    other = DevicesPage()
    qtbot.addWidget(other)
    with qtbot.waitSignal(other.changed) as changed:
        other.import_from(file)
    assert changed.args[0] == BOOK
    assert "3 new, 0 changed" in other.notice.text()


def test_import_merges_and_names_the_lines_left_out(full: DevicesPage, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("name,url,group,note\nGate,10.0.0.7:5684/fw,doors,\nBad,http://x,,\nNew,10.0.0.9,,\n", encoding="utf-8")
    full.import_from(file)
    assert [d.name for d in full.model.items] == ["Kitchen", "Gate", "Bench", "New"]
    assert "1 new, 1 changed" in full.notice.text()
    assert "Line 3" in full.notice.text()
    full.undo.click()
    assert full.model.items == BOOK.devices


def test_files_that_are_no_list_are_one_line_each(full: DevicesPage, tmp_path: Path) -> None:
    binary, empty, huge = tmp_path / "a.bin", tmp_path / "empty.csv", tmp_path / "huge.csv"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    empty.touch()
    with huge.open("wb") as stream:
        os.truncate(stream.fileno(), 2 * 1024**3)
    gone = tmp_path / "gone.csv"
    wrong = {binary: "UTF-8", empty: "No device", huge: "4 MiB", tmp_path: "cannot be read", gone: "No such"}
    for path, said in wrong.items():
        full.import_from(path)
        assert said in full.notice.text()
        assert full.model.items == BOOK.devices
    full.export_to(tmp_path)
    assert "cannot be written" in full.notice.text()


def test_rows_that_are_sorted_otherwise_edit_the_right_device(full: DevicesPage, qtbot: QtBot) -> None:
    full.table.sortByColumn(DevicesModel.GROUP, Qt.SortOrder.DescendingOrder)
    editor = edit(full, 0, DevicesModel.URL)
    qtbot.keyClicks(editor, "fd00::9")
    with qtbot.waitSignal(full.changed):
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert full.model.items[0] == Device("Kitchen", "[fd00::9]/suit/trigger", "sensors", "behind the fridge")


def test_sorting_keeps_the_selection_and_the_order_of_the_book(full: DevicesPage, qtbot: QtBot) -> None:
    full.table.selectRow(2)
    full.table.sortByColumn(DevicesModel.NAME, Qt.SortOrder.DescendingOrder)
    assert names(full) == ["Kitchen", "Door", "Bench"]
    assert full.selected() == [KITCHEN]
    assert full.model.items == BOOK.devices
    full.form.url.setText("10.0.0.9")
    full.form.name.setText("Zoo")
    with qtbot.waitSignal(full.changed):
        full.form.submit()
    assert names(full) == ["Zoo", "Kitchen", "Door", "Bench"]
    assert full.selected() == [KITCHEN]


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[Jobs]:  # noqa: ARG001
    jobs = Jobs()
    yield jobs
    jobs.stop()


def test_files_are_read_and_written_in_jobs(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    def run(call: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[OtaError], None]) -> object:
        return jobs.start(lambda _progress, _cancelled: call(), done, failed)

    page = DevicesPage(run)
    qtbot.addWidget(page)
    page.show_book(BOOK)
    page.export_to(tmp_path / "devices.csv")
    qtbot.waitUntil(lambda: "Wrote 3 devices" in page.notice.text())
    page.show_book(AddressBook((KITCHEN,)))
    with qtbot.waitSignal(page.changed) as changed:
        page.import_from(tmp_path / "devices.csv")
    assert changed.args[0] == BOOK
    page.import_from(tmp_path / "none.csv")
    qtbot.waitUntil(lambda: "none.csv cannot be read" in page.notice.text())


def test_a_kept_book_is_loaded_again(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    keeper = AddressBookKeeper(jobs, tmp_path / "devices.json")
    keeper.keep(BOOK)
    qtbot.waitUntil(lambda: not jobs.running)
    with qtbot.waitSignal(keeper.loaded) as loaded:
        keeper.load()
    assert loaded.args == [BOOK]


def test_of_many_changes_the_last_one_is_kept(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    keeper = AddressBookKeeper(jobs, tmp_path / "devices.json")
    for number in range(20):
        keeper.keep(BOOK.add(Device(f"Device {number}", "10.0.0.9/fw")))
    qtbot.waitUntil(lambda: not jobs.running)
    assert load(tmp_path / "devices.json").devices[-1].name == "Device 19"


@pytest.mark.usefixtures("qtbot")
def test_at_the_end_all_is_written(jobs: Jobs, tmp_path: Path) -> None:
    keeper = AddressBookKeeper(jobs, tmp_path / "devices.json")
    keeper.keep(AddressBook((KITCHEN,)))
    keeper.keep(BOOK)
    jobs.stop()
    keeper.finish()
    assert load(tmp_path / "devices.json") == BOOK


def test_a_file_that_is_no_book_is_told_and_gives_an_empty_one(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "devices.json").write_text("nonsense", encoding="utf-8")
    keeper = AddressBookKeeper(jobs, tmp_path / "devices.json")
    with qtbot.waitSignals([keeper.failed, keeper.loaded]):
        keeper.load()
    assert (tmp_path / "devices.json.damaged").exists()


def test_a_book_that_cannot_be_written_is_told_and_written_with_the_next_change(qtbot: QtBot, jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "devices.json").mkdir()
    keeper = AddressBookKeeper(jobs, tmp_path / "devices.json")
    with qtbot.waitSignal(keeper.failed) as failed:
        keeper.keep(BOOK)
    assert "cannot be written" in failed.args[0]
    (tmp_path / "devices.json").rmdir()
    keeper.keep(AddressBook((DOOR,)))
    qtbot.waitUntil(lambda: not jobs.running)
    assert load(tmp_path / "devices.json") == AddressBook((DOOR,))


def test_a_refresh_of_a_long_selection_keeps_it(page: DevicesPage) -> None:
    many = tuple(Device(f"Device {number:03}", f"10.0.0.{number}/fw", f"group{number % 2}") for number in range(200))
    page.show_book(AddressBook(many))
    page.filter.setText("group1")
    page.table.selectAll()
    page.filter.clear()
    assert len(page.selected()) == 100
    page.table.sortByColumn(DevicesModel.NAME, Qt.SortOrder.DescendingOrder)
    assert page.selected() == [device for device in reversed(many) if device.group == "group1"]
    assert page.count.text() == "100 of 200 selected"
