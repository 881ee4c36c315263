"""The way of a release without a window, over a server that the test steers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from common.boards import Boards
from common.device_url import DeviceUrl
from common.finding import Role
from common.transfer import TransferState
from desktop.following import PATIENCE, Following, Stage
from desktop.server import Server
from desktop.window.jobs import Jobs
from desktop.window.publish.release_flow import ReleaseFlow
from tests.fakes.http_server import FakeOtaServer, Fault
from tests.support.clock import Clock
from tests.support.releases import SAMPLE_FILES
from tests.support.transfers import transfer

WAIT = 120_000
ONE, TWO = (DeviceUrl.parse(f"[fd00::{n}]") for n in (2, 3))


class Way:
    """A flow, its server, and what it said."""

    def __init__(self, ota: FakeOtaServer) -> None:
        self.jobs, self.ota, self.clock = Jobs(), ota, Clock()
        self.flow = ReleaseFlow(self.jobs, Boards.load(None), lambda: Server(ota.url), clock=self.clock)
        self.flow._checking._late.setInterval(WAIT)  # a slow machine is no slow server
        self.news: list[Following] = []
        self.failures: list[str] = []
        self.notes: list[str] = []
        self.flow.notified.connect(self.news.append)
        self.flow.failed.connect(lambda error: self.failures.append(str(error)))
        self.flow.looked.connect(lambda look: self.notes.append(look.note))

    def stages(self) -> list[Stage]:
        return [row.stage for row in self.news[-1].rows] if self.news else []


@pytest.fixture
def way(qtbot: QtBot) -> Iterator[Way]:
    with FakeOtaServer() as ota:
        made = Way(ota)
        with qtbot.waitSignal(made.flow.looked, timeout=WAIT):
            made.flow.pick(SAMPLE_FILES)
        yield made
        made.jobs.stop()


def until(qtbot: QtBot, way: Way, *stages: Stage) -> None:
    qtbot.waitUntil(lambda: way.stages() == list(stages), timeout=WAIT)


def ended(qtbot: QtBot, way: Way) -> None:
    qtbot.waitUntil(lambda: not way.flow.busy, timeout=WAIT)


def test_devices_are_watched_until_each_has_an_image(way: Way, qtbot: QtBot) -> None:
    way.ota.transfers = ()
    way.flow.publish("v1", [ONE, TWO], False)
    until(qtbot, way, Stage.NOTIFIED, Stage.NOTIFIED)
    way.ota.transfers = (transfer("fd00::2"), transfer("fd00::3", state=TransferState.DONE))
    until(qtbot, way, Stage.FETCHING, Stage.DOWNLOADED)
    assert way.flow.busy
    way.ota.transfers = tuple(transfer(device, state=TransferState.DONE) for device in ("fd00::2", "fd00::3"))
    ended(qtbot, way)
    assert way.stages() == [Stage.DOWNLOADED] * 2
    assert (way.failures, way.news[-1].server) == ([], way.ota.url)


def test_one_that_asks_for_nothing_ends_it(way: Way, qtbot: QtBot) -> None:
    way.ota.transfers = ()
    way.flow.publish("v1", [ONE], False)
    until(qtbot, way, Stage.NOTIFIED)
    way.clock.now += PATIENCE
    ended(qtbot, way)
    assert way.stages() == [Stage.ASKED_NOTHING]


@pytest.mark.usefixtures("patient")
def test_a_person_stops_watching(way: Way, qtbot: QtBot) -> None:
    way.ota.transfers = ()
    way.flow.publish("v1", [ONE], False)
    until(qtbot, way, Stage.NOTIFIED)
    way.flow.cancel()
    ended(qtbot, way)
    assert (way.news[-1].stopped, way.failures) == (True, [])


def test_a_server_without_reports_ends_with_the_answers(way: Way, qtbot: QtBot) -> None:
    way.flow.publish("v1", [ONE], False)
    until(qtbot, way, Stage.NOTIFIED)
    ended(qtbot, way)


def test_a_server_that_vanishes_while_devices_are_told(way: Way, qtbot: QtBot) -> None:
    way.ota.slow.add(str(TWO))
    way.flow.publish("v1", [ONE, TWO], False)
    until(qtbot, way, Stage.NOTIFIED, Stage.WAITING)
    way.ota.fault = Fault.NO_ANSWER
    ended(qtbot, way)
    assert way.stages() == [Stage.NOTIFIED, Stage.NO_ANSWER]
    assert len(way.failures) == 1
    way.ota.fault = None
    way.ota.answer(str(TWO))
    way.flow.retry()
    until(qtbot, way, Stage.NOTIFIED, Stage.NOTIFIED)
    ended(qtbot, way)
    assert [devices for _, devices, _ in way.ota.notified] == [[str(ONE), str(TWO)], [str(TWO)]]


def test_a_server_that_vanishes_while_devices_are_watched(way: Way, qtbot: QtBot) -> None:
    way.ota.transfers = ()
    way.flow.publish("v1", [ONE], False)
    until(qtbot, way, Stage.NOTIFIED)
    way.ota.fault = Fault.NO_ANSWER
    ended(qtbot, way)
    assert "watched no longer" in way.failures[0]
    assert way.news[-1].failed == ()


def test_a_publish_that_failed_is_the_button_again(way: Way, qtbot: QtBot) -> None:
    way.ota.fault = Fault.RESET_IN_UPLOAD
    with qtbot.waitSignal(way.flow.failed, timeout=WAIT):
        way.flow.publish("v1", [ONE], False)
    assert set(way.flow.bundle.files) == set(Role)
    way.ota.fault = None
    way.flow.publish("v1", [ONE], False)
    until(qtbot, way, Stage.NOTIFIED)
    ended(qtbot, way)


def test_a_slow_server_is_not_waited_for(way: Way, qtbot: QtBot) -> None:
    assert way.notes == [""], "a fast one is told of once"
    way.ota.fault = Fault.SILENCE
    way.flow._checking._late.setInterval(1)
    with qtbot.waitSignal(way.flow.looked, timeout=WAIT):
        way.flow.check_again()
    assert way.notes[-1] == "Checked on this computer; asking the server…"
