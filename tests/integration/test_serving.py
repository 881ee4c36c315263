"""waitress' main loop comes to an end, and whoever was being answered has the answer."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from server.web.door import listener
from server.web.door.connections import Bounds
from server.web.door.serving import _FRESH
from tests.support.clock import Clock
from tests.support.page_loop import Page, page, read, read_to, request
from tests.waiting import wait_until


def test_a_request_under_way_is_answered_and_new_connections_wait_in_the_socket() -> None:
    with page() as running, running.connect() as under_way, running.connect() as half, running.connect() as idle:
        idle.sendall(request("/"))
        assert read_to(idle, b"body")
        under_way.sendall(request("/wait"))
        assert running.app.asked.acquire(timeout=60)
        whole = request("/", b"x" * 100_000)
        half.sendall(whole[:1000])
        assert running.serving.turns(60) is None
        running.serving.interrupt()
        wait_until(lambda: not running.serving._server.accepting)
        with running.connect() as late:
            late.sendall(request("/"))
            half.sendall(whole[1000:])
            answer = read(half)
            assert (answer[:15], answer[-100_000:], b"Connection: close" in answer) == (b"HTTP/1.1 200 OK", b"x" * 100_000, True)
            running.app.may.set()
            answer = read(under_way)
            assert (answer[:15], answer[-4:], b"Connection: close" in answer) == (b"HTTP/1.1 200 OK", b"body", True)
            running.thread.join()
            assert read(idle) == b""
            again = Page(running.held)
            again.thread.start()
            try:
                assert read_to(late, b"body")
            finally:
                again.serving.interrupt()
                again.thread.join()


def test_a_new_connection_gets_a_moment_for_its_request() -> None:
    with page() as running, running.connect() as new:
        wait_until(lambda: running.channels)
        running.serving.interrupt()
        new.sendall(request("/"))
        assert read(new).endswith(b"body")


def test_a_request_that_comes_while_the_loop_is_held_up_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine: when the loop gets on, the connection is no new one any more, and nobody has looked into it."""
    with page() as running, running.connect() as late:
        wait_until(lambda: len(running.channels) == 1)
        turn, held = running.serving._turn, threading.Event()

        def held_up(wait: float) -> None:
            turn(wait)
            if not running.serving._server.accepting and not held.is_set():
                held.set()
                late.sendall(request("/"))
                time.sleep(_FRESH + 0.1)

        monkeypatch.setattr(running.serving, "_turn", held_up)
        running.serving.interrupt()
        assert read(late).endswith(b"body")


@pytest.mark.parametrize("half", [b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf", b"GET / HT", b""])
def test_who_never_finishes_holds_up_nothing(half: bytes) -> None:
    with page() as running, running.connect() as slow:
        running.patience = 0.1
        slow.sendall(half)
        wait_until(lambda: running.channels)
        running.serving.interrupt()
        running.thread.join()
        try:
            assert read(slow) == b""
        except ConnectionResetError:
            pass  # the half that nobody read


def test_a_loop_that_stands_still_is_noticed() -> None:
    with listener.open_socket("127.0.0.1", 0) as held:
        clock = Clock()
        still = Page(held, clock=clock)
        assert "HTTP does not answer" in str(still.serving.turns(0.01))
        assert "HTTP does not answer" in str(still.serving.answers(0.01))
        assert "HTTP does not answer" in str(still.serving.is_ready(0.01))
        clock.now += 5
        assert "stood still" in str(still.serving.is_ready(0.01)), "that the loop goes round is asked of every start"
        still.thread.start()
        assert still.serving.turns(60) is None
        assert still.serving.answers(60) is None
        still.serving.interrupt()
        still.thread.join()


@pytest.mark.expects_log("too many connections")
def test_who_takes_all_connections_holds_up_no_start() -> None:
    clock = Clock()
    with page(Bounds(of_this_machine=2), clock) as running:
        assert running.serving.is_ready(60) is None
        wait_until(lambda: not running.channels)
        with ExitStack() as flood:
            for _ in range(2):
                flood.enter_context(running.connect())
            wait_until(lambda: len(running.channels) == 2)
            assert "HTTP does not answer" in str(running.serving.is_ready(60))
            clock.now += 5
            assert running.serving.is_ready(60) is None
