"""Where a request came from, as the log and the history say it."""

from __future__ import annotations

import pytest

from server.web.asker import came_from


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("::ffff:10.0.0.3", "10.0.0.3"), ("10.0.0.3", "10.0.0.3"), ("fd00::2", "fd00::2"), ("fe80::1%wpan0", "fe80::1%wpan0"),
        ("a proxy's word", "a proxy's word"),
    ],
)  # fmt: skip
def test_an_address_is_said_as_people_write_it(address: str, shown: str) -> None:
    assert came_from({"REMOTE_ADDR": address}) == shown


def test_a_request_without_an_address_comes_from_somebody() -> None:
    assert came_from({}) == "somebody"
