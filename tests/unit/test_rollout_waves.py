"""What people type for the waves of a rollout, and how many devices each wave has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidRequest
from common.waves import DEFAULT, Step, Waves


@pytest.mark.parametrize(
    ("text", "count", "sizes"),
    [
        (DEFAULT, 50, (1, 4, 20, 25)),
        ("1,10%,50%,rest", 50, (1, 4, 20, 25)),
        ("1,10%,50%", 50, (1, 4, 20, 25)),
        (" 1 , 10  % , REST ", 12, (1, 1, 10)),
        ("1,50%,rest", 12, (1, 5, 6)),
        ("rest", 7, (7,)),
        ("100%", 7, (7,)),
        ("1,5,20", 30, (1, 4, 15, 10)),
        ("1, 10 %, 50 %, rest", 1, (1,)),
        ("1, 10 %, 50 %, rest", 5, (1, 2, 2)),
        ("10,20%", 20, (10, 10)),
        ("99,rest", 3, (3,)),
        ("33%,67%", 3, (1, 2)),
    ],
)
def test_sizes(text: str, count: int, sizes: tuple[int, ...]) -> None:
    waves = Waves.parse(text)
    assert waves.sizes(count) == sizes
    assert Waves.parse(str(waves)) == waves


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "No wave is named"),
        ("1,,2", "'' is no wave"),
        ("0,rest", "at least one device"),
        ("0%", "at least one device"),
        ("101%", "more than all"),
        ("-1", "'-1' is no wave"),
        ("1.5", "'1.5' is no wave"),
        ("ten", "'ten' is no wave"),
        ("1,rest,5", "only be the last"),
        ("rest,rest", "only be the last"),
        ("5,5", "'5' follows '5'"),
        ("50%,1,10%", "'10 %' follows '50 %'"),
        ("٣", "is no wave"),
        (",".join(map(str, range(1, 99))), "98 waves are named"),
    ],
)
def test_what_is_no_wave_says_why_and_shows_the_form(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        Waves.parse(text)
    assert why in str(failure.value)
    assert "1, 10 %, 50 %, rest" in str(failure.value)


STEPS = st.builds(Step, st.integers(1, 100), st.booleans())


@given(st.lists(STEPS, max_size=6), st.integers(1, 2000))
def test_every_wave_has_a_device_and_all_devices_have_a_wave(steps: list[Step], count: int) -> None:
    sizes = Waves(tuple(steps)).sizes(count)
    assert sum(sizes) == count
    assert min(sizes) >= 1
    assert len(sizes) <= len(steps) + 1
