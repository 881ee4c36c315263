"""What a rehearsal device answers, and the time it counts."""

from __future__ import annotations

import pytest

from server.coap import datagram
from server.coap.datagram import Datagram
from server.rehearsal.loop import Loop
from server.rehearsal.resources import Told, reply
from tests.support.clock import Clock
from tests.support.coap import block2, get

TOLD, UNTOLD = Told("samr21-xpro", 1), Told("samr21-xpro", None)


def request(data: bytes, payload: bytes = b"") -> Datagram:
    message = datagram.parse(data + (b"\xff" + payload if payload else b""))
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("method", "payload", "code"),
    [(2, b"coap://x", 0x41), (2, b"", 0x88), (2, b"x" * 127, 0x41), (2, b"x" * 128, 0x8D), (3, b"x", 0x85)],
)
def test_a_trigger(method: int, payload: bytes, code: int) -> None:
    assert reply(request(get("suit/trigger", code=method), payload), TOLD).code == code


def test_slots_are_told_where_there_are_any() -> None:
    assert reply(request(get("suit/slot/active")), TOLD).payload == b"1"
    assert reply(request(get("suit/slot/inactive")), TOLD).payload == b"0"
    assert reply(request(get("suit/slot/active")), UNTOLD).code == datagram.NOT_FOUND
    assert reply(request(get("suit/version")), TOLD).payload == b"NONE"
    assert reply(request(get("riot/board", code=2)), TOLD).code == datagram.METHOD_NOT_ALLOWED


def test_the_list_of_resources_comes_whole_or_in_blocks() -> None:
    whole = reply(request(get(".well-known/core")), TOLD).payload
    assert all(b"</%s>" % name in whole for name in (b"riot/board", b"suit/trigger", b"suit/slot/active"))
    assert reply(request(get(".well-known/core", block2(1, 2))), TOLD).payload == whole[64:128]
    assert reply(request(get(".well-known/core", block2(9, 2))), TOLD).code == datagram.BAD_REQUEST


def test_times_are_divided_by_the_speed_and_a_cancelled_one_never_comes() -> None:
    clock, done = Clock(), list[str]()
    with Loop(clock, 10.0) as loop:
        loop.after(20.0, lambda: done.append("later"))
        loop.after(10.0, lambda: done.append("sooner"))
        loop.after(15.0, lambda: done.append("never")).cancel()
        clock.now += 1.1
        loop.step()
        assert done == ["sooner"]
        clock.now += 1.0
        loop.step()
    assert done == ["sooner", "later"]
