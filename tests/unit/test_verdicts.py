"""The verdict on an update, fact by fact, in a time that only the test moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.device import UpdateState
from common.finding import Role
from common.notification import DeviceState
from common.transfer import TransferState
from server.fleet.devices.facts import Fact, Fetch, Missed, Shown, Told
from server.fleet.devices.trace import Trace
from server.fleet.devices.verdicts import Patience, begin, judge, next_look

PATIENCE = Patience()
ACCEPTED = Told(DeviceState.ACCEPTED, "Accepted (2.01).")
RUNNING, DONE, STALLED = TransferState.RUNNING, TransferState.DONE, TransferState.STALLED
SLOT_0, SLOT_1, AWAY = Shown(True, 0), Shown(True, 1), Shown(False)


class Story:
    """One device's trace; each fact comes at a time, in seconds since the beginning."""

    def __init__(self) -> None:
        self.trace: Trace = begin("v", 0.0)

    def at(self, now: float, fact: Fact) -> Story:
        self.trace = judge(self.trace, fact, now, PATIENCE)
        return self

    def fetch(self, now: float, role: Role, state: TransferState, percent: int = 50) -> Story:
        return self.at(now, Fetch(role, state, percent, now))

    def downloaded(self, before: Shown | None = SLOT_0, role: Role = Role.SLOT1) -> Story:
        """Everything up to the last block, at 100 s."""
        self.at(1, ACCEPTED)
        if before is not None:
            self.at(2, before)
        self.fetch(3, Role.MANIFEST, RUNNING).fetch(4, Role.MANIFEST, DONE)
        return self.fetch(10, role, RUNNING).fetch(100, role, DONE, 100)

    @property
    def state(self) -> UpdateState:
        return self.trace.state


def test_the_way_of_a_device_that_proves_it() -> None:
    story = Story()
    assert story.state is UpdateState.NOTIFIED
    story.at(1, ACCEPTED).at(2, SLOT_0)
    assert story.state is UpdateState.NOTIFIED
    assert story.fetch(3, Role.MANIFEST, RUNNING).state is UpdateState.FETCHING_MANIFEST
    assert story.fetch(4, Role.MANIFEST, DONE).state is UpdateState.FETCHING_MANIFEST
    assert story.fetch(5, Role.SLOT1, RUNNING).state is UpdateState.FETCHING_SLOT1
    assert story.trace.is_under_way
    assert story.fetch(60, Role.SLOT1, DONE, 100).state is UpdateState.DOWNLOADED
    assert not story.trace.is_under_way
    assert story.trace.ask == 65
    assert story.at(65, SLOT_0).state is UpdateState.DOWNLOADED
    assert story.trace.ask == 75
    assert story.at(75, AWAY).state is UpdateState.DOWNLOADED
    assert story.at(95, SLOT_1).state is UpdateState.CONFIRMED
    assert (story.trace.over, story.trace.ask, story.trace.reason) == (True, None, "Slot 1 is active now.")
    assert next_look(story.trace, PATIENCE) == float("inf")


def test_a_version_resource_is_a_proof_without_slots() -> None:
    story = Story().downloaded(before=Shown(True, None, version=False))
    assert story.at(110, Shown(True, None, version=False)).state is UpdateState.DOWNLOADED
    assert story.at(120, Shown(True, None, version=True)).state is UpdateState.CONFIRMED


@pytest.mark.parametrize(
    ("before", "role", "shown", "confirmed"),
    [
        (SLOT_0, Role.SLOT1, SLOT_1, True),
        (SLOT_1, Role.SLOT0, SLOT_0, True),
        (SLOT_0, Role.SLOT1, SLOT_0, False),
        (SLOT_0, Role.SLOT0, SLOT_1, False),  # another slot than the one that it fetched is no proof of this release
        (None, Role.SLOT1, SLOT_1, False),
        (Shown(True), Role.SLOT1, SLOT_1, False),
    ],
)
def test_only_a_flip_to_the_fetched_slot_is_a_proof(
    before: Shown | None, role: Role, shown: Shown, confirmed: bool
) -> None:
    assert (Story().downloaded(before, role).at(110, shown).state is UpdateState.CONFIRMED) is confirmed


@pytest.mark.parametrize("before", [SLOT_0, None])
def test_without_a_resource_that_proves_it_the_end_is_downloaded(before: Shown | None) -> None:
    story = Story().downloaded(before).at(110, Shown(True))
    assert (story.state, story.trace.over) == (UpdateState.DOWNLOADED, True)
    assert story.trace.reason.startswith("Downloaded, not confirmed. The device has no resource")


