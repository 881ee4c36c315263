"""Looking names up: at most so many at once, never for longer than the server runs."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.errors import DeviceUnreachable
from server.coap.resolver import Resolver
from tests.support.threads import refused
from tests.waiting import wait_until


def looking() -> int:
    return sum(thread.name == "coap-resolver" for thread in threading.enumerate())


def test_a_look_up_that_hangs_does_not_hold_up_the_end() -> None:
    stopping, hanging = threading.Event(), threading.Event()
    resolver = Resolver(stopping, at_once=1)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(resolver.run, hanging.wait) for _ in range(2)]  # one is looked up, one waits for its turn
        wait_until(looking)
        stopping.set()
        for one in both:
            with pytest.raises(DeviceUnreachable, match="stopping"):
                one.result()
    hanging.set()


def test_of_many_names_only_so_many_are_looked_up_at_once() -> None:
    go, resolver = threading.Event(), Resolver(threading.Event(), at_once=3)
    turns, inside = threading.Semaphore(3), threading.Semaphore(0)

    def look_up() -> bool:
        has_turn = turns.acquire(blocking=False)
        inside.release()
        go.wait()
        turns.release()
        return has_turn

    with ThreadPoolExecutor(12) as pool:
        results = [pool.submit(resolver.run, look_up) for _ in range(12)]
        for _ in range(3):
            assert inside.acquire(timeout=60)
        go.set()
        assert [one.result() for one in results] == [True] * 12


def test_without_a_thread_it_is_a_sentence_and_the_next_one_is_looked_up() -> None:
    resolver = Resolver(threading.Event(), at_once=1)
    with refused(), pytest.raises(DeviceUnreachable, match="no more threads"):
        resolver.look_up("localhost", socket.AF_INET)
    assert resolver.look_up("localhost", socket.AF_INET)[0] == "127.0.0.1"
