"""How a device stands: answer and verdict put together, which device is meant, how it is painted, and how long is waited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest

from common.device import Device, Update, UpdateState
from common.errors import InvalidRequest, ServerUnreachable
from common.finding import Role
from common.notification import DeviceResult, DeviceState
from common.rollout import Accept, Outcome, RolloutDevice
from common.transfer import Transfer, TransferState
from desktop.arguments import Arguments
from desktop.finder import Finder
from desktop.screen import clip, clock, painted
from desktop.standing import End, Standing, distinct, of_result, of_rollout, tally
from desktop.watch import GRACE, Sight, verdict, watch

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
URL = "[fd00::2]/suit/trigger"
ACCEPTED = DeviceResult(URL, DeviceState.ACCEPTED, "2.01", "Accepted (2.01).")


def device(state: UpdateState | None = None, over: bool = False, reason: str = "", publish_id: str = "v2") -> Device:
    update = Update(publish_id, state, reason, NOW, over) if state is not None else None
    return Device("fd00::2", URL, "cellar", "", None, NOW, None, update)


def at(address: str, url: str | None = None, name: str = "") -> Device:
    return Device(address, url, name, "", None, None, None, None)


def transfer(address: str = "fd00::2", state: TransferState = TransferState.RUNNING, publish_id: str = "v2") -> Transfer:
    return Transfer(
        address, publish_id, Role.SLOT1, "v2/slot1", "00", 10, 40, 640, 2560, 1200.0, 125.0, 0, 0, state, NOW, NOW
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "state", "end"),
    (
        (device(), "accepted (2.01)", None),
        (None, "accepted (2.01)", None),
        (device(UpdateState.FETCHING_SLOT1), "fetching slot1", None),
        (device(UpdateState.DOWNLOADED, reason="The old slot is still active; the device is asked again."), "downloaded", None),
        (device(UpdateState.DOWNLOADED, True, "Downloaded, not confirmed. Why."), "downloaded, not confirmed", End.DOWNLOADED),
        (device(UpdateState.CONFIRMED, True), "confirmed", End.CONFIRMED),
        (device(UpdateState.FAILED, True), "failed", End.FAILED),
        (device(UpdateState.SILENT, True), "silent", End.SILENT),
        (device(UpdateState.CONFIRMED, True, publish_id="v3"), "failed", End.FAILED),
    ),
)
def test_of_a_device_that_accepted(now: Device | None, state: str, end: End | None) -> None:
    row = of_result(ACCEPTED, now, transfer(), "v2", True)
    assert (row.state, row.end) == (state, end)
    assert row.name == ("cellar" if now else URL)
    assert end is None or row.transfer is None
    assert row.reason != "Downloaded, not confirmed. Why."


def test_an_earlier_verdict_says_nothing_of_a_device_that_is_not_told_yet() -> None:
    waiting = replace(ACCEPTED, state=DeviceState.WAITING)
    assert of_result(waiting, device(UpdateState.CONFIRMED, True), None, "v2", True).end is None
    refused = replace(ACCEPTED, state=DeviceState.REFUSED, code="4.04", message="Refused (4.04): no such path.")
    row = of_result(refused, device(UpdateState.CONFIRMED, True), None, "v2", True)
    assert (row.text, row.end) == ("refused (4.04): no such path.", End.FAILED)


def test_a_device_whose_answer_was_lost() -> None:
    lost = replace(ACCEPTED, state=DeviceState.UNREACHABLE, code=None, message="Nothing came back.")
    assert of_result(lost, None, None, "v2", True).end is End.SILENT
    assert of_result(lost, device(UpdateState.SILENT, True), None, "v2", True).text == "unreachable: Nothing came back."
    assert of_result(lost, device(UpdateState.FETCHING_SLOT0), None, "v2", True).end is None


def test_a_server_that_reports_nothing() -> None:
    assert of_result(ACCEPTED, None, None, "v2", False).end is End.UNREPORTED


def test_of_a_rollout() -> None:
    pending = RolloutDevice(URL, 2)
    assert of_rollout(pending, device(UpdateState.CONFIRMED, True), None, "v2").state == "waiting for wave 2"
    told = replace(pending, told=True)
    assert of_rollout(told, device(UpdateState.FETCHING_SLOT1), transfer(), "v2").transfer == transfer()
    assert of_rollout(told, device(UpdateState.CONFIRMED, True, publish_id="v1"), None, "v2").state == "told"
    assert of_rollout(replace(told, outcome=Outcome.SILENT, reason="Why."), None, None, "v2").text == "silent: Why."


def test_what_counts() -> None:
    downloaded, early = Standing(URL, "a", "x", end=End.DOWNLOADED), Standing(URL, "a", UpdateState.REBOOTED.value)
    assert [row.is_good(Accept.CONFIRMED) for row in (downloaded, early)] == [False, False]
    assert [row.is_good(Accept.DOWNLOADED) for row in (downloaded, early)] == [True, True]
    assert not Standing(URL, "a", "failed", end=End.FAILED).is_good(Accept.DOWNLOADED)
    assert tally((downloaded, early)) == "1 downloaded, not confirmed, 1 under way"


def test_two_devices_of_one_name() -> None:
    rows = distinct((Standing("a/x", "cellar", ""), Standing("b/x", "cellar", ""), Standing("c/x", "stove", "")))
    assert [row.name for row in rows] == ["cellar a/x", "cellar b/x", "stove"]


def test_which_device_is_meant() -> None:
    known = [
        at("fd00::2"), at("fe80::2%wpan0"), at("fe80::3%wpan0"), at("fe80::3%wpan1"), at("10.0.0.7"),
        at("fd00::9", name="Sensor.local"), at("fd00::a", "[fd00::a]:5684/fw"),
        at("fd00::b", name="twin"), at("fd00::c", name="twin"),
    ]  # fmt: skip
    asked: list[str] = []

    def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return {"gate": ["10.9.9.9", "10.0.0.7"], "twin": []}[host]

    finder = Finder(resolve)
    transfers = transfer("10.0.0.7"), transfer("fd00::2", TransferState.DONE), transfer("fd00::9", publish_id="v1")
    finder.take(known, transfers, "v2")
    meant = {
        "[FD00:0::2]:5999/x": "fd00::2", "[fe80::2%wpan0]/x": "fe80::2%wpan0",
        "[fe80::2%3]/x": "fe80::2%wpan0", "[fe80::3%3]/x": None, "[fe80::2%wpan1]/x": None,
        "10.0.0.7/fw": "10.0.0.7", "sensor.local/x": "fd00::9", "[fd00::a]:5684/fw": "fd00::a",
        "gate/x": "10.0.0.7", "twin/x": None,
    }  # fmt: skip
    for _ in range(2):
        for url, address in meant.items():
            found = finder.device(url)
            assert (found.device if found else None) == address, url
    assert asked == ["gate", "twin"], "each name once"
    assert finder.transfer(known[4]) == transfer("10.0.0.7")
    assert finder.transfer(known[0]) is finder.transfer(known[5]) is finder.transfer(None) is None


def test_a_line_a_device() -> None:
    fetching = Standing(URL, "cellar", "fetching slot1", transfer=transfer())
    named = Standing(URL, "é\x1b[2J", "confirmed", end=End.CONFIRMED)
    rows = [fetching, named, Standing(URL, "炉", "failed", "Why.", End.FAILED)]
    assert painted(rows, 80, 20) == [
        f"cellar  fetching slot1    {'█' * 8}{'░' * 22}  25%   1.2 kB/s  2:05",
        "é\ufffd[2J   ✓ confirmed",
        "炉      ✗ failed: Why.",
    ]
    narrow = painted(rows, 40, 20)[0]
    assert "█" not in narrow
    many = [Standing(URL, f"d{n}", "confirmed", end=End.CONFIRMED) for n in range(30)] + [fetching, rows[2]]
    shown = painted(many, 80, 5)
    assert len(shown) == 5
    assert shown[2].startswith("cellar")
    assert shown[4] == "… and 28 more: 28 confirmed"


def test_clipping_and_times() -> None:
    assert [clip("abc", 3), clip("abcd", 3), clip("炉炉", 3), clip("a", 0)] == ["abc", "ab…", "…", ""]
    assert [clock(7.4), clock(750), clock(3600)] == ["0:07", "12:30", "1:00:00"]


class Script:
    """A source, and the clock that its looks move on."""

    def __init__(self, *looks: Sight | Exception) -> None:
        self.looks = list(looks)
        self.now = 0.0
        self.shown: list[Sight] = []

    def look(self) -> Sight:
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def watch(self, seconds: float) -> bool:
        return watch(self, seconds, self.shown.append, lambda: self.now, self.sleep)


WAITING = Sight((Standing(URL, URL, "waiting"),), False)
OVER = Sight((Standing(URL, URL, "confirmed", end=End.CONFIRMED),), True)
AWAY = ServerUnreachable("No server.")


def test_waiting() -> None:
    assert Script(WAITING, WAITING, OVER).watch(60)
    late = Script(WAITING)
    assert not late.watch(3)
    assert late.now == 3
    assert Script(WAITING, AWAY, AWAY, OVER).watch(60), "a server that is started anew"
    gone = Script(WAITING, AWAY)
    with pytest.raises(ServerUnreachable):
        gone.watch(600)
    assert GRACE <= gone.now <= GRACE + 1


def test_the_last_line() -> None:
    assert verdict(OVER.rows, 1, 60, True) == ""
    assert verdict(OVER.rows * 2, 2, 60, True) == "2 confirmed."
    assert verdict(WAITING.rows * 6 + OVER.rows, 1, 60.0, False) == (
        f"The wait of 60 s is over: 1 confirmed; still under way: {', '.join([f'{URL} (waiting)'] * 5)} and 1 more."
        " The server and the devices go on without this command."
    )


def test_what_is_said_of_devices_on_the_command_line() -> None:
    some = Arguments.parse(["--notify-only", "--group", "kitchen", "--wait", "1.5", "--accept", "downloaded"])
    assert (some.groups, some.wait, some.accept, some.tells) == (("kitchen",), 1.5, Accept.DOWNLOADED, True)
    waves = Arguments.parse(["--notify-only", "fd00::2", "--waves", "1,10%,rest", "--stop-after", "2", "--share", "90%"])
    assert (waves.waves, waves.stop_after, waves.share, waves.wait) == ("1,10%,rest", 2, "90%", None)


@pytest.mark.parametrize(
    ("argv", "why"),
    (
        (["--wait", "0"], "--wait 0 is no time"),
        (["--wait", "nan"], "--wait nan is no time"),
        (["--wait", "soon"], "--wait: invalid float"),
        (["--group", " "], "name of a group"),
        (["--share", "90%"], "--share is said of a rollout"),
        (["--accept", "downloaded"], "give --wait or --waves"),
        (["--waves", "rest,1"], "can only be the last wave"),
        (["--waves", "1", "--nul", "yes"], "leave out --nul"),
        (["--waves", "1", "--stop-after", "0"], "at least 1"),
        (["--waves", "1", "--share", "0"], "is no share"),
        (["--waves", "1", "--share", "most"], "is no share"),
    ),
)
def test_what_cannot_be_said_of_them(argv: list[str], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        Arguments.parse(["--notify-only", "fd00::2", *argv])


def test_waves_need_devices_and_withdrawing_no_wait() -> None:
    files = ["--manifest", "m", "--slot0", "a", "v1"]
    with pytest.raises(InvalidRequest, match="With --waves name devices"):
        Arguments.parse([*files, "--waves", "1"])
    assert not Arguments.parse([*files, "--wait", "60"]).tells
    with pytest.raises(InvalidRequest, match="leave out --wait, --stop-after"):
        Arguments.parse(["--withdraw", "v1", "--wait", "60", "--stop-after", "0"])
