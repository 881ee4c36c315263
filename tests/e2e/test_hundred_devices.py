"""A hundred devices over a bad radio, ten of them with faults of ten kinds: the verdict on each is the true one.

The rehearsal's devices live 20 times as fast as real ones, and the server's patience is the default's twentieth. The server's own
requests are not faster: a device that is lost to it takes three questions of up to 10 s each. Blocks of 256 bytes
make it 16 to an image: at 15 % loss one device in thirty gives one up after five sends (RIOT), and begins again.
A device gives up for good when it hears nothing for some four seconds; a server that takes longer to start on a slow machine
is waited for, as a real device would.
"""

from __future__ import annotations

import functools
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import requests

from common.device import Device, UpdateState
from tests.e2e.test_rollouts import free_port
from tests.integration.test_rehearsal import notify, rehearsing, release
from tests.support.server import Server

COUNT = 100
FAULTS = (
    "bad-signature", "wrong-class", "digest", "power-loss", "radio-dies",
    "never-fetches", "refuses", "wrong-path", "no-reboot", "dies-after-reboot",
)  # fmt: skip
OUTAGE = 1.0
"""Seconds that the devices see of one; to them it is 20."""
FLAGS = ("--patience", "30", "--max-transfers", "16")
REHEARSAL = ("--loss", "0.15", "--block", "256", "--speed", "20", "--seed", "55", "--nul-bug")
OLD_SLOT = (UpdateState.FAILED, "the old slot")
STOPPED = (UpdateState.FAILED, "It stopped in the middle of the image")
AT_MANIFEST = (UpdateState.FAILED, "It has the manifest and asked for no image")
SINCE_START = "since the server was started again"
"""A server that is killed forgets what it saw in its last second, and says no more than it knows. Who updated proves it."""
VERDICTS: dict[tuple[str, int | None], tuple[UpdateState, str]] = {
    # how it ended, the number on its console: the verdict, and words of its reason
    ("updated", None): (UpdateState.CONFIRMED, "Slot 1 is active now."),
    ("failed", -6): AT_MANIFEST,
    ("failed", -4): AT_MANIFEST,
    ("failed", -7): OLD_SLOT,
    ("failed", None): (UpdateState.FAILED, "the manifest's path with something behind it"),
    ("lost-power", None): STOPPED,
    ("radio-dead", None): STOPPED,
    ("nothing-asked", None): (UpdateState.SILENT, "It took the notification, and asked for nothing."),
    ("refused", None): (UpdateState.FAILED, "It did not take the notification. Refused (4.04)"),
    ("not-rebooted", None): OLD_SLOT,
    ("dead", None): (UpdateState.SILENT, "It has all blocks, and gave no answer since."),
}


def followed(server: Server, between: Callable[[int], None]) -> list[Device]:
    """The devices when there is a verdict on each; `between` hears of how many there is one."""
    end = time.monotonic() + 120
    while True:
        shown = requests.get(f"{server.url}/api/v1/devices", timeout=30).json()["devices"]
        found = [Device.from_json(device) for device in shown]
        over = sum(device.update is not None and device.update.over for device in found)
        if over == COUNT:
            return found
        assert time.monotonic() < end, states(found)
        between(over)
        time.sleep(0.1)


@contextmanager
def paused_after(seconds: float, devices: Popen[str]) -> Iterator[None]:
    """Within it, the devices' time stands still after so many seconds."""
    timer = threading.Timer(seconds, devices.send_signal, (signal.SIGSTOP,))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        devices.send_signal(signal.SIGCONT)


def states(devices: Sequence[Device]) -> Counter[str]:
    return Counter(f"{d.update.state} {d.update.reason}" for d in devices if d.update is not None)


def truth(said: Sequence[dict[str, Any]]) -> dict[str, tuple[str, int | None]]:
    """How each device ended, as it says itself."""
    settled = {event["device"]: (event["end"], event["error"]) for event in said if event["event"] == "settled"}
    assert len(settled) == COUNT
    return settled


@pytest.mark.parametrize("kills", [(), (15, 40, 65)], ids=["undisturbed", "killed three times"])
def test_the_verdict_on_each_device_is_the_true_one(tmp_path: Path, kills: tuple[int, ...]) -> None:
    port = str(free_port())
    server = Server(tmp_path / "fw", tmp_path / "state", [*FLAGS, "--coap-port", port]).start()
    said: list[dict[str, Any]] = []
    left = list(kills)

    def kill(devices: Popen[str], over: int) -> None:
        if left and over >= left[0]:
            del left[0]
            server.stop(signal.SIGKILL)
            assert "Traceback" not in server.log, server.log
            server.lines.clear()
            with paused_after(OUTAGE, devices):
                server.start()

    address = "127.9.0.1" if not kills else "127.9.1.1"
    flags = ["--count", str(COUNT), "--address", address, "--port", "0", "--server", f"127.0.0.1:{port}", *REHEARSAL]
    flags += [word for fault in FAULTS for word in ("--fault", fault)]
    try:
        release(server, "v2")
        with rehearsing(*flags) as (process, urls):
            assert process.stdout is not None
            out = process.stdout
            reader = threading.Thread(target=lambda: said.extend(json.loads(line) for line in out))
            reader.start()
            try:
                notify(server, "v2", urls)
                devices = followed(server, functools.partial(kill, process))
            finally:
                process.send_signal(signal.SIGTERM)
                reader.join()
        assert left == []
    finally:
        server.stop()
    assert "Traceback" not in server.log, server.log
    settled = truth(said)
    assert Counter(settled.values())["updated", None] == COUNT - len(FAULTS)
    wrong = []
    for device in devices:
        end = settled[device.device]
        state, words = VERDICTS[end]
        assert device.update is not None
        true = device.update.state is state and words in device.update.reason
        if kills and end != ("updated", None):
            true = true or (device.update.state is not UpdateState.CONFIRMED and SINCE_START in device.update.reason)
        if not true:
            wrong.append((device.device, end, device.update.state, device.update.reason))
    assert wrong == []
