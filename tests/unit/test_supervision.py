"""When systemd hears READY=1, WATCHDOG=1 and how the server is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import pytest

from server.supervision import Check, Supervision
from server.systemd import Manager
from tests.support.systemd import Listener
from tests.waiting import wait_until


@contextmanager
def supervised(
    folder: Path, ready: Check, alive: Check, status: Callable[[], str] = lambda: "all quiet", watchdog: str = "200000"
) -> Iterator[Listener]:
    died: list[str] = []
    with Listener(folder / "notify") as listener:
        manager = Manager({"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": watchdog})
        supervision = Supervision(manager, (ready,), (alive,), status, died.append)
        supervision.start()
        try:
            yield listener
        finally:
            supervision.end()
            supervision.stop()
    assert died == []


def well(_: float) -> str | None:
    return None


@pytest.mark.expects_log("not yet|not now")
def test_ready_is_told_when_all_is_well_and_the_watchdog_is_fed_as_long_as_it_is(tmp_path: Path) -> None:
    trouble: dict[str, str | None] = {"ready": "not yet", "alive": None}
    status, asked = ["0 releases"], itertools.count()

    def alive(_: float) -> str | None:
        next(asked)
        return trouble["alive"]

    with supervised(tmp_path, lambda _: trouble["ready"], alive, lambda: status[0]) as listener:
        listener.wait_for("STATUS=not yet")
        assert "READY=1" not in listener.lines
        trouble["ready"] = None
        listener.wait_for("READY=1")
        listener.wait_for("WATCHDOG=1", 3)
        assert listener.count("STATUS=0 releases") == 1
        status[0] = "1 release"
        listener.wait_for("STATUS=1 release")
        trouble["alive"] = "not now"
        listener.wait_for("STATUS=not now")
        fed, told = listener.count("WATCHDOG=1"), len(listener.messages)
        rounds = next(asked)
        wait_until(lambda: next(copy(asked)) > rounds + 3)
        assert (listener.count("WATCHDOG=1"), len(listener.messages)) == (fed, told)
        trouble["alive"] = None
        listener.wait_for("WATCHDOG=1", fed + 1)
        assert listener.count("STATUS=1 release") == 2


def test_without_a_watchdog_nothing_is_asked_again(tmp_path: Path) -> None:
    asked: list[float] = []

    def check(limit: float) -> None:
        asked.append(limit)

    with supervised(tmp_path, well, check, watchdog="") as listener:
        listener.wait_for("READY=1")
        assert listener.messages == ["READY=1\nSTATUS=all quiet"]
    assert asked == []
