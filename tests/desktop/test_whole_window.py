"""The whole window in each of its states: read, tabbed through, used by keyboard alone, and heard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import QEvent, Qt
from PyQt5.QtGui import QFont, QKeyEvent, QKeySequence
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from common.boards import Boards
from common.device import Device as Known
from common.device import Update, UpdateState
from common.device_url import DeviceUrl
from common.event import Event
from common.finding import Role
from common.notification import DeviceResult, DeviceState, Notification
from common.release import Release, ReleaseFile, State
from common.rollout import Accept, Outcome, Rollout, RolloutDevice, RolloutState, Wave, WaveState
from desktop.address_book import AddressBook, Device
from desktop.fleet_news import FleetNews, Heard
from desktop.following import Follower, Following
from desktop.window import main_window
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings
from tests.desktop.conftest import dark_palette
from tests.support import widgets
from tests.support.releases import SAMPLE, SAMPLE_FILES

WAIT = 120_000
MIXED = [SAMPLE_FILES[0], SAMPLE / "slot0.1700000100.bin", SAMPLE_FILES[2]]
RELEASE = Release(
    "sample/samr21-xpro/1700000200",
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    State.READY,
    (ReleaseFile(Role.MANIFEST, "manifest", 474, "ab" * 32, "m", url="coap://[fd00::1]/m"),),
)
ANSWERS = Notification("1", RELEASE.publish_id, (
    DeviceResult("[fd00::2]/suit/trigger", DeviceState.ACCEPTED, "2.01", "It fetches the manifest."),
    DeviceResult("[fd00::3]/suit/trigger", DeviceState.REFUSED, "4.04", "It has no such resource: look at the path."),
    DeviceResult("[fd00::4]/suit/trigger", DeviceState.UNREACHABLE, None, "No answer came within 93 seconds."),
))  # fmt: skip

FOLLOWING = Follower(Following(RELEASE.publish_id), [DeviceUrl.parse(r.device) for r in ANSWERS.results]).answered(ANSWERS)


FLEET = FleetNews(
    Heard((
        Known("10.0.0.7", "10.0.0.7/fw", "", "", "samr21-xpro", RELEASE.published, None, Update(
            RELEASE.publish_id, UpdateState.FAILED, "Likely the radio: it stopped in mid-image.", RELEASE.published, True,
        )),
        Known("fd00::9", None, "", "kitchen", None, None, None, None),
    ), "e"),
    Heard((), "e"),
    Heard((
        Rollout(
            "1", RELEASE.publish_id, RolloutState.RUNNING, "", Accept.DOWNLOADED, 1.0, 1, RELEASE.published, "me",
            (Wave(WaveState.OPEN),), (RolloutDevice("10.0.0.7/fw", 1, Outcome.FAILED, True, "It stopped in mid-image."),),
        ),
    ), "e"),
    "10.0.0.7",
    (Event(1, RELEASE.published, "update", "server", "It stopped in mid-image: likely the radio or the power."),),
)  # fmt: skip


def with_files(window: MainWindow, qtbot: QtBot, paths: list[Path]) -> None:
    with qtbot.waitSignal(window._flow.looked, timeout=WAIT):
        window._flow.pick(paths)


def with_server(window: MainWindow, _qtbot: QtBot) -> None:
    window._bar.show_servers(("http://localhost:8080",))
    window._link.answered.emit([])


def with_error(window: MainWindow, qtbot: QtBot) -> None:
    with_server(window, qtbot)
    with_files(window, qtbot, MIXED)
    qtbot.waitUntil(lambda: not window._page.panel._anyway.isHidden(), timeout=WAIT)
    window._page.panel._anyway.click()
    window._page.panel.set_devices("http://[fd00::2")
    window._page.findings._unfold(True)


def while_sent(window: MainWindow, qtbot: QtBot) -> None:
    with_server(window, qtbot)
    with_files(window, qtbot, SAMPLE_FILES)
    window._page.panel.show_busy(True)
    window._page.panel.show_sent(1, 3)


def published(window: MainWindow, qtbot: QtBot) -> None:
    with_server(window, qtbot)
    with_files(window, qtbot, SAMPLE_FILES)
    window._page.panel.set_devices("\n".join(result.device for result in ANSWERS.results))
    window._link.answered.emit([RELEASE])
    window._page.panel.show_published(RELEASE, True)
    window._page.panel.show_notified(FOLLOWING)
    window._page.panel.show_busy(False)
    window._page.panel.show_published(RELEASE, True)
    window._page.panel.show_notified(FOLLOWING)
    window._page.panel._outcome.show_busy(False)
    window._devices.show_book(AddressBook((Device("Door", "10.0.0.7/fw"), Device("Gate", "10.0.0.8/fw"))))
    window._devices.table.selectRow(0)
    window._devices.remove_selected()
    window._devices.table.selectRow(0)
    window._releases.details.ask_removal()


def with_fleet(window: MainWindow, qtbot: QtBot) -> None:
    """Devices that move, one in trouble, and a rollout that is asked about."""
    with_server(window, qtbot)
    window._devices.show_book(AddressBook((Device("Door", "10.0.0.7/fw"), Device("Gate", "10.0.0.8/fw"))))
    fleet = window._fleet
    fleet.link._take(FLEET)
    fleet.view.table.selectRow(0)
    fleet.view.show_events("10.0.0.7", FLEET.events)
    fleet.rollouts.details.ask_stop()
    fleet.rollouts.show_refused("The rollout is over: nothing was changed.")


def with_form(window: MainWindow, qtbot: QtBot) -> None:
    """A new rollout that was refused; the address book beside it."""
    with_fleet(window, qtbot)
    window._fleet.view.edit.click()
    window._fleet.rollouts.open_form()
    window._fleet.rollouts.form.show_releases([RELEASE.publish_id])
    window._fleet.rollouts.form.put_devices(["10.0.0.7/fw"])
    window._fleet.rollouts.form.accept.setCurrentIndex(1)
    window._fleet.rollouts.form.show_trouble("The state folder is full: the rollout was not begun. Make room.")


STATES: dict[str, Callable[[MainWindow, QtBot], None]] = {
    "nothing": lambda _window, _qtbot: None,
    "files": lambda window, qtbot: with_files(window, qtbot, SAMPLE_FILES),
    "server": with_server,
    "error": with_error,
    "sending": while_sent,
    "published": published,
    "fleet": with_fleet,
    "form": with_form,
}


@pytest.fixture(params=STATES)
def window(request: pytest.FixtureRequest, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """In each of the states, over no server that could change it meanwhile."""
    monkeypatch.setattr(main_window, "own_folder", lambda: tmp_path)
    jobs = Jobs()
    link = ServerLink(jobs)
    window = MainWindow(jobs, ReleaseFlow(jobs, Boards.load(None), lambda: None), link, LocalServer(), Settings())
    qtbot.addWidget(window)
    window.show()
    qtbot.waitActive(window, timeout=WAIT)
    STATES[request.param](window, qtbot)
    yield window
    window.close()


@pytest.fixture
def scale(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[None]:
    before = qapp.font()
    qapp.setFont(QFont("DejaVu Sans", int(10 * request.param)))
    yield
    qapp.setFont(before)


@pytest.fixture
def scheme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[None]:
    before = qapp.palette()
    if request.param == "dark":
        qapp.setPalette(dark_palette())
    yield
    qapp.setPalette(before)


def pages(window: MainWindow, qtbot: QtBot) -> Iterator[str]:
    """Turns to each page, and gives its name once it is laid out."""
    for number in range(window._tabs.count()):
        window._tabs.setCurrentIndex(number)
        page = window._tabs.currentWidget()
        assert page is not None
        qtbot.waitUntil(page.isVisible, timeout=WAIT)
        widgets.settle(window)
        yield window._tabs.tabText(number)


def everywhere(window: MainWindow, qtbot: QtBot, look: Callable[[QMainWindow], list[str]]) -> list[str]:
    return [f"{page}: {found}" for page in pages(window, qtbot) for found in look(window)]


def nothing(found: list[str]) -> None:
    """Names everything that was found, where there is something."""
    assert not found, "\n".join(found)


def test_what_takes_the_keyboard_has_a_name(window: MainWindow, qtbot: QtBot) -> None:
    nothing(everywhere(window, qtbot, widgets.unnamed))


@pytest.mark.parametrize("scale", [1.0, 1.5], indirect=True)
@pytest.mark.usefixtures("scale")
def test_no_text_is_cut_off(window: MainWindow, qtbot: QtBot) -> None:
    nothing(everywhere(window, qtbot, widgets.clipped))


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
@pytest.mark.usefixtures("scheme")
def test_texts_can_be_read(window: MainWindow, qtbot: QtBot) -> None:
    nothing(everywhere(window, qtbot, widgets.faint))


def test_tab_leads_everywhere_in_the_order_of_reading(window: MainWindow, qtbot: QtBot) -> None:
    found = []
    for page in pages(window, qtbot):
        walk = widgets.tabbed(window._bar._combo)
        found += [f"{page}: {told} is not reached" for told in widgets.left_out(window, walk)]
        found += [f"{page}: {step}" for step in widgets.backward(walk)]
    nothing(found)


def test_each_key_means_one_thing(window: MainWindow, qtbot: QtBot) -> None:
    nothing(everywhere(window, qtbot, widgets.clashes))
    nothing(everywhere(window, qtbot, widgets.without_key))


def test_space_presses_each_button(window: MainWindow, qtbot: QtBot) -> None:
    """As far as it goes down: what it does is not wanted here."""
    for page in pages(window, qtbot):
        for button in widgets.seen(window):
            if not isinstance(button, QAbstractButton) or not button.isEnabled():
                continue
            if isinstance(button, QPushButton) and button.menu() is not None:
                continue
            button.setFocus(Qt.FocusReason.TabFocusReason)
            assert button.hasFocus(), f"{page}: {widgets.told(button)}"
            QApplication.sendEvent(button, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier))
            assert button.isDown(), f"{page}: {widgets.told(button)}"
            button.setDown(False)


@pytest.mark.parametrize("number", range(3))
def test_menus_open_by_keyboard(window: MainWindow, qtbot: QtBot, number: int) -> None:
    bar = window.menuBar()
    assert bar is not None
    action = bar.actions()[number]
    menu = action.menu()
    assert menu is not None
    QTest.keyClick(window, QKeySequence.mnemonic(action.text()).toString()[-1], Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(menu.isVisible, timeout=WAIT)
    for line in menu.actions():
        if menu.activeAction() is not line:
            QTest.keyClick(menu, Qt.Key.Key_Down)
        assert menu.activeAction() is line
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    qtbot.waitUntil(menu.isHidden, timeout=WAIT)


def test_pages_turn_by_keyboard(window: MainWindow) -> None:
    for number in (1, 2, 3, 0):
        QTest.keyClick(window, "1234"[number], Qt.KeyboardModifier.ControlModifier)
        assert window._tabs.currentIndex() == number
    for number in (3, 2, 1, 0):
        key = QKeySequence.mnemonic(window._tabs.tabText(number)).toString()[-1]
        QTest.keyClick(window, key, Qt.KeyboardModifier.AltModifier)
        assert window._tabs.currentIndex() == number


def test_the_walk_finds_what_is_wrong(qtbot: QtBot) -> None:
    window, middle = QMainWindow(), QWidget()
    window.setCentralWidget(middle)
    column = QVBoxLayout(middle)
    one, other, field, text = QPushButton("&One"), QPushButton("&Other"), QLineEdit(), QLabel("word " * 80)
    text.setWordWrap(True)
    for widget in (one, other, field, text):
        column.addWidget(widget)
    QWidget.setTabOrder(other, one)
    QWidget.setTabOrder(one, field)
    one.setMaximumWidth(12)
    text.setMaximumHeight(9)
    other.setStyleSheet("color: #999; background: #bbb")
    qtbot.addWidget(window)
    window.show()
    qtbot.waitActive(window, timeout=WAIT)
    assert widgets.unnamed(window) == ["QLineEdit “” in QWidget “”"]
    assert {found.partition(":")[0][:12] for found in widgets.clipped(window)} >= {"QPushButton ", "QLabel “word"}
    assert any("Other" in found for found in widgets.faint(window))
    assert widgets.clashes(window) == ["Alt+O: &One, &Other"]
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT)
    walk = widgets.tabbed(other)
    assert walk == [other, one, field]
    assert widgets.backward(walk) == ["QPushButton “Other” → QPushButton “One”"]
    assert widgets.left_out(window, [one, field]) == ["QPushButton “Other”"]
