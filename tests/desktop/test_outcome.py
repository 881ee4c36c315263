"""What became of publishing: the rows, and the summary that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt5.QtWidgets import QApplication, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from common.transfer import TransferState
from desktop.following import DeviceRow, Following, Stage
from desktop.window.publish.outcome_view import Outcome
from tests.support.transfers import transfer

ROWS = (
    DeviceRow("[fd00::2]/suit/trigger", Stage.FETCHING, "", transfer("fd00::2")),
    DeviceRow("[fd00::3]/suit/trigger", Stage.REFUSED, "It has no such resource."),
)
NOW = Following("v1", "http://localhost:8080", ROWS)


@pytest.fixture
def outcome(qtbot: QtBot) -> Outcome:
    made = Outcome()
    qtbot.addWidget(made)
    made.resize(540, 400)
    made.show()
    made.show_following(NOW)
    made.show_busy(False)
    return made


def test_the_report_has_all_that_is_to_be_kept(outcome: Outcome) -> None:
    for part in ("http://localhost:8080", "v1", "As of 20", "fetching  slot1 · 41 % · 1.2 kB/s · 3 min left", "no such resource"):
        assert part in outcome.report


def test_a_finished_download_is_no_update(outcome: Outcome) -> None:
    done = DeviceRow(ROWS[0].device, Stage.DOWNLOADED, "", transfer("fd00::2", state=TransferState.DONE))
    outcome.show_following(replace(NOW, rows=(done, ROWS[1])))
    assert "downloaded, not confirmed" in outcome.summary
    assert "updated" not in outcome.summary


def test_rows_change_in_place(outcome: Outcome, qtbot: QtBot) -> None:
    table = outcome._results
    table.selectRow(1)
    model = table.model()
    assert model is not None
    with qtbot.assertNotEmitted(model.modelReset):
        outcome.show_following(replace(NOW, rows=(replace(ROWS[0], transfer=transfer("fd00::2", done=60_000)), ROWS[1])))
    assert table.currentIndex().row() == 1
    assert "60 %" in outcome.summary
    assert outcome._retry.isVisible()


def test_the_summary_is_saved_by_way_of_the_dialog(outcome: Outcome, qtbot: QtBot, tmp_path: Path, qapp: QApplication) -> None:
    outcome._save.click()
    dialog = next(w for w in qapp.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    dialog.findChildren(QLineEdit)[0].setText(str(tmp_path / "kept"))
    dialog.accept()
    kept = tmp_path / "kept.txt"
    qtbot.waitUntil(kept.exists)
    assert outcome.summary in kept.read_text()
    assert str(kept) in outcome._kept.text()


def test_a_place_that_cannot_be_written_is_one_line(outcome: Outcome, tmp_path: Path) -> None:
    outcome.save(str(tmp_path / "missing" / "a.txt"))
    assert "could not be saved" in outcome._kept.text()
    assert "could not" not in outcome.report


def test_a_thousand_rows(outcome: Outcome) -> None:
    rows = tuple(DeviceRow(f"[fd00::{n:x}]/suit/trigger") for n in range(1, 1001))
    outcome.show_following(replace(NOW, rows=rows))
    outcome.show_following(replace(NOW, rows=tuple(replace(row, stage=Stage.UNREACHABLE, why="No answer.") for row in rows)))
    assert outcome.summary.count("unreachable") == 1000
