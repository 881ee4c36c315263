"""Devices are forgotten from the window: what is asked, what the server then knows, and why it did not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from common.device import Device as Known
from desktop.address_book import AddressBook, Device
from desktop.fleet import joined
from desktop.window.fleet.view import FleetView
from desktop.window.main_window import MainWindow
from server.fleet.devices import known as fleet
from server.fleet.devices.register import Register
from server.fleet.fleet import SCHEMA
from server.fleet.record.database import Database
from tests.support.releases import write_release
from tests.support.server import Server, running
from tests.support.window import connected

WAIT = 120_000
LEFT = Qt.MouseButton.LeftButton
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def known(number: int) -> Known:
    return Known(f"fd00::{number}", None, "", "", None, NOW, None, None)


def test_what_goes_and_what_stays_is_asked_before(fleet_view: FleetView, qtbot: QtBot) -> None:
    asking = fleet_view.asking
    book = [Device("Mine", "[fd00::1]/fw"), Device("New", "[fd00::99]/fw")]
    fleet_view.show_rows(joined(book, [known(n) for n in range(1, 8)], []))
    fleet_view.select(["[fd00::99]/fw"])
    assert not fleet_view.forget.isEnabled(), "the server does not know it"
    fleet_view.select(["fd00::2"])
    qtbot.mouseClick(fleet_view.forget, LEFT)
    assert asking.question.isVisible()
    assert asking.question.text().startswith("Forget fd00::2? Name, group, update and last download go from the server;")
    assert "address book" not in asking.question.text()
    qtbot.mouseClick(asking.question.no, LEFT)
    assert not asking.isVisible()
    fleet_view.table.selectAll()
    fleet_view.table.setFocus()
    qtbot.keyClick(fleet_view.table, Qt.Key.Key_Delete)
    assert asking.question.text().startswith("Forget fd00::2, fd00::3, fd00::4, fd00::5, fd00::6 and 2 more?")
    assert asking.question.text().endswith("The address book keeps what it has.")
    with qtbot.waitSignal(asking.agreed) as agreed:
        qtbot.mouseClick(asking.question.yes, LEFT)
    assert sorted(agreed.args[0]) == [f"fd00::{n}" for n in range(1, 8)]
    assert not asking.isVisible()


def test_a_question_about_what_is_not_there_any_more_is_taken_back(fleet_view: FleetView) -> None:
    fleet_view.show_rows(joined([], [known(1), known(2)], []))
    fleet_view.select(["fd00::1"])
    fleet_view.forget.click()
    fleet_view.show_rows(joined([], [known(1)], []))
    assert fleet_view.asking.isVisible()
    fleet_view.show_rows(joined([], [known(2)], []))
    assert not fleet_view.asking.isVisible()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    """It knows four devices from an earlier start."""
    database = Database(tmp_path / "state" / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    for number in range(1, 5):
        Register(database).keep(fleet.Known(f"fd00::{number}"))
    database.stop()
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        write_release(server.folder / "v1")
        server.wait_ready("v1")
        yield server


def test_they_go_from_the_server_and_from_the_table(qtbot: QtBot, window: MainWindow, served: Server) -> None:
    connected(window, served.url, qtbot)
    view = window._fleet.view
    window._devices.show_book(AddressBook((Device("Mine", "[fd00::1]/suit/trigger"),)))
    plan = {"publish_id": "v1", "urls": ["127.8.2.9", "[fd00::2]"], "waves": "1, rest"}
    number = requests.post(f"{served.url}/api/v1/rollouts", json=plan, timeout=30).json()["id"]
    window._tabs.setCurrentIndex(2)
    places = {f"fd00::{n}" for n in range(1, 5)}
    qtbot.waitUntil(lambda: places <= {row.address for row in view.model.items}, timeout=WAIT)
    view.select(["[fd00::1]/suit/trigger", "fd00::2", "fd00::3"])
    assert len(view.selected()) == 3
    qtbot.mouseClick(view.forget, LEFT)
    qtbot.mouseClick(view.asking.question.yes, LEFT)
    qtbot.waitUntil(lambda: {"fd00::1", "fd00::3"}.isdisjoint(row.address for row in view.model.items), timeout=WAIT)
    left = {row.title: row.address for row in view.model.items}
    assert (left["Mine"], left["fd00::2"], left["fd00::4"]) == ("", "fd00::2", "fd00::4")
    qtbot.waitUntil(view.asking.trouble.isVisible, timeout=WAIT)
    assert f"The rollout {number} of v1" in view.asking.trouble.text()
    assert "still waits for fd00::2: stop it first, or let it end." in view.asking.trouble.text()
    there = requests.get(f"{served.url}/api/v1/devices", timeout=30).json()["devices"]
    assert {"fd00::1", "fd00::3"}.isdisjoint(device["device"] for device in there)