def test_a_device_that_cannot_be_asked_has_downloaded_it_and_no_more() -> None:
    story = Story().downloaded()
    assert story.at(100 + PATIENCE.proof - 1, None).trace.over is False
    story.at(100 + PATIENCE.proof, None)
    assert (story.state, story.trace.over) == (UpdateState.DOWNLOADED, True)
    assert "could not be asked" in story.trace.reason


def test_the_old_slot_after_all_patience_is_a_failure() -> None:
    story = Story().downloaded()
    for now in (110, 300, 600):
        assert story.at(now, SLOT_0).state is UpdateState.DOWNLOADED
    story.at(100 + PATIENCE.proof, None)
    assert story.state is UpdateState.FAILED
    assert story.trace.reason == "It has all blocks, and the old slot is still active: likely the image's digest or header."


def test_back_from_a_reboot_with_the_old_slot_is_a_failure_when_it_says_so_twice() -> None:
    story = Story().downloaded().at(110, AWAY)
    assert story.at(120, SLOT_0).state is UpdateState.REBOOTED
    assert story.at(150, SLOT_0).state is UpdateState.REBOOTED
    assert story.at(120 + PATIENCE.verify, SLOT_0).state is UpdateState.FAILED
    assert "came back with the old slot" in story.trace.reason


def test_the_flip_counts_after_a_reboot_that_was_seen_too() -> None:
    assert Story().downloaded().at(110, AWAY).at(120, SLOT_0).at(130, SLOT_1).state is UpdateState.CONFIRMED


def test_no_answer_after_the_download_is_silence() -> None:
    story = Story().downloaded().at(110, AWAY).at(400, AWAY).at(100 + PATIENCE.proof, None)
    assert (story.state, story.trace.reason) == (UpdateState.SILENT, "It has all blocks, and gave no answer since.")


def test_a_device_that_takes_the_notification_and_asks_for_nothing_is_silent() -> None:
    story = Story()
    assert next_look(story.trace, PATIENCE) == float("inf")  # the notification is still under way
    story.at(50, ACCEPTED)
    assert next_look(story.trace, PATIENCE) == 50 + PATIENCE.begin
    assert story.at(50 + PATIENCE.begin - 1, None).state is UpdateState.NOTIFIED
    assert story.at(50 + PATIENCE.begin, None).state is UpdateState.SILENT


@pytest.mark.parametrize(
    ("state", "verdict"), [(DeviceState.REFUSED, UpdateState.FAILED), (DeviceState.UNREACHABLE, UpdateState.SILENT)]
)
def test_what_became_of_the_notification(state: DeviceState, verdict: UpdateState) -> None:
    story = Story().at(5, Told(state, "Its own words."))
    assert (story.state, story.trace.over) == (verdict, True)
    assert "Its own words." in story.trace.reason


def test_a_fetch_says_more_than_an_answer_that_was_lost() -> None:
    story = Story().fetch(1, Role.MANIFEST, RUNNING).at(93, Told(DeviceState.UNREACHABLE, "No answer."))
    assert (story.state, story.trace.over) == (UpdateState.FETCHING_MANIFEST, False)


def test_the_manifest_and_no_image_is_a_failure_of_what_stands_in_it() -> None:
    story = Story().at(1, ACCEPTED).fetch(3, Role.MANIFEST, DONE)
    assert story.at(3 + PATIENCE.verify - 1, None).state is UpdateState.FETCHING_MANIFEST
    assert story.at(3 + PATIENCE.verify, None).state is UpdateState.FAILED
    assert "likely the signature, the sequence number, the class or the offset" in story.trace.reason
    assert story.fetch(90, Role.SLOT0, RUNNING).state is UpdateState.FETCHING_SLOT0  # slow, but it goes on
    assert not story.trace.over


def test_an_image_that_stops_in_the_middle() -> None:
    story = Story().at(1, ACCEPTED).fetch(3, Role.MANIFEST, DONE).fetch(20, Role.SLOT0, RUNNING, 41)
    story.at(31, Fetch(Role.SLOT0, STALLED, 41, 20))
    assert (story.state, story.trace.reason) == (UpdateState.FETCHING_SLOT0, "Nothing was asked for lately, at 41 %.")
    assert story.at(20 + PATIENCE.stall, None).state is UpdateState.FAILED
    assert story.trace.reason == "It stopped in the middle of the image: likely the radio or the power."
    assert story.at(300, Fetch(Role.SLOT0, TransferState.ABANDONED, 41, 20)).state is UpdateState.FAILED


