"""`python -m desktop.publish --wait`: what it says of real devices' updates, on a terminal and in a pipe, and how it exits."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.client import Client
from common.device import Device, UpdateState
from common.device_url import DeviceUrl
from common.errors import InvalidRequest, NotFound
from common.fleet_client import FleetClient
from common.notification import BatchState
from tests.fakes.http_server import FakeOtaServer
from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.integration.test_rehearsal import events, rehearsing, release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

COMMAND = (sys.executable, "-W", "error", "-m", "desktop.publish", "--notify-only")
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", "LANG": "C.UTF-8"}
SLOW = ("--speed", "1", "--block", "64", "--delay", "0.5")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state", "--patience", "20") as server:
        release(server, "v2")
        yield server


@contextmanager
def devices(server: Server, *flags: str) -> Iterator[list[str]]:
    """Device URLs of a rehearsal that ends with the block."""
    where = ("--address", "127.5.0.1", "--port", "0", "--server", f"127.0.0.1:{server.coap_port}")
    speed = () if "--speed" in flags else ("--speed", "50", "--block", "256")
    with rehearsing(*where, *speed, *flags) as (process, urls):
        try:
            yield urls
        finally:
            process.send_signal(signal.SIGTERM)
            events(process)


def command(server: Server | FakeOtaServer, *arguments: str) -> list[str]:
    return [*COMMAND, "--server", server.url, *arguments]


def run(server: Server | FakeOtaServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, in pipes."""
    return subprocess.run(
        command(server, *arguments), capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False
    )


