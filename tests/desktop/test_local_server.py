"""A real `python -m server` as the window's child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from common.client import Client
from desktop.window.server import local_server as module
from desktop.window.server.local_server import LocalServer
from tests.desktop.conftest import WAIT
from tests.support.server import ROOT
from tests.waiting import wait_until


@pytest.fixture
def server(qtbot: QtBot) -> Iterator[LocalServer]:  # noqa: ARG001
    server = LocalServer()
    yield server
    server.stop()


def begin(server: LocalServer, qtbot: QtBot, folder: Path) -> str:
    with qtbot.waitSignal(server.started, timeout=WAIT) as blocker:
        server.start(folder / "firmware", folder / "state")
    return str(blocker.args[0])


@pytest.mark.usefixtures("patient")
def test_it_serves_and_is_gone_after_stop(server: LocalServer, qtbot: QtBot, tmp_path: Path) -> None:
    url = begin(server, qtbot, tmp_path)
    assert server.url == url
    assert server.running
    with Client(url) as client:
        assert client.releases() == ()
    failures: list[str] = []
    server.failed.connect(failures.append)
    with qtbot.waitSignal(server.ended, timeout=WAIT):
        server.stop()
    assert not server.running
    assert server.url == ""
    assert failures == []
    assert "stopped" in server.log


def test_it_can_be_started_again(server: LocalServer, qtbot: QtBot, tmp_path: Path) -> None:
    begin(server, qtbot, tmp_path)
    server.stop()
    with Client(begin(server, qtbot, tmp_path)) as client:
        assert client.releases() == ()


def test_a_second_start_leaves_the_first_alone(server: LocalServer, qtbot: QtBot, tmp_path: Path) -> None:
    url = begin(server, qtbot, tmp_path)
    server.start(tmp_path / "other", tmp_path / "state2")
    qtbot.wait(50)
    assert server.url == url
    assert not (tmp_path / "other").exists()


def test_why_it_does_not_start_is_the_servers_own_sentence(server: LocalServer, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(server.failed, timeout=WAIT) as blocker, qtbot.assertNotEmitted(server.ended):
        server.start(tmp_path, tmp_path / "state")
    assert blocker.args[0].startswith("No server could be started here. The state folder")
    assert "--state-dir" in blocker.args[0]
    assert not server.running


def test_one_that_dies_is_told(server: LocalServer, qtbot: QtBot, tmp_path: Path) -> None:
    begin(server, qtbot, tmp_path)
    with qtbot.waitSignals([server.failed, server.ended], timeout=WAIT):
        os.kill(server._process.processId(), signal.SIGKILL)
    assert server.url == ""


def test_no_python_to_run_is_told(
    server: LocalServer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))
    with qtbot.waitSignal(server.failed, timeout=WAIT) as blocker:
        server.start(tmp_path / "firmware", tmp_path / "state")
    assert "does not run" in blocker.args[0]


@pytest.mark.parametrize("deaf", [False, True], ids=["ends at SIGTERM", "ignores SIGTERM"])
def test_one_that_says_nothing_is_given_up_and_one_that_does_not_hear_is_killed(
    server: LocalServer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    silent = tmp_path / "silent"
    silent.write_text(f"#!/bin/sh\n{'trap : TERM; echo deaf >&2' if deaf else ''}\nwhile :; do sleep 0.1; done\n")
    silent.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(silent))
    if not deaf:
        monkeypatch.setattr(module, "START_MS", 100)
        with qtbot.waitSignal(server.failed, timeout=WAIT) as blocker:
            server.start(tmp_path / "firmware", tmp_path / "state")
        assert "said nothing" in blocker.args[0]
        return
    server.start(tmp_path / "firmware", tmp_path / "state")
    qtbot.waitUntil(lambda: "deaf" in server.log)
    monkeypatch.setattr(module, "_KILL_MS", WAIT)
    server.stop()
    assert not server.running


def test_it_ends_with_whoever_started_it_however_that_ends(tmp_path: Path) -> None:
    serving = ["-m", "desktop.bound", "server", "--firmware-dir", str(tmp_path / "fw"), "--state-dir", str(tmp_path / "state")]
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, *sys.argv[1:]], stderr=subprocess.PIPE, text=True)\n"
        "while 'people on' not in child.stderr.readline(): pass\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", text, *serving, "--http-port", "0", "--coap-port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        child = Path("/proc") / starter.stdout.readline().strip()
        assert child.exists()
        starter.kill()
    wait_until(lambda: not child.exists() or " Z" in (child / "stat").read_text(), what="the server's end")


def test_where_no_server_is_installed_it_says_how_to_get_one(
    server: LocalServer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with qtbot.waitSignal(server.failed, timeout=WAIT) as blocker:
        server.start(tmp_path / "firmware", tmp_path / "state")
    assert "sudo apt install ota-server" in str(blocker.args[0])
    assert not server.running
