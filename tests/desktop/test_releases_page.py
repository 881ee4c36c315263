"""The releases page: what it shows, what it asks for, and that it asks before something is lost."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.finding import Finding, Role, Severity
from common.release import Release, ReleaseFile, State
from desktop.window.releases.model import ReleasesModel
from desktop.window.releases.page import ReleasesPage

LEFT = Qt.MouseButton.LeftButton


def release(number: int, state: State = State.READY, findings: tuple[Finding, ...] = (), board: str = "samr21-xpro") -> Release:
    name = f"version_{number}"
    files = tuple(
        ReleaseFile(
            role, f"{role}.{number}.bin", 20_000, f"{number:02d}" * 32, f"{name}/{role}", url=f"coap://[fd00::1]/{name}/{role}"
        )
        for role in Role
    )
    return Release(
        name, dt.datetime(2026, 11, 20, 9, number, tzinfo=dt.UTC), state, files, findings,
        sequence_number=number, board=board, class_id="bcf90984-fe7d", signature="valid",
    )  # fmt: skip


@pytest.fixture
def page(qtbot: QtBot) -> ReleasesPage:
    page = ReleasesPage()
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    return page


def cell(page: ReleasesPage, row: int, column: int) -> str:
    return str(page.model.index(row, column).data())


def select(page: ReleasesPage, publish_id: str) -> None:
    row = page.model.row_of(publish_id)
    assert row is not None
    page.table.selectRow(row)


def test_before_there_is_a_server_it_says_how_to_get_one(page: ReleasesPage) -> None:
    assert page.empty.isVisible()
    assert "start one on this computer" in page.empty.text()
    assert not page.empty.button.isVisible()


def test_an_empty_server_says_how_to_publish(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([])
    assert "Nothing is published yet" in page.empty.text()
    assert "Drop a manifest" in page.empty.text()
    with qtbot.waitSignal(page.refresh_asked):
        qtbot.mouseClick(page.empty.button, LEFT)


def test_the_newest_is_on_top_and_selected(page: ReleasesPage) -> None:
    page.show_releases([release(9), release(10), release(3)])
    assert [cell(page, row, ReleasesModel.NAME) for row in range(3)] == ["version_10", "version_9", "version_3"]
    assert cell(page, 0, ReleasesModel.FILES) == "3 files, 60.0 kB"
    assert "coap://[fd00::1]/version_10/manifest" in page.details.text.toPlainText()
    assert page.said() == "3 releases"


def test_numbers_are_sorted_as_numbers(page: ReleasesPage) -> None:
    page.show_releases([release(9), release(10), release(3)])
    page.table.sortByColumn(ReleasesModel.NUMBER, Qt.SortOrder.AscendingOrder)
    assert [cell(page, row, ReleasesModel.NUMBER) for row in range(3)] == ["3", "9", "10"]


def test_sorting_keeps_what_is_selected(page: ReleasesPage) -> None:
    page.show_releases([release(9), release(10), release(3)])
    select(page, "version_3")
    page.table.sortByColumn(ReleasesModel.NUMBER, Qt.SortOrder.AscendingOrder)
    assert page.table.currentIndex().row() == 0
    assert "version_3/manifest" in page.details.text.toPlainText()


def test_findings_stand_worst_first_with_file_and_code(page: ReleasesPage) -> None:
    page.show_releases([release(7, State.REJECTED, (
        Finding(Severity.WARNING, "header-version", "Another <version>.", Role.SLOT1),
        Finding(Severity.ERROR, "digest-mismatch", "Another build.", Role.SLOT0),
    ))])  # fmt: skip
    text = page.details.text.toPlainText()
    assert text.index("Error, slot0: Another build. (digest-mismatch)") < text.index("Warning, slot1: Another <version>.")
    assert "Rejected" in text


def test_filter_looks_everywhere_and_can_be_cleared(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(1), release(2, State.WITHDRAWN), release(3, board="nucleo")])
    qtbot.keyClicks(page.filter, "WITHDRAWN samr")
    assert page.model.rowCount() == 1
    assert page.said() == "1 of 3 releases"
    assert page.details.text.toPlainText().startswith("Withdrawn")
    qtbot.keyClicks(page.filter, "x")
    assert "No release matches" in page.empty.text()
    qtbot.mouseClick(page.empty.button, LEFT)
    assert page.model.rowCount() == 3
    assert page.split.isVisible()


def test_refreshing_keeps_what_is_selected(page: ReleasesPage) -> None:
    page.show_releases([release(1), release(2)])
    select(page, "version_1")
    page.show_releases([release(3), release(1), release(2)])
    assert cell(page, page.table.currentIndex().row(), 0) == "version_1"


def test_buttons_ask_for_the_selected_release(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(1, State.WITHDRAWN), release(2)])
    with qtbot.waitSignal(page.notify_asked) as asked:
        qtbot.mouseClick(page.details.notify, LEFT)
    assert asked.args == ["version_2"]
    with qtbot.waitSignal(page.withdraw_asked) as asked:
        qtbot.mouseClick(page.details.withdraw, LEFT)
    assert asked.args == ["version_2"]
    select(page, "version_1")
    assert not page.details.notify.isEnabled()
    assert "cannot fetch" in page.details.notify.toolTip()
    with qtbot.waitSignal(page.restore_asked) as asked:
        qtbot.mouseClick(page.details.withdraw, LEFT)
    assert asked.args == ["version_1"]


def test_removing_asks_first_and_names_what_goes(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(1), release(2)])
    with qtbot.assertNotEmitted(page.remove_asked, wait=50):
        qtbot.mouseClick(page.details.remove, LEFT)
        for part in ("version_2", "3 files, 60.0 kB", "slot0.2.bin", "cannot be undone"):
            assert part in page.details.question.text()
        qtbot.keyClick(page.details.question.no, Qt.Key.Key_Escape)
        assert page.details.question.isHidden()
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert page.details.question.isVisible()
    with qtbot.waitSignal(page.remove_asked) as asked:
        qtbot.keyClick(page.details.question.yes, Qt.Key.Key_Space)
    assert asked.args == ["version_2"]


def test_another_selection_drops_the_question(page: ReleasesPage) -> None:
    page.show_releases([release(1), release(2)])
    page.details.ask_removal()
    select(page, "version_1")
    assert page.details.question.isHidden()


def test_a_removed_release_takes_its_question_along(page: ReleasesPage) -> None:
    page.show_releases([release(1), release(2)])
    page.details.ask_removal()
    page.show_releases([release(1)])
    assert page.details.question.isHidden()


def test_the_url_is_copied(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(2)])
    qtbot.mouseClick(page.details.copy_url, LEFT)
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == "coap://[fd00::1]/version_2/manifest"
    assert "Copied coap://[fd00::1]/version_2/manifest" in page.said()


def test_trouble_keeps_what_was_there_and_says_how_old_it_is(page: ReleasesPage) -> None:
    page.show_trouble("The server does not answer.")
    assert "The server does not answer." in page.empty.text()
    page.show_releases([release(2)])
    page.show_trouble("The server does not answer.")
    assert page.said().startswith("The server does not answer. What is shown is as of ")
    assert page.split.isVisible()
    page.show_trouble("")
    assert "No server yet" in page.empty.text()


def test_while_busy_it_does_not_ask_again(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(2)])
    page.show_busy(True)
    assert page.said() == "Asking the server…"
    with qtbot.assertNotEmitted(page.refresh_asked, wait=50):
        qtbot.mouseClick(page.refresh, LEFT)
    page.show_busy(False)
    with qtbot.waitSignal(page.refresh_asked):
        qtbot.mouseClick(page.refresh, LEFT)


def test_markup_of_a_server_stays_text(page: ReleasesPage) -> None:
    page.show_releases([release(2, board="<img src=x><b>bold</b>")])
    assert "<img src=x><b>bold</b>" in page.details.text.toPlainText()


def test_the_same_list_again_changes_nothing(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(number) for number in range(60)])
    select(page, "version_30")
    bar = page.table.verticalScrollBar()
    assert bar is not None
    bar.setValue(7)
    signals = [page.model.modelReset, page.model.dataChanged, page.model.rowsInserted, page.model.rowsRemoved]
    with qtbot.assertNotEmitted(signals[0]), qtbot.assertNotEmitted(signals[1]):
        with qtbot.assertNotEmitted(signals[2]), qtbot.assertNotEmitted(signals[3]):
            page.show_releases([release(number) for number in range(60)])
    assert cell(page, page.table.currentIndex().row(), 0) == "version_30"
    assert bar.value() == 7


def test_a_changed_release_changes_its_row_only(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(number) for number in range(60)])
    select(page, "version_30")
    row = page.table.currentIndex().row()
    with qtbot.assertNotEmitted(page.model.modelReset), qtbot.waitSignal(page.model.dataChanged) as told:
        page.show_releases([release(n, State.WITHDRAWN if n == 30 else State.READY) for n in range(60)])
    assert [told.args[0].row(), told.args[1].row()] == [row, row]
    assert cell(page, row, ReleasesModel.STATE) == "Withdrawn"
    assert page.details.text.toPlainText().startswith("Withdrawn")


def test_a_new_and_a_removed_release_leave_the_others_alone(page: ReleasesPage, qtbot: QtBot) -> None:
    page.show_releases([release(number) for number in range(50)])
    select(page, "version_30")
    with qtbot.assertNotEmitted(page.model.modelReset):
        page.show_releases([release(number) for number in range(51) if number != 40])
    assert cell(page, page.table.currentIndex().row(), 0) == "version_30"
    assert [cell(page, row, 0) for row in (0, 9, 10)] == ["version_50", "version_41", "version_39"]
    assert page.said() == "50 releases"


def test_another_list_keeps_what_is_selected_and_where_it_is_scrolled_to(page: ReleasesPage) -> None:
    page.show_releases([release(number) for number in range(60)])
    select(page, "version_20")
    bar = page.table.verticalScrollBar()
    assert bar is not None
    bar.setValue(25)
    page.table.sortByColumn(ReleasesModel.FILES, Qt.SortOrder.AscendingOrder)
    assert cell(page, page.table.currentIndex().row(), 0) == "version_20"
    assert [index.row() for index in page.table.selectedIndexes()][:1] == [page.table.currentIndex().row()]
    assert bar.value() == 25


@pytest.mark.parametrize("column", range(7))
def test_each_column_sorts_both_ways(page: ReleasesPage, column: int) -> None:
    page.show_releases([release(3, State.REJECTED, board="a"), release(11, board="C"), release(2, State.WITHDRAWN, board="b")])
    page.table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    upwards = [page.model.rank_of(page.model.item(row), column) for row in range(3)]
    page.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    downwards = [page.model.rank_of(page.model.item(row), column) for row in range(3)]
    assert upwards == sorted(upwards)
    assert downwards == sorted(upwards, reverse=True)


def test_a_long_list_is_filtered_as_soon_as_its_words_are_known(page: ReleasesPage, qtbot: QtBot) -> None:
    many = [replace(release(number % 60), publish_id=f"many_{number}") for number in range(3000)]
    page.show_releases(many)
    page.filter.setText("many_2999")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert page.said() == "1 of 3000 releases"
    assert cell(page, page.table.currentIndex().row(), 0) == "many_2999"
    page.filter.clear()
    assert page.model.rowCount() == 3000
    assert cell(page, page.table.currentIndex().row(), 0) == "many_2999"
