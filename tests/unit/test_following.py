"""What devices answered, joined with what they fetch."""

from __future__ import annotations

import pytest

from common.device_url import DeviceUrl
from common.finding import Role
from common.notification import DeviceResult, DeviceState, Notification
from common.transfer import Transfer, TransferState
from desktop.following import PATIENCE, Follower, Following, Stage, key_of
from tests.support.clock import Clock
from tests.support.transfers import transfer

DONE, ABANDONED = TransferState.DONE, TransferState.ABANDONED


def told(*devices: str, clock: Clock | None = None, before: tuple[Transfer, ...] | None = ()) -> Follower:
    """All of them accepted."""
    urls = [DeviceUrl.parse(device) for device in devices]
    follower = Follower(Following("v1"), urls, clock or Clock())
    follower.ignore(before)
    results = [DeviceResult(str(url), DeviceState.ACCEPTED, "2.01", "It took it.") for url in urls]
    follower.answered(Notification("1", "v1", tuple(results)))
    return follower


def stages(follower: Follower) -> list[Stage]:
    return [row.stage for row in follower.now.rows]


def test_answers_become_rows_and_without_reports_that_is_the_end() -> None:
    urls = [DeviceUrl.parse(f"[fd00::{n}]/suit/trigger") for n in range(2, 6)]
    follower = Follower(Following("v1"), urls)
    follower.ignore(None)
    assert stages(follower) == [Stage.WAITING] * 4
    states = (DeviceState.ACCEPTED, DeviceState.REFUSED, DeviceState.UNREACHABLE, DeviceState.WAITING)
    results = tuple(DeviceResult(str(u), s, None, f"Why {s}.") for u, s in zip(urls, states, strict=True))
    now = follower.answered(Notification("1", "v1", results))
    assert stages(follower) == [Stage.NOTIFIED, Stage.REFUSED, Stage.UNREACHABLE, Stage.WAITING]
    assert [row.why for row in now.rows] == ["", "Why refused.", "Why unreachable.", ""]
    assert (now.told, now.on, follower.watching) == (False, True, False)
    ended = now.ended()
    assert ended.rows[3].stage is Stage.NO_ANSWER
    assert (ended.told, ended.on) == (True, False)
    assert list(ended.failed) == urls[1:]


def test_a_download_from_the_manifest_to_a_whole_image() -> None:
    follower = told("[fd00::2]", "10.0.0.7")
    assert follower.now.on
    manifest = transfer("fd00::2", role=Role.MANIFEST, state=DONE)
    follower.moved((manifest,))
    assert stages(follower) == [Stage.FETCHING, Stage.NOTIFIED]
    image = transfer("fd00::2", started=2)
    now = follower.moved((manifest, image, transfer("10.0.0.7", state=DONE), transfer("fd00::9")))
    assert stages(follower) == [Stage.FETCHING, Stage.DOWNLOADED]
    assert now.rows[0].transfer == image
    assert now.on
    assert not follower.moved((manifest, transfer("fd00::2", state=DONE, started=2))).on
    assert stages(follower) == [Stage.DOWNLOADED] * 2


def test_one_that_asks_for_nothing_is_given_up() -> None:
    clock = Clock()
    follower = told("[fd00::2]", clock=clock)
    clock.now += PATIENCE - 1
    assert follower.moved(()).on
    clock.now += 1
    assert not follower.moved(()).on
    assert stages(follower) == [Stage.ASKED_NOTHING]
    assert follower.now.failed == ()


def test_one_that_is_content_with_the_manifest_is_given_up() -> None:
    clock = Clock()
    follower = told("[fd00::2]", clock=clock)
    clock.now += PATIENCE - 1
    manifest = (transfer("fd00::2", role=Role.MANIFEST, state=DONE),)
    follower.moved(manifest)
    clock.now += PATIENCE - 1
    assert follower.moved(manifest).on
    clock.now += 1
    assert not follower.moved(manifest).on
    assert stages(follower) == [Stage.MANIFEST_ONLY]


def test_an_abandoned_download_ends_it_and_may_be_told_again() -> None:
    follower = told("[fd00::2]")
    follower.moved((transfer("fd00::2", state=TransferState.STALLED),))
    assert stages(follower) == [Stage.STALLED]
    assert not follower.moved((transfer("fd00::2", state=ABANDONED),)).on
    assert follower.now.failed == (DeviceUrl.parse("[fd00::2]"),)


def test_a_restarted_one_is_told_by_the_one_that_goes_on() -> None:
    follower = told("[fd00::2]")
    on = transfer("fd00::2", started=5)
    follower.moved((transfer("fd00::2", state=TransferState.RESTARTED), on))
    assert follower.now.rows[0].transfer == on
    assert stages(follower) == [Stage.FETCHING]


def test_what_ended_before_the_devices_were_told_is_another_download() -> None:
    before = (transfer("fd00::2", state=DONE), transfer("fd00::3"))
    follower = told("[fd00::2]", "[fd00::3]", before=before)
    follower.moved(before)
    assert stages(follower) == [Stage.NOTIFIED, Stage.FETCHING]
    follower.moved((before[0], transfer("fd00::3", state=DONE), transfer("fd00::2", started=9)))
    assert stages(follower) == [Stage.FETCHING, Stage.DOWNLOADED]


def test_other_releases_are_not_looked_at() -> None:
    follower = told("[fd00::2]")
    follower.moved((transfer("fd00::2", publish_id="v0", state=DONE), transfer("fd00::2", publish_id=None)))
    assert stages(follower) == [Stage.NOTIFIED]


def test_two_devices_behind_one_address_both_show_it() -> None:
    follower = told("10.0.0.7:5684/a", "10.0.0.7:5685/a")
    follower.moved((transfer("10.0.0.7"),))
    assert stages(follower) == [Stage.FETCHING] * 2


def test_of_a_name_nothing_is_known_but_that_it_was_notified() -> None:
    clock = Clock()
    follower = told("door.example.org/fw", clock=clock)
    assert not follower.now.on
    clock.now += PATIENCE
    follower.moved((transfer("fd00::2"),))
    assert stages(follower) == [Stage.NOTIFIED]


@pytest.mark.parametrize(
    ("device", "key"),
    [
        ("[FD00::2]:5684/x", ("fd00::2", "")),
        ("fe80::2%wpan0", ("fe80::2", "wpan0")),
        ("[::ffff:10.0.0.7]/x", ("10.0.0.7", "")),
        ("10.0.0.7", ("10.0.0.7", "")),
        ("fe80::2%3", None),
        ("door.example.org", None),
        ("no url", None),
    ],
)
def test_by_what_transfers_are_found(device: str, key: tuple[str, str] | None) -> None:
    assert key_of(device) == key


def test_another_try_keeps_the_other_rows_and_goes_on_watching_them() -> None:
    first = told("[fd00::2]", "[fd00::3]")
    first.moved((transfer("fd00::2"), transfer("fd00::3", state=ABANDONED)))
    again = Follower(first.now, first.now.failed)
    assert stages(again) == [Stage.FETCHING, Stage.WAITING]
    abandoned = transfer("fd00::3", state=ABANDONED)
    again.ignore((transfer("fd00::2"), abandoned))
    again.answered(Notification("2", "v1", (DeviceResult("[fd00::3]/suit/trigger", DeviceState.ACCEPTED, "2.01", ""),)))
    again.moved((transfer("fd00::2", state=DONE), abandoned))
    assert stages(again) == [Stage.DOWNLOADED, Stage.NOTIFIED]
