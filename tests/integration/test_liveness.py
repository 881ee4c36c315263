"""A flood of datagrams is no reason to end the server; a receive loop that stands still is."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from server.coap.liveness import Liveness
from server.coap.receive_queue import QueueState, ReceiveQueue
from server.coap.selfcheck import SelfCheck, Silence
from tests.waiting import wait_until


class Slow:
    """A socket with room for few datagrams, flooded, and a loop that takes one now and then, and answers none."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("::1", 0))
        self.socket.settimeout(0.1)
        self.taken = 0
        self.hangs = threading.Event()
        self.stands = threading.Event()
        """Set while it takes none."""
        self._done = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._flood), threading.Thread(target=self._take)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()
            self.socket.close()

    def _flood(self) -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            while not self._done.wait(0.001):
                sender.sendto(b"x" * 60, self.socket.getsockname())

    def _take(self) -> None:
        while not self._done.wait(0.01):
            if self.hangs.is_set():
                self.stands.set()
            else:
                with contextlib.suppress(TimeoutError):
                    self.socket.recv(2048)
                    self.taken += 1


@pytest.mark.expects_log("Devices are not answered in time")
def test_a_loop_that_is_flooded_is_alive_and_one_that_stands_still_is_not() -> None:
    slow = Slow()
    check, queue = SelfCheck(slow.socket), ReceiveQueue(slow.socket)
    liveness = Liveness(check.ask, lambda: slow.taken, queue.look)

    def dropped() -> int:
        state = queue.look()
        return state.drops if state is not None else 0

    with slow.running():
        wait_until(lambda: dropped() > 10)
        wait_until(lambda: liveness.check(0.3) is None)
        assert "Devices are not answered in time" in liveness.strain
        slow.hangs.set()
        wait_until(slow.stands.is_set)
        assert "CoAP does not answer" in str(liveness.check(0.3)), "although it is flooded"
        assert liveness.strain == ""
        slow.hangs.clear()
        wait_until(lambda: liveness.check(0.3) is None)
    check.close()


Q = QueueState


@pytest.mark.parametrize(
    ("answer", "taken", "before", "after", "alive"),
    [
        (None, 0, Q(0, 0), Q(0, 0), True),
        (Silence("silent"), 5, Q(0, 0), Q(0, 1), True),
        (Silence("silent"), 5, Q(9, 0), Q(9, 0), True),  # it answers, but too late
        (Silence("silent"), 0, Q(9, 0), Q(9, 1), False),
        (Silence("silent"), 5, Q(0, 0), Q(0, 0), False),  # nothing explains the silence
        (Silence("silent"), 5, None, None, False),
        ("wrong bytes", 5, Q(9, 0), Q(9, 1), False),
    ],
)
@pytest.mark.expects_log("Devices are not answered in time")
def test_what_counts_as_alive(
    answer: str | None, taken: int, before: QueueState | None, after: QueueState | None, alive: bool
) -> None:
    counts, looks = iter((100, 100 + taken)), iter((before, after))
    liveness = Liveness(lambda _: answer, lambda: next(counts), lambda: next(looks))
    assert liveness.check(1.0) == (None if alive else answer)
    assert bool(liveness.strain) == (alive and answer is not None)
