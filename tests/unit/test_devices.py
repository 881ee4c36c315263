"""What the fleet makes of transfers, notifications and answers, in a time that only the test moves."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest

from common.device import UpdateState
from common.device_url import DeviceUrl
from common.errors import NotFound
from common.finding import Role
from common.notification import DeviceState
from common.transfer import Transfer, TransferState
from server.coap.blocks import Miss
from server.coap.source import source_of
from server.fleet.devices import inventory
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.verdicts import begin
from tests.fakes.asked_devices import Keeper
from tests.support.device_world import ADDRESS, CONFIRMED, DONE, FAILED, PATIENCE, RUNNING, SILENT, URL, World

STALLED, RESTARTED = TransferState.STALLED, TransferState.RESTARTED


def test_from_the_notification_to_the_proof(world: World) -> None:
    world.tell()
    assert world.devices.goes_on(ADDRESS, "v1")
    assert not world.devices.goes_on(ADDRESS, "v2")
    world.download()
    assert not world.devices.goes_on(ADDRESS, "v1"), "the radio is free again"
    world.wait(6)
    assert world.verdict == (UpdateState.DOWNLOADED, False)
    world.prober.shown = [Shown(False), Shown(True, 1)]
    world.wait(60)
    assert world.verdict == CONFIRMED
    assert [state for state, _ in world.steps] == [
        UpdateState.NOTIFIED, UpdateState.FETCHING_MANIFEST, UpdateState.FETCHING_SLOT1, UpdateState.DOWNLOADED,
        UpdateState.CONFIRMED,
    ]  # fmt: skip
    device = world.devices.get(ADDRESS)
    assert (device.board, device.completed, device.url) == ("sample-board", "v1", str(URL))
    assert device.update is not None
    assert device.update.reason == "Slot 1 is active now."


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
def test_no_verdict_comes_of_a_clock_that_is_set(world: World, seconds: float) -> None:
    def set_clock() -> None:
        """The verdict is the same, and people see the time as it is now."""
        before = (world.verdict, world.devices.get(ADDRESS))
        world.wall.wrong += seconds
        world.steady.beat()
        world.devices.beat([], [])
        assert world.verdict == before[0]
        after, by = world.devices.get(ADDRESS), dt.timedelta(seconds=seconds)
        assert after.last_seen is not None
        assert after.update is not None
        update = replace(after.update, since=after.update.since - by)
        assert before[1] == replace(after, last_seen=after.last_seen - by, update=update)

    world.tell()
    set_clock()
    world.fetch(Role.MANIFEST, DONE)
    set_clock()
    world.fetch(Role.SLOT1, RUNNING)
    set_clock()
    world.fetch(Role.SLOT1, DONE)
    set_clock()
    world.wait(6)
    world.prober.shown = [Shown(False), Shown(True, 1)]
    set_clock()
    world.wait(60)
    assert world.verdict == CONFIRMED


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
def test_a_clock_that_is_set_does_not_put_off_a_verdict_either(world: World, seconds: float) -> None:
    world.tell()
    world.wall.wrong = seconds
    world.steady.beat()
    world.wait(PATIENCE.begin - 2)
    assert world.verdict == (UpdateState.NOTIFIED, False)
    world.wait(3)
    assert world.verdict == SILENT


def test_a_device_that_nobody_told_is_known_by_its_requests_and_never_asked(world: World) -> None:
    world.download()
    world.wait(10)
    assert world.prober.asked == []
    assert world.verdict == (UpdateState.DOWNLOADED, False)
    world.wait(600)
    assert world.verdict == (UpdateState.DOWNLOADED, True)
    assert "could not be asked" in world.trace.reason


def test_how_it_was_before_is_asked_again_and_again_while_it_fetches(world: World) -> None:
    world.prober.shown = [*[Shown(False)] * 3, Shown(True, 0)]
    world.tell()
    assert len(world.prober.asked) == 3
    assert world.trace.before is None
    assert world.pool.work() == 1, "it is asked again, beside its transfer"
    world.devices.beat([], [])
    assert world.trace.before == Shown(True, 0)
    world.download()
    assert world.pool.work() == 0, "only what is not known yet is asked"
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    assert world.verdict == CONFIRMED


def test_an_answer_from_after_the_download_is_not_taken_for_one_from_before(world: World) -> None:
    world.prober.shown = [*[Shown(False)] * 3, Shown(True, 1)]
    world.tell()
    world.fetch(Role.MANIFEST, DONE)
    ended = dt.datetime.fromtimestamp(world.clock() + 1, dt.UTC)
    world.clock.now += 2
    world.pool.work()  # it has fetched all and runs it, and the blocks are not looked at yet
    world.fetch(Role.SLOT1, DONE, last_seen=ended)
    assert world.trace.before is None
    world.wait(20)
    assert world.verdict == (UpdateState.DOWNLOADED, True)
    assert "Which slot was active before is not known." in world.trace.reason


def test_an_answer_from_before_the_download_counts_even_if_it_is_looked_at_later(world: World) -> None:
    world.prober.shown = [*[Shown(False)] * 3, Shown(True, 0)]
    world.tell()
    world.fetch(Role.MANIFEST, DONE)
    world.pool.work()
    world.fetch(Role.SLOT1, DONE)
    assert (world.trace.before, world.trace.asked) == (Shown(True, 0), 0)
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    assert world.verdict == CONFIRMED


def test_only_one_question_at_a_time(world: World) -> None:
    world.prober.shown = [Shown(False)]
    world.tell()
    world.fetch(Role.MANIFEST, RUNNING)
    world.fetch(Role.MANIFEST, DONE)
    assert len(world.pool.works) == 1


def test_a_device_without_a_resource_that_proves_it_is_not_asked_before(world: World) -> None:
    assert world.devices.before(URL, "v1", b"</riot/board>") is None
    assert world.prober.asked == []


@pytest.mark.parametrize(
    ("state", "verdict", "reason"),
    [
        (DeviceState.REFUSED, FAILED, "It did not take the notification. Refused (4.04)."),
        (DeviceState.UNREACHABLE, SILENT, "Refused (4.04)."),
    ],
)
def test_a_notification_that_does_not_arrive(
    world: World, state: DeviceState, verdict: tuple[UpdateState, bool], reason: str
) -> None:
    world.tell(state=state, message="Refused (4.04).")
    assert (world.verdict, world.trace.reason) == (verdict, reason)
    assert not world.devices.goes_on(ADDRESS, "v1")
    world.download()
    assert world.verdict == (UpdateState.DOWNLOADED, False), "what it does counts for more"


def test_what_is_said_of_another_release_changes_nothing(world: World) -> None:
    world.tell("v2")
    world.devices.told(URL, "v1", DeviceState.UNREACHABLE, "Old.")
    assert (world.trace.publish_id, world.verdict) == ("v2", (UpdateState.NOTIFIED, False))


def test_an_image_of_two_releases_is_of_the_one_that_the_device_is_at(world: World) -> None:
    world.tell("v2")
    world.fetch(Role.MANIFEST, DONE, "v2")
    world.fetch(Role.SLOT0, RUNNING, "v1")  # its path belongs to v1, its bytes are those of v2's too
    assert (world.trace.publish_id, world.trace.state) == ("v2", UpdateState.FETCHING_SLOT0)
    world.fetch(Role.SLOT1, RUNNING, "v1")  # these are not
    assert (world.trace.publish_id, world.trace.state) == ("v1", UpdateState.FETCHING_SLOT1)


@pytest.mark.parametrize("path", ["twins/slot1", "fw/slot1", "of/another/release"])
def test_two_slots_of_the_same_bytes_are_told_apart_by_the_path(world: World, path: str) -> None:
    world.tell("twins")
    world.fetch(Role.SLOT1, DONE, "twins", path=path)
    assert world.trace.role is Role.SLOT1
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    assert world.verdict == CONFIRMED


def test_a_file_of_no_release_is_no_update(world: World) -> None:
    now = dt.datetime.fromtimestamp(world.clock(), dt.UTC)
    transfer = Transfer(ADDRESS, None, None, "notes.txt", "x", 1, 2, 64, 128, None, None, 0, 0, RUNNING, now, now)
    world.devices.beat([transfer], [])
    device = world.devices.get(ADDRESS)
    assert device.update is None
    assert device.last_seen == now


def test_a_device_that_fetches_another_release_by_itself(world: World) -> None:
    world.tell("v1")
    world.fetch(Role.MANIFEST, RUNNING, "v2")
    assert (world.trace.publish_id, world.trace.state) == ("v2", UpdateState.FETCHING_MANIFEST)
    assert not world.devices.goes_on(ADDRESS, "v1")


def test_a_device_that_comes_again_for_what_it_runs_is_judged_by_what_it_shows_then(world: World) -> None:
    world.tell()
    world.download()
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    assert world.verdict == CONFIRMED
    world.clock.now += 3600
    world.fetch(Role.MANIFEST, RUNNING)
    assert world.verdict == (UpdateState.FETCHING_MANIFEST, False)
    world.pool.work()
    world.devices.beat([], [])
    assert world.trace.before == Shown(True, 1), "not slot 0, as before the first time"
    world.fetch(Role.MANIFEST, DONE)
    world.fetch(Role.SLOT0, DONE)
    world.prober.shown = [Shown(True, 0)]
    world.wait(20)
    assert world.verdict == CONFIRMED


def test_the_last_block_again_and_a_transfer_that_was_begun_anew_change_no_verdict(world: World) -> None:
    world.tell()
    world.download()
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    world.fetch(Role.SLOT1, DONE)
    world.fetch(Role.MANIFEST, RESTARTED)
    assert world.verdict == CONFIRMED


def test_a_device_that_goes_on_after_it_was_given_up(world: World) -> None:
    world.tell()
    world.fetch(Role.MANIFEST, DONE)
    world.fetch(Role.SLOT1, RUNNING)
    world.wait(PATIENCE.stall + 3)
    assert world.verdict == FAILED
    world.fetch(Role.SLOT1, RUNNING, part=0.8)
    assert world.verdict == (UpdateState.FETCHING_SLOT1, False)
    world.fetch(Role.SLOT1, DONE)
    world.prober.shown = [Shown(True, 1)]
    world.wait(20)
    assert world.verdict == CONFIRMED


def missed(path: str, address: str = ADDRESS) -> list[Miss]:
    return [Miss(source_of((address, 40000, 0, 0)), path)]


def test_a_miss_is_a_verdict_only_on_a_device_that_was_told(world: World) -> None:
    world.devices.beat([], missed("v1/manifest0"))
    assert world.devices.all() == [], "anybody can ask for anything"
    world.tell()
    world.devices.beat([], missed("v1/manifest0", "fd00::3"))
    assert world.verdict == (UpdateState.NOTIFIED, False)
    world.devices.beat([], missed("v1/manifest0"))
    assert world.verdict == FAILED
    assert "notify it with a final NUL byte" in world.trace.reason


def test_expecting_a_device_of_which_it_is_not_known_whether_it_was_told(world: World) -> None:
    assert world.devices.expect(ADDRESS, "v1") is False
    assert world.devices.goes_on(ADDRESS, "v1")
    world.wait(PATIENCE.begin - 1)
    assert world.verdict == (UpdateState.NOTIFIED, False)
    world.wait(3)
    assert world.verdict == SILENT
    world.devices.expect(ADDRESS, "v1")
    assert world.verdict == (UpdateState.NOTIFIED, False), "a new chance"
    world.fetch(Role.MANIFEST, RUNNING)
    before = world.trace
    assert world.devices.expect(ADDRESS, "v1") is True
    assert world.trace == before, "what is under way goes on"


def test_no_verdict_is_given_while_the_device_is_being_asked(world: World) -> None:
    world.tell()
    world.download()
    world.wait(10)
    world.prober.shown = [Shown(False)]
    world.clock.now += 1000
    world.devices.beat([], [])
    world.clock.now += 1000
    world.devices.beat([], [])
    assert world.verdict == (UpdateState.FAILED, True), "its last answer is all that there is"
    other = World(world.clock, Keeper())
    other.tell()
    other.download()
    other.prober.shown = [Shown(False)]
    other.clock.now += 10
    other.devices.beat([], [])
    other.clock.now += 1000
    other.devices.beat([], [])
    assert other.verdict == (UpdateState.DOWNLOADED, False), "the answer is waited for"
    other.wait(2)
    assert other.verdict == SILENT


def test_nothing_that_a_stopping_server_meets_is_a_trace(world: World) -> None:
    world.tell()
    world.devices.stop()
    world.devices.told(URL, "v1", DeviceState.UNREACHABLE, "The server is stopping.")
    world.fetch(Role.MANIFEST, RUNNING)
    assert world.verdict == (UpdateState.NOTIFIED, False)


def test_names_and_groups(world: World) -> None:
    with pytest.raises(NotFound, match=r"No device is known at 'fd00::2'\."):
        world.devices.name(ADDRESS, "cellar", None)
    with pytest.raises(NotFound):
        world.devices.get(ADDRESS)
    world.devices.register(URL, "sensor-7", "board-a")
    other = DeviceUrl.parse("[fe80::2%wpan0]/suit/trigger")
    world.devices.register(other)
    assert [d.device for d in world.devices.all()] == [ADDRESS, "fe80::2%wpan0"]
    assert (world.devices.get(ADDRESS).name, world.devices.get(ADDRESS).board) == ("sensor-7", "board-a")
    world.devices.name(ADDRESS, "cellar", None)
    world.devices.name(ADDRESS, None, "kitchen")
    world.devices.register(URL, "sensor-7")
    device = world.devices.get(ADDRESS)
    assert (device.name, device.group, device.board) == ("cellar", "kitchen", "board-a"), "what people gave stays"
    assert world.devices.of_group("kitchen") == (URL,)
    assert world.devices.of_group("attic") == ()
    world.devices.name(ADDRESS, "", "")
    assert world.devices.of_group("kitchen") == ()


def test_blocks_alone_are_not_written_down(world: World) -> None:
    world.tell()
    world.fetch(Role.MANIFEST, DONE)
    world.fetch(Role.SLOT1, RUNNING)
    writes, number = world.keeper.writes, world.devices.number
    for _ in range(50):
        world.fetch(Role.SLOT1, RUNNING)
    assert world.keeper.writes == writes
    assert world.devices.number > number


def test_of_too_many_the_longest_silent_go_but_none_that_is_named_or_busy(
    world: World, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "MOST", 5)
    world.devices.register(URL)
    world.devices.name(ADDRESS, "cellar", None)
    world.fetch(Role.MANIFEST, RUNNING, device="fd00::3")
    for number in range(4, 20):
        world.clock.now += 1
        world.devices.register(DeviceUrl.parse(f"[fd00::{number:x}]"))
    left = ["fd00::2", "fd00::3", "fd00::11", "fd00::12", "fd00::13"]
    assert [d.device for d in world.devices.all()] == left
    assert list(keeper.kept) == left


def test_a_beat_with_a_thousand_devices_under_way_is_short(world: World) -> None:
    for number in range(1000):
        world.keeper.kept[f"fd00::{number:x}"] = Known(f"fd00::{number:x}", trace=begin("v1", world.clock()))
    world.devices.start()
    now = dt.datetime.fromtimestamp(world.clock() + 1, dt.UTC)
    moving = [
        Transfer(f"fd00::{n:x}", "v1", Role.SLOT1, "v1/slot1", "b", 1, 2, 1, 2, None, None, 0, 0, RUNNING, now, now)
        for n in range(1000)
    ]
    took = []
    for _ in range(3):
        began = time.process_time()
        world.devices.beat(moving, [])
        took.append(1000 * (time.process_time() - began))
        later = now + dt.timedelta(seconds=len(took))
        moving = [replace(transfer, last_seen=later) for transfer in moving]
    print(f"a beat: {', '.join(f'{ms:.1f}' for ms in took)} ms")
    assert len(world.steps) == 1000