@pytest.mark.parametrize(
    ("known", "state", "why"),
    [
        ((), UpdateState.SILENT, "It took the notification, and asked for nothing since the server was started again."),
        (((Role.MANIFEST, DONE),), UpdateState.FAILED, "no image since the server was started again: likely the signature"),
        (
            ((Role.MANIFEST, DONE), (Role.SLOT0, RUNNING)),
            UpdateState.FAILED,
            "It was in the middle of the image, and asked for nothing since the server was started again: likely the radio",
        ),
    ],
)
def test_what_a_server_before_this_one_may_have_seen_is_not_denied(
    known: tuple[tuple[Role, TransferState], ...], state: UpdateState, why: str
) -> None:
    story = Story().at(1, ACCEPTED)
    for time, (role, fetched) in enumerate(known, 2):
        story.fetch(time, role, fetched, 41)
    story.trace = replace(story.trace, heard=10, accepted=10, unsure=True)
    assert story.at(10 + PATIENCE.proof, None).state is state
    assert why in story.trace.reason


def test_once_it_was_heard_again_the_server_before_counts_no_more() -> None:
    story = Story().at(1, ACCEPTED).fetch(3, Role.MANIFEST, DONE)
    story.trace = replace(story.trace, heard=10, accepted=10, unsure=True)
    story.at(11, Fetch(Role.MANIFEST, DONE, 100, 3))
    assert story.trace.unsure
    story.fetch(12, Role.SLOT0, RUNNING, 41)
    story.at(12 + PATIENCE.stall, None)
    assert story.trace.reason == "It stopped in the middle of the image: likely the radio or the power."


def test_a_device_that_begins_anew_goes_on() -> None:
    story = Story().at(1, ACCEPTED).fetch(3, Role.MANIFEST, DONE).fetch(20, Role.SLOT0, RUNNING, 41)
    story.at(20 + PATIENCE.stall, None)
    story.fetch(200, Role.MANIFEST, DONE).fetch(210, Role.SLOT0, RUNNING, 1)
    story.at(211, Fetch(Role.SLOT0, TransferState.RESTARTED, 41, 20))
    assert (story.state, story.trace.over, story.trace.heard) == (UpdateState.FETCHING_SLOT0, False, 210)
    assert story.fetch(300, Role.SLOT0, DONE, 100).state is UpdateState.DOWNLOADED


@pytest.mark.parametrize(
    ("path", "has_manifest", "why"),
    [
        ("v/manifest0", False, "the manifest's path with something behind it: notify it with a final NUL byte"),
        ("fw/x", True, "It has the manifest and asked for 'fw/x', which is not served: likely the manifest's URI"),
        ("elsewhere", False, "It asked for 'elsewhere', which is not served."),
    ],
)
def test_a_path_that_is_not_served(path: str, has_manifest: bool, why: str) -> None:
    story = Story().at(1, ACCEPTED)
    if has_manifest:
        story.fetch(3, Role.MANIFEST, DONE)
    story.at(5, Missed(path, "v/manifest"))
    assert story.state is UpdateState.FAILED
    assert why in story.trace.reason


def test_the_last_block_asked_again_and_old_news_change_no_verdict() -> None:
    story = Story().downloaded().at(110, SLOT_1)
    assert story.fetch(111, Role.SLOT1, DONE, 100).state is UpdateState.CONFIRMED
    assert story.at(112, Fetch(Role.MANIFEST, DONE, 100, 4)).state is UpdateState.CONFIRMED
    assert story.at(113, Missed("x", "v/manifest")).state is UpdateState.CONFIRMED
    assert story.at(1000, None).state is UpdateState.CONFIRMED


def test_a_flip_is_a_proof_though_the_last_blocks_were_not_seen() -> None:
    story = Story().at(1, ACCEPTED).at(2, SLOT_0).fetch(4, Role.MANIFEST, DONE).fetch(10, Role.SLOT1, RUNNING, 90)
    assert story.at(50, SLOT_0).state is UpdateState.FETCHING_SLOT1
    assert story.at(60, SLOT_1).state is UpdateState.CONFIRMED


def test_what_is_shown_in_the_middle_does_not_become_what_was_before() -> None:
    story = Story().at(1, ACCEPTED).fetch(4, Role.MANIFEST, DONE).at(5, SLOT_0).at(6, Shown(True))
    assert story.trace.before == SLOT_0


def test_the_pause_between_two_questions_grows_up_to_a_bound() -> None:
    assert [PATIENCE.pause(n) for n in range(6)] == [5, 10, 20, 40, 60, 60]
    assert Patience(60).pause(0) == 0.5
