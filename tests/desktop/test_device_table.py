"""The table of the devices in little room: what it says wraps, and nothing is out of sight beside it."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from common.transfer import TransferState
from desktop.following import DeviceRow, Stage
from desktop.window.publish.device_rows import DeviceRows
from desktop.window.publish.device_table import DeviceTable
from tests.support.transfers import transfer

DEVICE = "[fd00:dead:beef:1:2:3:4:5]:15683/suit/trigger"
ROWS = (
    DeviceRow(DEVICE, Stage.FETCHING, "", transfer("fd00::2")),
    DeviceRow("[fd00::3]/suit/trigger", Stage.REFUSED, "It has no such resource (4.04): look at the path of its device URL."),
    DeviceRow("[fd00::4]/suit/trigger", Stage.ABANDONED, "", transfer("fd00::4", state=TransferState.ABANDONED)),
    DeviceRow("[fd00::5]/suit/trigger", Stage.DOWNLOADED, "", transfer("fd00::5", state=TransferState.DONE)),
)


@pytest.fixture
def table(qtbot: QtBot) -> DeviceTable:
    table = DeviceTable("Devices")
    qtbot.addWidget(table)
    table.show_rows(ROWS)
    return table


@pytest.mark.parametrize("width", [360, 520, 900])
def test_it_never_scrolls_sideways(table: DeviceTable, qtbot: QtBot, width: int) -> None:
    table.resize(width, 400)
    table.show()
    qtbot.waitUntil(table.isVisible)
    bar = table.horizontalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() == 0)


def test_how_far_it_is_and_why_stand_in_one_cell(table: DeviceTable) -> None:
    model = table.model()
    assert model is not None
    said = [str(model.index(row, DeviceRows.DETAILS).data()).replace("\N{NO-BREAK SPACE}", " ") for row in range(len(ROWS))]
    assert said[0].replace("\N{WORD JOINER}", "") == "slot1 · 41 % · 1.2 kB/s · 3 min left"
    assert said[1] == ROWS[1].why
    assert said[2].splitlines() == ["slot1 · 41 %", "It stopped asking, and blocks are missing."]
    assert said[3] == "slot1 · 100 %"
