"""What systemd and the journal read."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path

import pytest

from server.systemd import JournalFormatter, Manager
from tests.support.systemd import Listener


@pytest.mark.parametrize(("level", "priority"), [(50, 2), (40, 3), (30, 4), (20, 6), (10, 7)])
def test_every_line_has_its_priority(level: int, priority: int) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", level, "f", 1, "what %r", ("a\nb",), sys.exc_info())
    lines = JournalFormatter().format(record).splitlines()
    assert lines[0] == f"<{priority}>what 'a\\nb'"
    assert len(lines) > 2
    assert all(line.startswith(f"<{priority}>") for line in lines)


def told(listener: Listener, **environment: str) -> Manager:
    return Manager({"NOTIFY_SOCKET": listener.address, **environment})


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_is_told_in_one_message_a_time(tmp_path: Path, kind: str) -> None:
    address = tmp_path / "notify" if kind == "path" else f"@{tmp_path}"
    with Listener(address) as listener:
        manager = told(listener)
        manager.tell("READY=1", "STATUS=two\nlines")
        manager.tell_reloading()
        first, second = listener.messages
        assert first == "READY=1\nSTATUS=two lines"
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[0-9]+", second)
        assert manager.listens


def test_the_variables_are_for_this_process_alone() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    assert Manager(environment).watchdog == 30.0
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": "/run/x"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog(environment: dict[str, str]) -> None:
    assert Manager(environment).watchdog is None


@pytest.mark.expects_log("systemd cannot be told")
def test_a_manager_that_is_gone_costs_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    manager.tell("READY=1")
    manager.tell("READY=1")
    assert len(caplog.records) == 1
    for address in ("", "vsock:2:1234"):
        Manager({"NOTIFY_SOCKET": address}).tell("READY=1")
    assert len(caplog.records) == 1
