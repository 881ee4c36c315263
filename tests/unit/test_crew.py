"""Jobs for a few threads, and what becomes of them where the system gives no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from common.device_url import DeviceUrl
from server.fleet.crew import Crew
from server.fleet.devices.asking import Asking
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from tests.support.threads import refused
from tests.waiting import wait_until


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(4, "hand")
    crew.start()
    yield crew
    crew.stop()


def test_jobs_that_get_no_thread_of_their_own_are_done_by_those_that_there_are(crew: Crew) -> None:
    go, done = threading.Event(), []

    def job(number: int) -> None:
        go.wait()
        done.append(number)

    with refused():
        with pytest.raises(RuntimeError):
            threading.Thread(target=int).start()
        for number in range(5):
            crew.submit(job, number)
    assert sum(thread.name.startswith("hand") for thread in threading.enumerate()) == 1
    go.set()
    wait_until(lambda: len(done) == 5)
    assert done == [0, 1, 2, 3, 4], "each once"


def test_threads_come_again_when_the_system_gives_them(crew: Crew) -> None:
    with refused():
        crew.submit(int)
        crew.submit(int)
    together = threading.Barrier(5)
    for _ in range(8):  # the pool may count two of them as idle that it does not have
        crew.submit(together.wait)
    together.wait(30)
    together.abort()


def test_a_crew_that_is_stopped_does_nothing_more(crew: Crew) -> None:
    crew.stop()
    crew.submit(pytest.fail)
    crew.stop()


def test_devices_are_asked_although_no_thread_can_be_had(crew: Crew) -> None:
    class Showing:
        def show(self, *_: object) -> Shown:
            return Shown(True)

        def board(self, _: object) -> str:
            return "native"

    asking = Asking(Showing(), crew, lambda _: None, lambda: 1.0)  # type: ignore[arg-type]
    hosts = [f"10.0.0.{number}" for number in range(1, 9)]
    with refused():
        for host in hosts:
            asking.ask(Known(host, url=DeviceUrl.parse(host), answered=True))
        seen: list[str] = []

        def all_seen() -> bool:
            seen.extend(one.address for one in asking.take())
            return len(seen) == len(hosts)

        wait_until(all_seen)
    assert sorted(seen) == hosts
