"""The devices and rollouts as the window shows them: over a real server with simulated devices, and over lists of every kind."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from PyQt5.QtCore import QSize, Qt
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.device import Device as Known
from common.device import Update, UpdateState
from common.event import Event
from common.finding import Role
from common.rollout import WEAKER, Accept, Outcome, Rollout, RolloutDevice, RolloutPlan, RolloutState, Wave, WaveState
from common.transfer import Transfer, TransferState
from desktop.address_book import AddressBook, Device
from desktop.fleet import Kind, Mood, joined
from desktop.server import Server as ChosenServer
from desktop.window.address_book.page import DevicesPage
from desktop.window.fleet.devices_tab import DevicesTab
from desktop.window.fleet.link import FleetLink
from desktop.window.fleet.model import FleetModel
from desktop.window.fleet.view import FleetView
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.rollouts.page import RolloutsPage
from desktop.window.widgets.progress_cell import PER_MILLE
from tests.desktop.conftest import dark_palette
from tests.support import rehearsal
from tests.support.server import ROOT, Server, running
from tests.support.window import connected

WAIT = 120_000
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
LEFT = Qt.MouseButton.LeftButton


def known(address: str, state: UpdateState | None = None, minutes: int = 0, over: bool = False, name: str = "") -> Known:
    since = NOW + dt.timedelta(minutes=minutes)
    update = Update("version_2", state, f"Why {address}.", since, over) if state else None
    url = f"[{address}]/suit/trigger" if ":" in address else None
    return Known(address, url, name, "lab", "samr21-xpro", since, None, update)


def fetching(address: str, state: TransferState = TransferState.RUNNING) -> Transfer:
    return Transfer(
        address, "version_2", Role.SLOT0, "v/slot0", "ab" * 32, 50, 100, 3200, 6400, 1000.0, 3.2, 0, 0, state, NOW, NOW,
    )  # fmt: skip


def test_devices_of_book_and_server_meet_by_address_and_zone() -> None:
    book = [Device("A", "[FD00:0::2]:5684/fw"), Device("B", "[fe80::1%wpan0]/fw"), Device("C", "[fe80::1%wpan1]/fw")]
    book.append(Device("", "?"))
    rows = joined(book, [known("fd00::2"), known("fe80::1%wpan0"), known("10.0.0.7", name="Gate")], [fetching("fd00::2")])
    assert [(row.name, row.address) for row in rows] == [
        ("A", "fd00::2"), ("B", "fe80::1%wpan0"), ("C", ""), ("", ""), ("Gate", "10.0.0.7"),
    ]  # fmt: skip
    assert rows[0].transfer is not None
    assert rows[0].mood is Mood.FETCHING
    assert rows[2].mood is Mood.UNKNOWN
    assert rows[4].as_entry() == Device("Gate", "10.0.0.7/suit/trigger", "lab")


MIXED = [
    known("fd00::1", UpdateState.CONFIRMED, 9, True),
    known("fd00::2", UpdateState.FAILED, 1, True),
    known("fd00::3", UpdateState.SILENT, 5, True),
    known("fd00::4", UpdateState.FETCHING_SLOT0, 2),
    known("fd00::5", UpdateState.NOTIFIED, 3),
    known("fd00::6"),
    known("fd00::7", UpdateState.FETCHING_SLOT1, 4),
    known("fd00::8", UpdateState.DOWNLOADED, 3, True),
]
MOVING = [fetching("fd00::4"), fetching("fd00::7", TransferState.STALLED)]


def addresses(view: FleetView) -> list[str]:
    return [view.model.item(row).address for row in range(view.model.rowCount())]


def test_the_newest_trouble_comes_first_then_what_moves(fleet_view: FleetView) -> None:
    fleet_view.show_rows(joined([], MIXED, MOVING))
    assert [int(address[-1]) for address in addresses(fleet_view)] == [3, 2, 7, 4, 5, 1, 8, 6]
    states = [fleet_view.model.data(fleet_view.model.index(row, FleetModel.STATE)) for row in range(8)]
    assert states[0] == "Silent"
    assert states[2] == "Stalled"
    assert states[-2:] == ["Downloaded, unproven", "No update yet"]
    assert fleet_view.said() == "8 devices · 3 with trouble · 2 updating · 1 confirmed"
    details = fleet_view.model.index(3, FleetModel.DETAILS)
    assert details.data(PER_MILLE) == 500
    assert "50" in details.data()
    assert fleet_view.model.index(0, FleetModel.DETAILS).data() == "Why fd00::3."


def test_a_device_that_moves_keeps_selection_and_timeline(fleet_view: FleetView, qtbot: QtBot) -> None:
    fleet_view.show_rows(joined([], MIXED, MOVING))
    with qtbot.waitSignal(fleet_view.chosen) as chosen:
        fleet_view.table.selectRow(3)
    assert chosen.args == ["fd00::4"]
    events = [Event(2, NOW, "device", "server", "It fetches slot0."), Event(1, NOW, "notify", "me", "Told.")]
    fleet_view.show_events("fd00::4", events)
    model = fleet_view.timeline.model
    assert [model.item(n).what for n in range(2)] == ["It fetches slot0.", "Told."]
    assert "version_2: Fetching slot0. Why fd00::4." in fleet_view.timeline.text()
    failed = known("fd00::4", UpdateState.FAILED, 60, True)
    fleet_view.show_rows(joined([], [*MIXED[:3], failed, *MIXED[4:]], []))
    assert addresses(fleet_view)[0] == "fd00::4"
    assert [row.address for row in fleet_view.selected()] == ["fd00::4"]
    assert "version_2: Failed." in fleet_view.timeline.text()
    assert model.rowCount() == 2
    fleet_view.filter.setText("silent fd00::3")
    assert addresses(fleet_view) == ["fd00::3"]
    fleet_view.filter.setText("nothing has this")
    assert "No device matches" in fleet_view.empty.text()


def test_devices_that_only_the_server_knows_are_kept_on_request(fleet_view: FleetView, qtbot: QtBot) -> None:
    fleet_view.show_rows(joined([Device("Mine", "[fd00::1]/fw")], MIXED[:2], []))
    fleet_view.table.selectAll()
    with qtbot.waitSignal(fleet_view.keep_asked) as asked:
        qtbot.mouseClick(fleet_view.keep, LEFT)
    assert asked.args[0] == [Device("", "[fd00::2]/suit/trigger", "lab")]
    with qtbot.waitSignal(fleet_view.rollout_asked) as rolled:
        qtbot.mouseClick(fleet_view.rollout, LEFT)
    assert rolled.args[0] == ["[fd00::2]/suit/trigger", "[fd00::1]/fw"]


def test_a_thousand_devices_are_one_reset_and_no_more(fleet_view: FleetView) -> None:
    many = [known(f"fd00::{n:x}", UpdateState.FETCHING_SLOT0) for n in range(1, 1001)]
    fleet_view.show_rows(joined([], many, []))
    fleet_view.table.selectRow(500)
    chosen = fleet_view.selected()
    resets: list[None] = []
    fleet_view.model.modelReset.connect(lambda: resets.append(None))
    fleet_view.show_rows(joined([], many, [fetching(device.device) for device in many]))
    assert not resets
    assert [row.key for row in fleet_view.selected()] == [row.key for row in chosen]
    assert all(row.mood.kind is Kind.MOVING for row in fleet_view.model.items)


def rollout(accept: Accept = Accept.CONFIRMED, state: RolloutState = RolloutState.RUNNING, number: str = "1") -> Rollout:
    rows = (
        RolloutDevice("[fd00::1]/fw", 1, Outcome.CONFIRMED, True),
        RolloutDevice("[fd00::2]/fw", 2, Outcome.FAILED, True, "All blocks and the old slot: digest or header."),
        RolloutDevice("[fd00::3]/fw", 2, Outcome.PENDING),
    )
    waves = (Wave(WaveState.PASSED), Wave(WaveState.OPEN))
    return Rollout(number, "version_2", state, "It goes on.", accept, 1.0, 2, NOW, "me", waves, rows)


@pytest.fixture
def page(qtbot: QtBot) -> RolloutsPage:
    page = RolloutsPage()
    qtbot.addWidget(page)
    page.resize(1000, 600)
    page.show()
    return page


def test_a_rollout_tells_its_waves_and_that_it_is_weaker(page: RolloutsPage) -> None:
    page.show_rollouts([rollout()])
    assert page.details.caution.isHidden()
    waves = page.details.waves
    assert [waves.text_of(waves.item(0), column) for column in range(4)] == ["1", "passed", "1 of 1", "1 confirmed"]
    assert waves.text_of(waves.item(1), 3) == "1 pending, 1 failed"
    devices = page.details.devices
    assert devices.text_of(devices.item(2), 2) == "not told"
    page.show_rollouts([rollout(Accept.DOWNLOADED)])
    assert page.details.caution.text() == WEAKER
    assert "weaker" in page.model.text_of(page.model.item(0), page.model.SUMMARY)


def test_stopping_asks_in_place_and_names_what_goes_on(page: RolloutsPage, qtbot: QtBot) -> None:
    page.show_rollouts([rollout()])
    qtbot.mouseClick(page.details.stop, LEFT)
    assert "What was told (2 devices) goes on" in page.details.question.text()
    assert "What was not (1 device) stays as it is" in page.details.question.text()
    page.show_rollouts([replace(rollout(), reason="Still.")])
    assert page.details.question.isVisible()
    with qtbot.waitSignal(page.details.stop_asked) as asked:
        qtbot.mouseClick(page.details.question.yes, LEFT)
    assert asked.args == ["1"]
    page.details.ask_stop()
    page.show_rollouts([rollout(state=RolloutState.STOPPED)])
    assert page.details.question.isHidden()
    assert not page.details.stop.isEnabled()


def test_a_plan_is_judged_as_it_is_typed(page: RolloutsPage, qtbot: QtBot) -> None:
    page.show_rollouts([])
    page.form.show_releases(["version_2"])
    page.open_form()
    assert not page.form.begin.isEnabled()
    page.form.put_devices([f"[fd00::{n:x}]/fw" for n in range(1, 11)])
    assert page.form.said.text() == "10 devices, in waves of 1, 4, 5."
    page.form.waves.setText("rest, 1")
    assert "last wave" in page.form.said.text()
    assert not page.form.begin.isEnabled()
    page.form.waves.setText("2, rest")
    assert page.form.caution.isHidden()
    page.form.accept.setCurrentIndex(1)
    assert page.form.caution.isVisible()
    assert page.form.caution.text() == WEAKER
    with qtbot.waitSignal(page.form.begin_asked) as asked:
        qtbot.mouseClick(page.form.begin, LEFT)
    plan = asked.args[0]
    assert isinstance(plan, RolloutPlan)
    assert (plan.publish_id, plan.waves, plan.accept, len(plan.devices)) == ("version_2", "2, rest", Accept.DOWNLOADED, 10)
    page.form.show_trouble("The server is full.")
    assert page.form.trouble.text() == "The server is full."
    assert page.form.begin.isEnabled()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        rehearsal.release(server, 40_000)
        yield server


@pytest.fixture
def window(served: Server, window: MainWindow, qtbot: QtBot) -> MainWindow:
    """It is large, and at a server with a release."""
    window.resize(1180, 800)
    connected(window, served.url, qtbot)
    return window


def picture(window: MainWindow, name: str) -> None:
    """Kept with the others of a test run."""
    folder = ROOT / "tests" / "output"
    folder.mkdir(parents=True, exist_ok=True)
    before = QApplication.palette()
    for scheme, palette in (("light", before), ("dark", dark_palette())):
        QApplication.setPalette(palette)
        for size in (QSize(1180, 800), QSize(800, 600)):
            window.resize(size)
            QApplication.processEvents()
            QApplication.processEvents()
            assert window.grab().save(str(folder / f"{name}-{scheme}-{size.width()}.png"))
    QApplication.setPalette(before)
    window.resize(1180, 800)


def test_simulated_devices_move_in_the_window_and_a_rollout_is_steered(qtbot: QtBot, window: MainWindow, served: Server) -> None:
    fleet = window._fleet
    qtbot.waitUntil(lambda: fleet.devices.live, timeout=WAIT)
    qtbot.waitUntil(lambda: bool(fleet._ready), timeout=WAIT)
    window._devices.show_book(AddressBook((Device("Cellar", "127.1.9.1/suit/trigger", "lab"),)))
    with rehearsal.rehearsing("127.1.9.1", 4, "--delay", "0.02") as urls:
        window._tabs.setCurrentIndex(3)
        qtbot.mouseClick(fleet.rollouts.new, LEFT)
        form = fleet.rollouts.form
        newest = rehearsal.RELEASE
        form.release.setCurrentText(newest)
        form.put_devices(urls)
        form.waves.setText("2, rest")
        form.accept.setCurrentIndex(1)
        picture(window, "rollout-form")
        qtbot.mouseClick(form.begin, LEFT)
        qtbot.waitUntil(lambda: fleet.rollouts.model.total == 1 or form.trouble.isVisible(), timeout=WAIT)
        assert form.trouble.isHidden(), form.trouble.text()
        details = fleet.rollouts.details
        qtbot.waitUntil(details.pause.isVisible, timeout=WAIT)
        qtbot.waitUntil(lambda: "2 devices touched" in details.text(), timeout=WAIT)
        qtbot.mouseClick(details.pause, LEFT)
        qtbot.waitUntil(details.resume.isEnabled, timeout=WAIT)
        assert WEAKER in details.text()
        picture(window, "rollout")
        window._tabs.setCurrentIndex(2)
        view = fleet.view

        def moving() -> bool:
            return any(row.transfer is not None for row in view.model.items)

        qtbot.waitUntil(moving, timeout=WAIT)
        view.table.selectRow(0)
        qtbot.waitUntil(lambda: view.timeline.model.rowCount() > 0, timeout=WAIT)
        picture(window, "devices")
        [cellar] = [row for row in view.model.items if row.name == "Cellar"]
        assert cellar.address == "127.1.9.1"
        window._tabs.setCurrentIndex(3)
        qtbot.mouseClick(details.stop, LEFT)
        qtbot.mouseClick(details.question.yes, LEFT)
        qtbot.waitUntil(lambda: "Stopped" in details.text(), timeout=WAIT)
    [told] = requests.get(f"{served.url}/api/v1/rollouts", timeout=30).json()["rollouts"]
    assert (told["state"], told["publish_id"], told["untouched"]) == ("stopped", newest, 2)
    assert json.dumps(told["devices"]).count("127.1.9.") == 4


class _Old(BaseHTTPRequestHandler):
    """A server that knows releases and nothing of devices."""

    def do_GET(self) -> None:
        known = self.path == "/api/v1/releases"
        body = b'{"releases": [], "problems": []}' if known else b'{"error": "not-found", "message": "There is no such page."}'
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_without_a_fleet_the_page_is_the_address_book(qtbot: QtBot) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Old) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        jobs = Jobs()
        link = FleetLink(jobs, lambda: ChosenServer(f"http://127.0.0.1:{server.server_port}"))
        with qtbot.waitSignal(link.heard, timeout=WAIT) as heard:
            link.refresh()
        jobs.stop()
        server.shutdown()
        serving.join()
    assert heard.args[0].devices.items is None
    book, view = DevicesPage(), FleetView()
    tab = DevicesTab(book, view)
    qtbot.addWidget(tab)
    tab.show()
    assert book.isVisible()
    assert not tab.back.isVisible()
    tab.show_known(True)
    assert view.isVisible()
    qtbot.mouseClick(view.edit, LEFT)
    assert book.isVisible()
    qtbot.mouseClick(tab.back, LEFT)
    assert view.isVisible()
    tab.show_known(False)
    assert book.isVisible()


def test_a_kept_device_is_in_the_book_and_a_lost_server_is_told(qtbot: QtBot, window: MainWindow, served: Server) -> None:
    fleet = window._fleet
    with rehearsal.rehearsing("127.1.9.1", 2) as urls:
        rehearsal.notify(served, urls)
        window._tabs.setCurrentIndex(2)
        qtbot.waitUntil(lambda: fleet.view.model.total == 2, timeout=WAIT)
        fleet.view.table.selectAll()
        qtbot.mouseClick(fleet.view.keep, LEFT)
        assert {device.url for device in window._devices.model.items} == set(urls)
        assert not fleet.view.keep.isEnabled()
        assert {row.url for row in fleet.view.selected()} == set(urls)
    served.stop()
    qtbot.waitUntil(lambda: "What is shown is of before" in fleet.view.said(), timeout=WAIT)
    assert fleet.view.model.total == 2
    window._link.answered.emit(())
    assert fleet.view.said().startswith("2 devices")


def test_what_the_server_refuses_is_told_in_the_form(qtbot: QtBot, window: MainWindow) -> None:
    fleet = window._fleet
    qtbot.waitUntil(lambda: fleet.link.news.rollouts.items is not None, timeout=WAIT)
    window._tabs.setCurrentIndex(3)
    fleet.rollouts.open_form()
    fleet.rollouts.form.show_releases(["none_such"])
    fleet.rollouts.form.put_devices(["[fd00::2]/suit/trigger"])
    qtbot.mouseClick(fleet.rollouts.form.begin, LEFT)
    qtbot.waitUntil(fleet.rollouts.form.trouble.isVisible, timeout=WAIT)
    assert "none_such" in fleet.rollouts.form.trouble.text()
