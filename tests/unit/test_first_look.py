"""What systemd hears while the folder is looked at for the first time."""

from __future__ import annotations

import itertools
from pathlib import Path

from server.first_look import FirstLook
from server.systemd import Manager
from tests.support.systemd import Listener
from tests.waiting import wait_until


def test_it_is_asked_for_patience_as_long_as_files_are_read(tmp_path: Path) -> None:
    asked, read = itertools.count(), [0]
    looks = 0

    def so_far() -> int:
        nonlocal looks
        looks = next(asked)
        return read[0]

    with Listener(tmp_path / "notify") as listener:
        manager = Manager({"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "40000"})
        with FirstLook(manager, so_far):
            wait_until(lambda: looks > 5)
            assert listener.messages == ["WATCHDOG=1"], "nothing gets on"
            read[0] = 7
            listener.wait_for("STATUS=looking at the firmware folder: 7 files read")
            listener.wait_for("EXTEND_TIMEOUT_USEC=120000000")
            seen = looks
            wait_until(lambda: looks > seen + 5)
            assert listener.count("WATCHDOG=1") == 2


def test_without_systemd_nothing_is_told_and_no_thread_starts() -> None:
    with FirstLook(Manager({}), lambda: 1):
        pass
