"""What a source is sent: a rate, who is exempt, and a bound on what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.device_url import DeviceUrl
from server.coap.budget import Budget
from server.coap.source import Address, source_of
from tests.support.coap import make_parts

FAR = source_of(("2001:db8::1", 1000, 0, 0))


def test_a_source_gets_its_rate_whatever_its_port() -> None:
    now = [0.0]
    budget = Budget(1000, lambda: now[0])
    ports = [source_of(("2001:db8::1", port, 0, 0)) for port in range(1, 11)]
    assert [budget.allows(port, 500) for port in ports] == [True] * 6 + [False] * 4
    assert budget.refused == 4
    assert budget.allows(source_of(("2001:db8::2", 1, 0, 0)), 500)
    now[0] = 1.0
    assert [budget.allows(FAR, 500) for _ in range(3)] == [True, True, False]
    now[0] = 3600.0
    assert [budget.allows(FAR, 500) for _ in range(7)] == [True] * 6 + [False]


def test_one_answer_always_fits_a_source_that_was_silent() -> None:
    now = [0.0]
    budget = Budget(1, lambda: now[0])
    assert budget.allows(FAR, 1100)
    assert not budget.allows(FAR, 1100)
    now[0] = 1200.0
    assert budget.allows(FAR, 1100)


@pytest.mark.parametrize(
    "address", [("::1", 5, 0, 0), ("::ffff:127.0.0.9", 5, 0, 0), ("127.3.4.5", 5)], ids=["ipv6", "mapped", "ipv4"]
)
def test_loopback_is_exempt(address: Address) -> None:
    budget = Budget(1, lambda: 0.0)
    assert all(budget.allows(source_of(address), 1000) for _ in range(100))
    assert (budget.refused, len(budget)) == (0, 0)


def test_a_known_device_is_exempt_on_every_port_and_only_in_its_zone() -> None:
    budget = Budget(1, lambda: 0.0)
    budget.exempt(source_of(("fe80::2", 5683, 0, 3)))
    assert all(budget.allows(source_of(("fe80::2", port, 0, 3)), 1000) for port in range(1, 100))
    other_zone = source_of(("fe80::2", 5683, 0, 4))
    assert [budget.allows(other_zone, 1000) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_a_device_that_was_notified_is_known_to_the_service(tmp_path: Path, host: str) -> None:
    service = make_parts(tmp_path, host=host, rate=1).service
    assert service.budget is not None
    service.know(DeviceUrl.parse("10.0.0.7/suit/trigger"))
    known = ("10.0.0.7", 40000) if host == "0.0.0.0" else ("::ffff:10.0.0.7", 40000, 0, 0)
    assert all(service.budget.allows(source_of(known), 1000) for _ in range(10))


def test_the_sources_remembered_are_bounded() -> None:
    budget = Budget(1, lambda: 0.0)
    for n in range(40_000):
        source = source_of((f"2001:db8::{n:x}", 1, 0, 0))
        budget.allows(source, 100)
        budget.exempt(source_of((f"2001:db9::{n:x}", 1, 0, 0)))
    assert len(budget) <= 16_384
    assert len(budget._known) <= 16_384