@contextmanager
def started(server: Server, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command(server, *arguments), text=True, env=ENVIRONMENT, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def known(server: Server, url: str) -> Device | None:
    with Client(server.url) as client:
        return next((d for d in FleetClient(client).devices() or () if d.url == url), None)


def is_confirmed(server: Server, url: str) -> bool:
    device = known(server, url)
    return device is not None and device.update is not None and device.update.state is UpdateState.CONFIRMED


def test_each_device_comes_to_its_end(server: Server) -> None:
    with devices(server, "--count", "3", "--fault", "bad-signature", "--fault", "no-proof") as urls:
        done = run(server, "--publish-id", "v2", "--wait", "100", *urls)
    assert (done.returncode, done.stderr) == (75, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Notifying of v2."
    last = {url: [line for line in lines if line.startswith(url)][-1].removeprefix(url).strip() for url in urls}
    assert last[urls[0]].startswith("failed: It has the manifest and asked for no image: likely the signature")
    assert last[urls[1]].startswith("downloaded, not confirmed: ")
    assert re.fullmatch(r"confirmed: Slot 1 is active now\.", last[urls[2]])
    assert lines[-1] == "1 confirmed, 1 downloaded, not confirmed, 1 failed."


def test_names_and_groups_and_json(server: Server) -> None:
    (server.folder / "other").mkdir()
    (server.folder / "other" / "manifest").write_bytes(b"no manifest")
    (server.folder / "other" / "slot0").write_bytes(b"no image")
    server.wait_ready("other")
    with devices(server, "--count", "2") as urls, Client(server.url) as client:
        assert run(server, "--publish-id", "other", "--wait", "60", *urls).returncode == 75, "it is no release"
        fleet = FleetClient(client)
        with pytest.raises(NotFound):
            fleet.name_device("127.5.9.9", "nobody")
        for number, name in enumerate(("cellar", "stove"), 1):
            assert fleet.name_device(f"127.5.0.{number}", name, "kitchen").name == name
        assert fleet.device("127.5.0.1").group == "kitchen"
        assert fleet.devices() == fleet.devices()
        done = run(server, "--publish-id", "v2", "--wait", "100", "--group", "kitchen")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert {"cellar  confirmed: Slot 1 is active now.", "stove   confirmed: Slot 1 is active now."} < set(
            done.stdout.splitlines()
        )
        assert done.stdout.splitlines()[-1] == "2 confirmed."
        again = run(server, "--publish-id", "v2", "--wait", "100", "--json", "--group", "kitchen", urls[0])
        data = json.loads(again.stdout)
        found = [Device.from_json(device) for device in data["devices"]]
        assert sorted(device.name for device in found) == ["cellar", "stove"]
        assert [device.update.publish_id for device in found if device.update] == ["v2", "v2"]
        assert len(data["results"]) == 2, "a device of the group that is named, too, is told once"
        assert (again.returncode, again.stderr) == (75, ""), "they run it already, and refuse the same number"
        nobody = run(server, "--publish-id", "v2", "--group", "attic")
        assert (nobody.returncode, "'attic'" in nobody.stderr) == (64, True)
        batch = fleet.notifications()[0]
        with pytest.raises(InvalidRequest):
            fleet.set_state(batch.id, BatchState.DONE)


def test_a_notification_is_paused_and_cancelled(server: Server) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(RiotDevice(Behaviour(silent=True), host="127.0.0.1")) for _ in range(3)]
        client = stack.enter_context(Client(server.url))
        fleet = FleetClient(client)
        batch = fleet.notify("v2", [DeviceUrl.parse(device.url) for device in silent])
        for state in (BatchState.PAUSED, BatchState.RUNNING, BatchState.CANCELLED):
            assert fleet.set_state(batch.id, state).state is state
        assert [found.id for found in fleet.notifications()] == [batch.id]
        with pytest.raises(NotFound):
            fleet.set_state("none", BatchState.PAUSED)


def test_a_download_counts_where_it_is_accepted(server: Server) -> None:
    with devices(server, "--fault", "no-proof") as urls:
        done = run(server, "--publish-id", "v2", "--wait", "100", "--accept", "downloaded", *urls)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(f"{urls[0]}  downloaded, not confirmed: ")


def test_bars_on_a_terminal(server: Server) -> None:
    terminal, ours = _terminal()
    flags = ("--count", "2", "--fault", "bad-signature", "--speed", "20", "--delay", "0.5", "--block", "64")
    with devices(server, *flags) as urls:
        arguments = ("--publish-id", "v2", "--wait", "100", *urls)
        with started(server, *arguments, stdin=ours, stdout=ours, stderr=ours) as process:
            os.close(ours)
            text = _read(terminal).decode()
            assert process.wait(timeout=60) == 75
    os.close(terminal)
    assert re.search(r"127\.5\.0\.2:\d+/suit/trigger  fetching slot1 +[█░]{10,} +\d+%  +\d+\.?\d* k?B/s", text)
    assert "✓ confirmed: Slot 1 is active now." in text
    assert "✗ failed: " in text
    left = text.rpartition("\x1b[J")[2].replace("\r\n", "\n")
    assert [line.split()[1] for line in left.splitlines()[:2]] == ["failed:", "confirmed:"], "the bars are gone"
    assert left.splitlines()[-1] == "1 confirmed, 1 failed."


def test_ctrl_c_leaves_the_devices_alone(server: Server) -> None:
    with devices(server, "--count", "1", "--speed", "20", "--delay", "0.5", "--block", "64") as urls:
        arguments = ("--publish-id", "v2", "--wait", "100", *urls)
        with started(server, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            _read_until_fetching(process)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err == "Interrupted: 1 device that is under way goes on without this command, and the server with them.\n"
        wait_until(lambda: is_confirmed(server, urls[0]), 60, "the device to go on")


def test_ctrl_c_on_a_terminal(server: Server) -> None:
    terminal, ours = _terminal()
    with devices(server, "--count", "1", *SLOW) as urls:
        arguments = ("--publish-id", "v2", "--wait", "100", *urls)
        with started(server, *arguments, stdin=ours, stdout=ours, stderr=ours) as process:
            os.close(ours)
            shown = _read(terminal, b"  fetching ")
            process.send_signal(signal.SIGINT)
            left = (shown + _read(terminal)).decode().rpartition("\x1b[J")[2].splitlines()
            assert process.wait(timeout=60) == 130
    os.close(terminal)
    assert [line.partition(" ")[0] for line in left] == [urls[0], "Interrupted:"], "how it stood, in the place of the bars"


def test_the_wait_is_over_before_the_end(server: Server) -> None:
    with devices(server, "--count", "1", *SLOW) as urls:
        done = run(server, "--publish-id", "v2", "--wait", "4", "--json", *urls)
    data = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (75, "")
    start = f"The wait of 4 s is over: still under way: {urls[0]} ("
    assert data["message"].startswith(start)
    assert data["message"].endswith("). The server and the devices go on without this command.")


def test_the_server_is_gone_while_devices_are_watched(server: Server) -> None:
    with devices(server, "--count", "1", *SLOW) as urls:
        arguments = ("--publish-id", "v2", "--wait", "15", *urls)
        with started(server, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            _read_until_fetching(process)
            server.stop()
            _, err = process.communicate(timeout=100)
    assert process.returncode == 69
    assert "nothing listens there" in err


def test_a_server_that_reports_no_devices(samples: Path) -> None:
    folder = samples / "fw" / "sample" / "samr21-xpro"
    with FakeOtaServer() as server:
        files = ["--manifest", folder / "riot.suit.1700000100.bin", "--slot0", folder / "slot0.1700000100.bin"]
        publish = [*COMMAND[:-1], "--server", server.url, *map(str, files), "v1"]
        assert subprocess.run(publish, env=ENVIRONMENT, timeout=60, check=False, stdout=subprocess.DEVNULL).returncode == 0
        done = run(server, "--publish-id", "v1", "--wait", "60", "10.0.0.7")
        assert (done.returncode, done.stderr) == (75, "")
        assert done.stdout.splitlines() == [
            "Notifying of v1.",
            "10.0.0.7/suit/trigger  accepted (2.01)",
            "This server does not say what becomes of its devices: that they accepted is all that is known.",
        ]
        group = run(server, "--publish-id", "v1", "--group", "kitchen", "10.0.0.8")
        assert (group.returncode, group.stdout) == (64, "")
        assert "knows no groups of devices" in group.stderr
        assert len(server.notified) == 1


def test_a_rollout_is_watched_to_its_end(server: Server) -> None:
    with devices(server, "--count", "4") as urls:
        wave = ("--publish-id", "v2", "--waves", "1,50%,rest", *urls)
        done = run(server, *wave, "--wait", "100", "--json")
        data = json.loads(done.stdout)
        assert (done.returncode, done.stderr, data["message"]) == (0, "", "Done: 4 devices touched, 0 untouched, 4 confirmed.")
        assert (data["rollout"]["state"], len(data["devices"])) == ("done", 4)


def test_a_rollout_that_stops(server: Server) -> None:
    with devices(server, "--count", "4", "--fault", "bad-signature:4") as urls:
        arguments = ("--publish-id", "v2", "--waves", "1,rest", "--stop-after", "1", "--share", "90%", *urls)
        done = run(server, *arguments, "--wait", "100")
        assert (done.returncode, done.stderr) == (75, "")
        assert done.stdout.splitlines()[-1] == "Stopped in wave 1 of 2: 1 device touched, 3 untouched."
        begun = run(server, *arguments)
        assert (begun.returncode, begun.stdout.count("\n")) == (0, 2)


def _read_until_fetching(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert any("  fetching " in line for line in process.stdout)


def _terminal() -> tuple[int, int]:
    """Its two sides, of 100 columns."""
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    return terminal, ours


def _read(terminal: int, words: bytes | None = None) -> bytes:
    """All that is shown up to `words`, or until nobody has the other side open."""
    shown = b""
    while words is None or words not in shown:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # EIO
            return shown
        if not piece:
            return shown
        shown += piece
    return shown
