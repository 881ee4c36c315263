"""Time that never steps, beside a system's clock that is set."""

from __future__ import annotations

import logging

import pytest

from server.steady import Steady
from tests.support.clock import Clock, SystemClock


@pytest.mark.parametrize("seconds", [7200.0, -7200.0, 1e9])
def test_it_goes_on_evenly_and_shows_the_time_as_it_is_now(
    clock: Clock, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    wall = SystemClock(clock)
    wall.wrong = -50.0
    steady = Steady(wall, clock)
    began = steady()
    assert began == wall(), "at the start nothing else is known"
    clock.now += 10
    wall.wrong += seconds
    with caplog.at_level(logging.INFO):
        steady.beat()
        steady.beat()
    assert (steady(), steady.unix(steady())) == (began + 10, wall())
    assert steady.unix(began) == pytest.approx(wall() - 10)
    assert [record.getMessage() for record in caplog.records] == [
        f"the system's clock was set by {seconds:+.0f} s; nothing is judged by that"
    ]


def test_it_knows_for_how_long_the_clock_has_not_been_set(clock: Clock) -> None:
    wall = SystemClock(clock)
    steady = Steady(wall, clock)
    for _ in range(20):
        clock.now += 60
        wall.wrong += 0.01
        steady.beat()
    assert steady.agreed == pytest.approx(1200), "a clock that is slewed was not set"
    wall.wrong += 30
    steady.beat()
    assert steady.agreed == 0
    clock.now += 5
    assert steady.agreed == 5
