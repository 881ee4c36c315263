"""The pages of the devices as HTML: the words, the order, what is escaped, what is said when there is nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from common.device import UpdateState
from common.event import Event
from common.notification import BatchState, DeviceResult, DeviceState, Notification
from common.rollout import Accept, Rollout, RolloutDevice, RolloutState, Wave
from common.transfer import TransferState
from server.access.token import Right
from server.access.visitor import Visitor
from server.web import device_rows
from server.web.device_screens import Choice, DeviceScreens
from server.web.works import of_notifications, of_rollouts
from tests.fakes.fleet_page import CONTEXT, FULL, NOW, device, many, transfer
from tests.fakes.page_releases import release
from tests.support.outline import Outline

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"


def listed(*devices: object, choice: Choice | None = None) -> str:
    rows = device_rows.rows(devices, [])  # type: ignore[arg-type]
    return DeviceScreens().devices(rows, [], [release("version_42")], choice or Choice(), CONTEXT).decode()


def notification(state: BatchState = BatchState.RUNNING, name: str = "version_42") -> Notification:
    results = tuple(DeviceResult(f"[fd00::{n}]", s, None, "") for n, s in enumerate((DeviceState.ACCEPTED, DeviceState.WAITING)))
    return Notification("7", name, results, state, 90.0)


def rollout(state: RolloutState = RolloutState.RUNNING, name: str = "version_42") -> Rollout:
    rows = tuple(RolloutDevice(f"[fd00::{n}]", 1) for n in range(2))
    return Rollout("3", name, state, name, Accept.DOWNLOADED, 1.0, 1, NOW, name, (Wave(),), rows)


def test_every_state_has_words_a_sign_and_a_place() -> None:
    page = Outline(listed())
    signs = {a["id"] for a in page.all("symbol")}
    for state in UpdateState:
        look = device_rows.LOOKS[state.value]
        assert f"s-{look.sign}" in signs
        assert look.group in dict(device_rows.GROUPS)
        assert look.word in Outline(listed(device(1, state))).text


def test_the_newest_trouble_is_first_then_what_moves() -> None:
    devices = [
        device(1), device(2, UpdateState.FETCHING_SLOT0), device(3, UpdateState.FAILED, age=90), device(4, None),
        device(5, UpdateState.FETCHING_SLOT1), device(6, UpdateState.SILENT, age=30), device(10, UpdateState.NOTIFIED, age=9),
    ]  # fmt: skip
    rows = device_rows.rows(devices, [transfer(5, 7, TransferState.STALLED, age=60), transfer(2, 40)])
    assert [row.address for row in rows] == ["fd00::6", "fd00::5", "fd00::3", "fd00::2", "fd00::a", "fd00::1", "fd00::4"]
    assert [row.look.word for row in rows[:2]] == ["Silent", "Stalled"]
    assert (rows[3].percent, rows[3].progress.replace("\xa0", " ")) == (40, "40 % · 1.2 kB/s · 49 s left")
    assert device_rows.counts(rows) == {"": 7, "trouble": 3, "moving": 2, "confirmed": 1, "other": 1}


def test_a_download_that_is_over_is_not_called_confirmed() -> None:
    known = device(1, UpdateState.DOWNLOADED)
    assert known.update is not None
    over = replace(known, update=replace(known.update, over=True))
    assert device_rows.row(over, None).look.word == "Downloaded, unproven"
    assert device_rows.row(over, transfer(1, 3)).look.word == "Fetching"
    assert device_rows.row(known, None).look.group == "moving"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (119, "119 s"), (120, "2 min"), (7300, "2 h"), (200_000, "2 d")])
def test_spans_are_short(seconds: float, text: str) -> None:
    assert device_rows.span(seconds) == text


def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    base = device(1, UpdateState.FAILED)
    assert base.update is not None
    update = replace(base.update, publish_id=HOSTILE, reason=HOSTILE)
    names = dict.fromkeys(("device", "url", "name", "group", "board", "completed"), HOSTILE)
    hostile = replace(base, update=update, **names)
    moving = replace(transfer(1, 5), device=HOSTILE, path=HOSTILE)
    works = of_rollouts([rollout(name=HOSTILE)]) + of_notifications([notification(name=HOSTILE)])
    context = replace(CONTEXT, trouble=HOSTILE)
    screens, events = DeviceScreens(), [Event(1, NOW, HOSTILE, HOSTILE, HOSTILE)]
    rows = device_rows.rows([hostile], [moving])
    html = [
        screens.devices(rows, works, [release(HOSTILE)], Choice(HOSTILE, ""), context).decode(),
        screens.device(hostile, [moving], events, context),
        screens.works(works, context),
        screens.confirm_forget(hostile, [moving]),
        screens.devices([], [], [], Choice(), context, HOSTILE).decode(),
    ]
    for page in map(Outline, html):
        assert page.all("img", src="x") == []
        assert len(page.all("script")) <= 1
        assert HOSTILE in page.text
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
        assert not any("style" in attributes for _, attributes in page.elements)


def test_addresses_are_quoted_where_they_are_links() -> None:
    page = Outline(listed(device(1, device="fe80::2%wpan0")))
    assert page.all("a", href="devices/fe80%3A%3A2%25wpan0")
    one = Outline(DeviceScreens().device(device(1, device="fe80::2%wpan0"), [], [], CONTEXT))
    assert one.all("form", action="fe80%3A%3A2%25wpan0")
    assert one.all("a", href="../api/v1/devices/fe80%3A%3A2%25wpan0")


def test_what_is_forgotten_is_named_before_it_goes() -> None:
    known = device(1, name="cellar", group="house", completed="fw/sample/0", device="fe80::2%wpan0")
    page = Outline(DeviceScreens().confirm_forget(known, []))
    for text in ("cellar", "fe80::2%wpan0", "house", "Confirmed, fw/sample/1", "fw/sample/0", "Heard again, it comes back"):
        assert text in page.text
    assert page.all("form", action="forget")
    assert page.all("a", href="../fe80%3A%3A2%25wpan0")
    bare = Outline(DeviceScreens().confirm_forget(device(1, None), [transfer(1, 5)])).text
    assert "Name" not in bare
    assert "It fetches something at the moment" in bare


def test_only_who_may_name_a_device_is_offered_to_forget_it() -> None:
    for visitor, offered in ((CONTEXT.visitor, True), (Visitor("lamp", (Right.NOTIFY, Right.REMOVE)), False)):
        page = Outline(DeviceScreens().device(device(1), [], [], replace(CONTEXT, visitor=visitor)))
        assert bool(page.all("form", action="fd00%3A%3A1/forget")) is offered


def test_that_a_device_is_forgotten_is_said() -> None:
    rows = device_rows.rows([device(1)], [])
    page = Outline(DeviceScreens().devices(rows, [], [], Choice(), CONTEXT, "fd00::2").decode())
    assert "fd00::2 is forgotten." in page.text
    assert "is forgotten" not in Outline(listed(device(1))).text


def test_every_link_is_relative() -> None:
    fleet = many(9)
    works = of_notifications([notification()]) + of_rollouts([rollout()])
    rows, screens = device_rows.rows(fleet.devices, fleet.transfers), DeviceScreens()
    html = [
        screens.devices(rows, works, [release("v")], Choice("", "moving"), CONTEXT).decode(),
        screens.device(fleet.devices[0], fleet.transfers[:1], [], CONTEXT),
        screens.confirm_forget(fleet.devices[0], []),
    ]
    for _, attributes in (element for page in html for element in Outline(page).elements):
        for name in ("href", "src", "action"):
            assert not (attributes.get(name) or "").startswith(("/", "http")), attributes


def test_without_scripts_the_list_is_narrowed_down_by_the_server() -> None:
    devices = [device(1, name="cellar"), device(2, UpdateState.FAILED)]
    for choice, shown in ((Choice("CELL conf"), "fd00::1"), (Choice("", "trouble"), "fd00::2")):
        rows = Outline(listed(*devices, choice=choice)).all("tr", **{"class": "device"})
        assert [r["data-device"] for r in rows if "hidden" not in r and r["data-device"]] == [shown]


def test_nothing_known_yet_says_what_to_do() -> None:
    page = Outline(listed())
    assert "hidden" not in page.all("div", id="no-devices")[0]
    assert "python -m server.rehearsal" in page.text
    assert "hidden" in page.all("table", id="devices")[0]
    assert "hidden" in Outline(listed(device(1))).all("div", id="no-devices")[0]


def test_a_history_that_is_not_recorded_is_said() -> None:
    context = replace(CONTEXT, trouble=FULL)
    assert FULL in Outline(DeviceScreens().device(device(1), [], [], context)).text
    assert FULL in Outline(DeviceScreens().works([], context)).text
    assert not Outline(DeviceScreens().works([], CONTEXT)).text.strip()


def test_buttons_fit_what_goes_on() -> None:
    running, paused = of_notifications([notification()]), of_notifications([notification(BatchState.PAUSED)])
    assert [act.word for work in running + paused for act in work.acts] == ["Pause", "Cancel", "Resume", "Cancel"]
    assert of_notifications([notification(BatchState.DONE), notification(BatchState.CANCELLED)]) == []
    [going] = of_rollouts([rollout()])
    assert [act.state for act in going.acts] == ["paused", "stopped"]
    assert "weaker than confirmed" in going.caution
    assert [work.acts for work in of_rollouts([rollout(RolloutState.STOPPED)])] == [()]
    closed = replace(CONTEXT, visitor=Visitor())
    assert Outline(DeviceScreens().works(running, closed)).all("form") == []
    assert Outline(DeviceScreens().device(device(1), [], [], closed)).all("form") == []


def test_a_timeline_says_when_what_and_who() -> None:
    event = Event(4, NOW - dt.timedelta(hours=1), "named", "10.0.0.9", "fd00::1 is called 'cellar'.", None, "fd00::1")
    page = Outline(DeviceScreens().device(device(1), [transfer(1, 30)], [event], CONTEXT))
    assert page.all("time", datetime="2026-11-20T08:30:00Z", title="20 Nov 2026, 08:30 UTC")
    for words in ("is called 'cellar'", "by 10.0.0.9", "slot0", "30 kB of 100 kB"):
        assert words in page.text
