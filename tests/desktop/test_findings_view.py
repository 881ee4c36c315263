"""Findings in the window: worst first, in sentences that can be copied, the notes folded away."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QPalette
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.checked import Checked
from common.finding import Finding, Role, Severity
from desktop.window.check.findings_view import FindingsView
from desktop.window.widgets.shades import AMBER, BLUE, GREEN, RED, QuietLabel, contrast, quiet, tone

ERROR = Finding(Severity.ERROR, "digest-mismatch", "slot1 is <b>another</b> image. Build it again.", Role.SLOT1)
WARNING = Finding(Severity.WARNING, "sequence-not-newer", "The server has a newer one.", Role.MANIFEST)
INFO = Finding(Severity.INFO, "header-missing", "slot0 has no header.")
ALL = Checked((ERROR, WARNING, INFO), None)


@pytest.fixture
def view(qtbot: QtBot) -> FindingsView:
    view = FindingsView()
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    return view


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((), "No problems found."),
        ((INFO,), "No problems found. The notes say what else is known."),
        ((WARNING,), "No errors, 1 warning."),
        ((ERROR,), "1 error: devices cannot take this."),
        ((ERROR, ERROR, WARNING, WARNING), "2 errors, 2 warnings: devices cannot take this."),
    ],
)
def test_the_verdict(view: FindingsView, findings: tuple[Finding, ...], verdict: str) -> None:
    view.show_checked(Checked(findings, None))
    assert view.verdict.text() == verdict
    assert view.accessibleDescription() == verdict


def test_before_a_check_it_says_that_there_was_none(view: FindingsView) -> None:
    view.show_checked(ALL)
    view.show_checked(None)
    assert view.verdict.text() == "Nothing is checked yet."
    assert view.note.isVisible()
    assert not view.copy_button.isVisible()
    assert not view.rows()
    view.show_checked(None, "Checking…")
    assert view.verdict.text() == "Checking…"
    assert not view.note.isVisible()


def test_the_worst_comes_first_and_notes_are_folded(view: FindingsView, qtbot: QtBot) -> None:
    view.show_checked(ALL, "The server was not asked.")
    assert view.note.text() == "The server was not asked."
    assert [row.finding for row in view.rows()] == [ERROR, WARNING]
    assert (view.fold.text(), view.fold.accessibleName()) == ("1 note", "1 note, folded")
    view.fold.setFocus()
    qtbot.keyClick(view.fold, Qt.Key.Key_Space)
    assert [row.finding for row in view.rows()] == [ERROR, WARNING, INFO]
    assert all(row.isVisible() for row in view.rows())
    assert view.fold.accessibleName() == "1 note, shown"
    view.show_checked(Checked((INFO, INFO), None))
    assert len(view.rows()) == 2
    assert view.fold.text() == "2 notes"
    view.fold.click()
    assert not view.rows()


def test_a_sentence_is_shown_as_it_is_and_can_be_selected(view: FindingsView) -> None:
    view.show_checked(ALL)
    sentence = view.rows()[0].sentence
    assert sentence.text() == ERROR.message
    assert sentence.textFormat() == Qt.TextFormat.PlainText
    flags = sentence.textInteractionFlags()
    assert flags & Qt.TextInteractionFlag.TextSelectableByMouse
    assert flags & Qt.TextInteractionFlag.TextSelectableByKeyboard
    assert sentence.accessibleName() == f"error (digest-mismatch): {ERROR.message}"


def test_the_same_again_keeps_a_selection(view: FindingsView) -> None:
    view.show_checked(ALL)
    sentence = view.rows()[0].sentence
    sentence.setSelection(0, 5)
    view.show_checked(Checked((ERROR, WARNING, INFO), None))
    assert view.rows()[0].sentence is sentence
    assert sentence.selectedText() == "slot1"


def test_all_is_copied_the_folded_ones_too(view: FindingsView) -> None:
    view.show_checked(ALL)
    view.copy_button.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().splitlines() == [
        "1 error, 1 warning: devices cannot take this.",
        f"error (digest-mismatch): {ERROR.message}",
        "warning (sequence-not-newer): The server has a newer one.",
        "info (header-missing): slot0 has no header.",
    ]


def test_nothing_is_clipped_and_much_is_scrolled(view: FindingsView, qtbot: QtBot) -> None:
    long = Finding(Severity.ERROR, "image-missing", "A sentence for a person that goes on and on. " * 8, Role.SLOT0)
    view.show_checked(Checked((long,) * 6, None))
    qtbot.waitExposed(view)
    bar = view.area.verticalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    for row in view.rows():
        assert row.sentence.height() >= row.sentence.heightForWidth(row.sentence.width())
        assert row.width() <= view.width()


def check_colours(palette: QPalette) -> None:
    grounds = [palette.color(role) for role in (QPalette.ColorRole.Window, QPalette.ColorRole.Base)]
    for hue in (RED, AMBER, BLUE, GREEN):
        assert all(contrast(tone(palette, hue), ground) >= 4.5 for ground in grounds)
    assert contrast(quiet(palette), grounds[0]) >= 4.5


def test_colours_are_readable_in_the_light(qapp: QApplication) -> None:
    check_colours(qapp.palette())


@pytest.mark.usefixtures("dark")
def test_colours_are_readable_in_the_dark(qapp: QApplication) -> None:
    check_colours(qapp.palette())


def test_a_quiet_label_follows_the_palette(qapp: QApplication, qtbot: QtBot, request: pytest.FixtureRequest) -> None:
    label = QuietLabel("aside")
    qtbot.addWidget(label)
    before = label.palette().color(QPalette.ColorRole.WindowText)
    request.getfixturevalue("dark")
    after = label.palette().color(QPalette.ColorRole.WindowText)
    assert before != after == quiet(qapp.palette())


def test_each_severity_has_a_shape_of_its_own(view: FindingsView) -> None:
    shots = []
    for findings in ((), (WARNING,), (ERROR,)):
        view.show_checked(Checked(findings, None))
        shots.append(view._mark.grab().toImage())
    assert all(one != other for n, one in enumerate(shots) for other in shots[:n])
