"""What a rollout does next, for any course of things; and its JSON shape."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.device import UpdateState
from common.notification import DeviceResult, DeviceState
from common.rollout import WEAKER, Accept, Outcome, Rollout, RolloutDevice, RolloutState, Wave, WaveState
from common.waves import Waves
from server.fleet.devices.trace import Trace
from server.fleet.rollouts.outcomes import look
from server.fleet.rollouts.rollout import Act, Decision, carried_out, decide, stopped

P, C, D, F, S, U = (
    Outcome.PENDING, Outcome.CONFIRMED, Outcome.DOWNLOADED, Outcome.FAILED, Outcome.SILENT, Outcome.UNKNOWN,
)  # fmt: skip
START = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def plan(
    count: int, waves: str = "1,50%", share: float = 1.0, stop_after: int = 1, accept: Accept = Accept.CONFIRMED
) -> Rollout:
    sizes = Waves.parse(waves).sizes(count)
    numbers = [n for n, size in enumerate(sizes, 1) for _ in range(size)]
    rows = tuple(RolloutDevice(f"10.0.0.{i}/fw", n) for i, n in enumerate(numbers, 1))
    empty = (Wave(),) * len(sizes)
    return Rollout("r", "v2", RolloutState.RUNNING, "It begins.", accept, share, stop_after, START, "me", empty, rows)


def having(rollout: Rollout, *outcomes: Outcome) -> Rollout:
    """The first devices have these outcomes."""
    rows = [replace(r, outcome=o, told=True, reason="Because.") for r, o in zip(rollout.devices, outcomes, strict=False)]
    return replace(rollout, devices=(*rows, *rollout.devices[len(rows) :]))


def settled(rollout: Rollout) -> Rollout:
    """After all steps that can be taken at once."""
    while (decision := decide(rollout)) is not None:
        rollout = carried_out(rollout, decision, "n")
    return rollout


def test_a_wave_opens_the_next_one() -> None:
    rollout = settled(plan(4))
    assert rollout.opened == 1
    rollout = settled(having(rollout, C))
    assert (rollout.opened, rollout.waves[0].state) == (2, WaveState.PASSED)
    assert rollout.reason == "Wave 2 of 3 opens with 1 device: 1 of 1 device in wave 1 confirmed (needed: 1)."
    rollout = settled(having(rollout, C, C, C, C))
    assert (rollout.state, rollout.reason) == (RolloutState.DONE, "Done: 4 of 4 devices confirmed.")
    assert rollout.succeeded


def test_failures_stop_it_and_the_reason_names_the_devices() -> None:
    rollout = settled(having(settled(plan(50)), F))
    assert rollout.state is RolloutState.STOPPED
    assert rollout.reason == "Stopped in wave 1 of 3: 1 failure (stops after 1): 10.0.0.1/fw (Because)."
    assert rollout.summary == "Stopped in wave 1 of 3: 1 device touched, 49 untouched."
    patient = settled(having(settled(plan(4, "2", stop_after=2, share=0.5)), C, F))
    assert patient.opened == 2
    assert settled(having(patient, C, F, F)).state is RolloutState.STOPPED


def test_an_unanswered_one_is_no_failure_and_a_person_decides() -> None:
    rollout = settled(having(settled(plan(4)), S))
    assert (rollout.state, rollout.opened, rollout.waves[0].state) == (RolloutState.PAUSED, 1, WaveState.FAILED)
    assert "only 0 of 1 device" in rollout.reason
    assert "10.0.0.1/fw (Because)" in rollout.reason
    resumed = settled(replace(rollout, state=RolloutState.RUNNING))
    assert (resumed.state, resumed.opened, resumed.waves[0].state) == (RolloutState.RUNNING, 2, WaveState.FAILED)
    assert "a person let it go on" in resumed.reason
    ended = settled(having(resumed, S, C, C, C))
    assert (ended.state, ended.succeeded) == (RolloutState.DONE, False)
    assert ended.reason == "Done: 3 of 4 devices confirmed. Not so: 10.0.0.1/fw (Because)."


def test_downloads_count_only_where_that_was_asked_for_and_it_says_so() -> None:
    strict = settled(having(settled(plan(2)), D))
    assert strict.state is RolloutState.PAUSED
    assert "can accept downloads; that is weaker" in strict.reason
    weak = settled(having(settled(plan(2, accept=Accept.DOWNLOADED)), D))
    assert weak.opened == 2
    assert "1 without a proof" in weak.reason
    assert weak.caution == weak.to_json()["caution"] == WEAKER
    done = settled(having(weak, D, C))
    assert done.reason == "Done: 1 of 2 devices confirmed, 1 only downloaded, without a proof."
    assert "1 only downloaded" in done.summary


@pytest.mark.parametrize(("share", "size", "needed"), [(1, 5, 5), (0.9, 10, 9), (0.07, 100, 7), (0.01, 5, 1), (0.5, 5, 3)])
def test_the_share_of_a_wave(share: float, size: int, needed: int) -> None:
    assert plan(size, "rest", share).needed(1) == needed


def test_a_share_does_not_wait_for_the_others_but_the_end_does() -> None:
    rollout = settled(having(settled(plan(4, "2", share=0.5)), C, P))
    assert rollout.opened == 2
    assert settled(having(rollout, C, P, C, C)).state is RolloutState.RUNNING
    assert settled(having(rollout, C, S, C, C)).succeeded


def test_the_last_wave_without_its_share_is_done_and_no_success() -> None:
    rollout = settled(having(settled(plan(2, "rest", stop_after=5)), F, C))
    assert (rollout.state, rollout.succeeded) == (RolloutState.DONE, False)


OUTCOMES = st.sampled_from([P, C, D, F, S, U])


@given(st.data())
def test_any_course_of_things(data: st.DataObject) -> None:
    """No wave opens without its share or a person; enough failures stop it; what was stopped tells nobody."""
    count = data.draw(st.integers(1, 12))
    waves = data.draw(st.sampled_from(["rest", "1", "1,2,5", "10%,50%"]))
    accept = data.draw(st.sampled_from(list(Accept)))
    rollout = plan(count, waves, data.draw(st.sampled_from([0.1, 0.5, 1.0])), data.draw(st.integers(1, 4)), accept)
    for _ in range(data.draw(st.integers(1, 8))):
        resumed = rollout.state is RolloutState.PAUSED and data.draw(st.booleans())
        if resumed:
            rollout = replace(rollout, state=RolloutState.RUNNING)
        told = [row for row in rollout.devices if row.wave <= rollout.opened]
        rollout = having(rollout, *(data.draw(OUTCOMES) for _ in told))
        steps = 0
        while (decision := decide(rollout)) is not None:
            assert not rollout.over
            steps += 1
            assert steps <= len(rollout.waves) + 2
            assert decision.reason.endswith(".")
            before, rollout = rollout, carried_out(rollout, decision, "n")
            if decision.act is Act.OPEN:
                assert before.count(F) < before.stop_after
                assert decision.wave == before.opened + 1
                enough = before.opened == 0 or before.accepted(before.opened) >= before.needed(before.opened)
                assert enough or before.waves[before.opened - 1].state is WaveState.FAILED
                assert rollout.opened == decision.wave
            else:
                assert rollout.opened == before.opened
            assert rollout.reason == decision.reason
        assert decide(rollout) is None
        if rollout.count(F) >= rollout.stop_after:
            assert rollout.over
        if rollout.state is RolloutState.DONE:
            assert all(row.outcome.settled for row in rollout.devices)
        assert rollout.touched + rollout.untouched == count
        assert Rollout.from_json(json.loads(json.dumps(rollout.to_json()))) == rollout
        if rollout.over:
            return


def test_a_person_stops_it() -> None:
    rollout = stopped(settled(plan(4)), "Stopped by me.")
    assert (rollout.state, rollout.waves[0].state, decide(rollout)) == (RolloutState.STOPPED, WaveState.FAILED, None)


def test_a_pause_of_a_person_still_stops_at_a_failure_and_passes_nothing() -> None:
    paused = replace(settled(plan(4)), state=RolloutState.PAUSED)
    assert decide(having(paused, C)) is None
    found = decide(having(paused, F))
    assert isinstance(found, Decision)
    assert found.act is Act.STOP


ROW = RolloutDevice("10.0.0.1/fw", 1)


def row(state: DeviceState, message: str = "So.") -> DeviceResult:
    return DeviceResult(ROW.device, state, None, message)


def trace(state: UpdateState, publish_id: str = "v2", over: bool = False) -> Trace:
    return Trace(publish_id, state, 0.0, "As seen.", over=over)


ACCEPTED, REFUSED, LOST = DeviceState.ACCEPTED, DeviceState.REFUSED, DeviceState.UNREACHABLE


@pytest.mark.parametrize(
    ("told", "seen", "outcome", "touched"),
    [
        (None, None, P, False),
        (None, trace(UpdateState.FAILED, over=True), P, False),
        (None, trace(UpdateState.CONFIRMED, over=True), C, False),
        (None, trace(UpdateState.CONFIRMED, "v1", over=True), P, False),
        (row(DeviceState.WAITING), trace(UpdateState.FAILED, over=True), P, False),
        (row(DeviceState.CANCELLED), None, P, False),
        (row(DeviceState.UNKNOWN), trace(UpdateState.NOTIFIED), U, True),
        (row(ACCEPTED), trace(UpdateState.NOTIFIED), P, True),
        (row(ACCEPTED), trace(UpdateState.DOWNLOADED), P, True),
        (row(ACCEPTED), trace(UpdateState.DOWNLOADED, over=True), D, True),
        (row(ACCEPTED), trace(UpdateState.REBOOTED), P, True),
        (row(ACCEPTED), trace(UpdateState.CONFIRMED, over=True), C, True),
        (row(ACCEPTED), trace(UpdateState.FAILED, over=True), F, True),
        (row(ACCEPTED), trace(UpdateState.SILENT, over=True), S, True),
        (row(ACCEPTED), trace(UpdateState.CONFIRMED, "v3", over=True), F, True),
        (row(ACCEPTED), None, S, True),
        (row(REFUSED), None, F, True),
        (row(REFUSED), trace(UpdateState.FETCHING_SLOT0), P, True),
        (row(LOST), None, S, True),
        (row(LOST), trace(UpdateState.CONFIRMED, over=True), C, True),
    ],
)
def test_what_is_known_of_a_device(told: DeviceResult | None, seen: Trace | None, outcome: Outcome, touched: bool) -> None:
    found = look(ROW, "v2", told, seen)
    assert (found.outcome, found.told) == (outcome, touched)
    assert look(found, "v2", told, seen) == found


def test_another_release_undoes_no_proof_and_says_its_name() -> None:
    gone = trace(UpdateState.NOTIFIED, "v3")
    for outcome in (C, D):
        assert look(replace(ROW, outcome=outcome, told=True), "v2", row(ACCEPTED), gone).outcome is outcome
    found = look(replace(ROW, outcome=P, told=True), "v2", row(ACCEPTED), gone)
    assert (found.outcome, found.reason) == (F, "It has gone on to another release, v3.")


def test_one_that_has_its_turn_is_looked_at_before_its_answer_is_known() -> None:
    found = look(ROW, "v2", row(DeviceState.WAITING), trace(UpdateState.FAILED, over=True), has_its_turn=True)
    assert (found.outcome, found.told) == (F, True)
