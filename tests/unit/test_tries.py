"""Wrong tries: ten a minute and source, then a wait; the memory of them is bounded."""

from __future__ import annotations

import pytest

from server.access.tries import LIMIT, Tries, source
from tests.support.clock import Clock


def test_ten_a_minute_and_then_a_wait(clock: Clock) -> None:
    tries = Tries(clock)
    assert [tries.wrong("10.0.0.3") for _ in range(LIMIT)] == [(0, True)] + [(0, False)] * 9
    assert tries.wrong("10.0.0.3") == (60, False)
    assert tries.wrong("10.0.0.4") == (0, True), "another source"
    clock.now += 59.5
    assert tries.wrong("10.0.0.3") == (1, False)
    clock.now += 0.5
    assert tries.wrong("10.0.0.3") == (0, True)


def test_a_slow_stream_of_them_is_logged_once_a_minute(clock: Clock) -> None:
    tries = Tries(clock)
    logged = []
    for _ in range(30):
        logged.append(tries.wrong("10.0.0.3")[1])
        clock.now += 10
    assert logged == ([True] + [False] * 5) * 5


def test_the_memory_is_bounded(clock: Clock) -> None:
    tries = Tries(clock)
    for number in range(10_000):
        tries.wrong(f"10.0.{number // 256}.{number % 256}")
    assert len(tries) == 4096


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.3", "10.0.0.3"), ("::ffff:10.0.0.3", "10.0.0.3"), ("fd00:0:0:1::2", "fd00:0:0:1::/64"),
        ("fd00:0:0:1:ffff::9", "fd00:0:0:1::/64"), ("fd00:0:0:2::2", "fd00:0:0:2::/64"), ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"), ("somebody", "somebody"),
    ],
)  # fmt: skip
def test_a_source_is_an_address_or_the_64_of_one(address: str, expected: str) -> None:
    assert source(address) == expected
