"""Work beside the receive loop: in order, bounded, and never in the way of its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from server.coap.lane import Lane
from tests.waiting import wait_until


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("test", 1, 3)
    lane.start()
    yield lane
    lane.stop()


def test_it_works_in_order_and_drops_what_finds_no_room(lane: Lane) -> None:
    gate, begun, done = threading.Event(), threading.Event(), []

    def hold() -> None:
        begun.set()
        gate.wait(30)

    def note(number: int) -> Callable[[], None]:
        return lambda: done.append(number)

    assert lane.submit(hold)
    begun.wait(30)
    assert [lane.submit(note(n)) for n in range(5)] == [True, True, True, False, False]
    assert lane.dropped == 2
    gate.set()
    wait_until(lambda: done == [0, 1, 2])


@pytest.mark.expects_log("could not be handled")
def test_a_piece_that_fails_ends_nothing(lane: Lane) -> None:
    done = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    lane.submit(fail)
    lane.submit(done.set)
    assert done.wait(30)


def test_stopping_forgets_what_waits_and_takes_nothing_more() -> None:
    lane, gate, begun, done = Lane("test", 1, 3), threading.Event(), threading.Event(), []

    def hold() -> None:
        begun.set()
        gate.wait(30)

    lane.start()
    lane.submit(hold)
    begun.wait(30)
    for number in range(3):
        lane.submit(lambda number=number: done.append(number))
    stopping = threading.Thread(target=lane.stop)
    stopping.start()
    wait_until(lambda: not lane.submit(lambda: None))
    gate.set()
    stopping.join()
    assert done == []


def test_one_that_was_never_started_stops() -> None:
    Lane("test", 2, 3).stop()
