"""OTA Publisher as a person has it: a real display, files dragged out of another program, the button pressed by keyboard."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.drag_source import TITLE
from tests.support.releases import SAMPLE
from tests.support.server import ROOT, Server, running
from tests.support.x_display import Display, display, missing
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
FILES = [SAMPLE / f"{name}.1700000200.bin" for name in ("riot.suit", "slot0", "slot1")]
PUBLISH_ID = "samr21-xpro-1700000200"
"""What the window proposes for them."""
HOST = "127.0.0.3"
"""Where the server listens for devices; to people it is the host that the sample's manifest names."""
COUNT = 3
"""Devices; the first one refuses."""
DELAY = 0.02
"""Seconds for a datagram, so that an image takes some twenty."""
MANY = 120
"""Seconds for what a device does; a long one costs nothing when all is well."""
PROGRAMS = {"light": "desktop", "dark": "tests.support.dark_publisher"}
"""The window as it is, and with a dark desktop's palette."""
STEPS = 8
"""Of the pointer, on the way from one window into the other."""
AGAIN = 2.0
"""Seconds until a key is pressed again that the window did not take."""


class Program:
    """A running `python -m ...` on the display; what it said so far, by lines."""

    def __init__(self, shown: Display, module: str, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=shown.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, line: str) -> bool:
        """Whether a line began so."""
        return any(one.startswith(line) for one in list(self.lines))

    def end(self) -> None:
        """Have it end, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def program(shown: Display, module: str, *arguments: str) -> Iterator[Program]:
    """It is ended at the end."""
    one = Program(shown, module, *arguments)
    try:
        yield one
    finally:
        one.end()
        print(module, *one.lines, sep="\n  ")  # pytest shows it with a failure


def remembered(home: Path, server: str, devices: Sequence[str]) -> Path:
    """The settings of a person who has been here before, with this server and these devices."""
    file = home / "config" / "ota-server" / "ota-publisher.ini"
    file.parent.mkdir(parents=True)
    kept = {"servers": [server], "devices": "\n".join(devices)}
    file.write_text("[General]\n" + "".join(f"{key}={json.dumps(json.dumps(value))}\n" for key, value in kept.items()))
    return file


def glide(shown: Display, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Move the pointer as a hand does, in steps that programs have the time to see."""
    words: list[object] = []
    for step in range(1, STEPS + 1):
        here = (start[side] + (end[side] - start[side]) * step // STEPS for side in (0, 1))
        words += ["mousemove", *here, "sleep", "0.1"]
    shown.xdotool(*words)


def hold_over(shown: Display, source: Program, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag all that the source has to `end`, and keep the button held there until the window would take it."""
    shown.xdotool("mousemove", *start)
    shown.xdotool("mousedown", 1)
    wait_until(lambda: source.said("pressed"), what="the press")
    glide(shown, start, end)
    wait_until(lambda: source.said("dragging"), what="the drag to begin")

    def taken() -> bool:
        shown.xdotool("mousemove_relative", 1, 1, "sleep", "0.1", "mousemove", *end, "sleep", "0.1")
        return [line for line in source.lines if line.startswith("action")][-1:] == ["action 1"]

    wait_until(taken, what="the window to take what is dragged")


def press_until(shown: Display, keys: str, condition: Callable[[], object], what: str, timeout: float = 120) -> None:
    """A key of a button that is not enabled yet does nothing, so it is pressed again, as a person does."""
    pressed = float("-inf")

    def done() -> bool:
        nonlocal pressed
        if condition():
            return True
        if time.monotonic() >= pressed + AGAIN:
            shown.press(keys)
            pressed = time.monotonic()
        return False

    wait_until(done, timeout, f"{what}, with {keys} pressed again and again")


def releases(server: Server) -> Sequence[str]:
    """The publish ids on the server."""
    answer = requests.get(f"{server.url}/api/v1/releases", timeout=60).json()
    return [release["publish_id"] for release in answer["releases"]]


def summary(source: Program) -> str:
    """What the window put on the clipboard last."""
    return next((str(json.loads(line.partition(" ")[2])) for line in reversed(source.lines) if line.startswith("copied")), "")


def rehearsal(shown: Display, server: Server) -> AbstractContextManager[Program]:
    """Devices that ask this server, whatever host the sample's manifest names."""
    flags = ["--json", "--count", COUNT, "--address", "127.1.7.1", "--port", free_port("127.1.7.1", 5684), "--fault", "refuses"]
    flags += ["--server", f"{HOST}:{server.coap_port}", "--delay", DELAY]
    return program(shown, "server.rehearsal", *map(str, flags))


def free_port(host: str, port: int) -> int:
    """This one, or any where it is taken; devices on the server's own port of a loopback address count as the server itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return 0
    return port


def events(devices: Program, name: str) -> list[dict[str, Any]]:
    """What the devices said of this kind."""
    return [event for event in map(json.loads, list(devices.lines)) if event["event"] == name]


def halfway(server: Server) -> bool:
    """Whether every device that fetches an image is in the midst of it."""
    answer = requests.get(f"{server.url}/api/v1/transfers", timeout=60).json()
    done = [100 * one["bytes"] / one["size"] for one in answer["transfers"] if one["role"] != "manifest"]
    return len(done) == COUNT - 1 and all(20 < percent < 80 for percent in done)


def shares(text: str) -> list[int]:
    """The percentages of images in a summary."""
    return [int(found) for found in re.findall(r"slot\d · (\d+) %", text)]


@pytest.mark.parametrize("scheme", PROGRAMS)
def test_files_are_dragged_in_published_by_keyboard_and_devices_take_them(tmp_path: Path, scheme: str) -> None:
    home = tmp_path / "home"
    flags = ("--coap-host", "fd00:dead:beef::1", "--coap-bind", HOST, "--coap-port", str(free_port(HOST, 5683)))
    with (
        running(tmp_path / "firmware", tmp_path / "server-state", *flags) as server,
        display(home) as shown,
        rehearsal(shown, server) as devices,
    ):
        wait_until(lambda: len(events(devices, "listening")) == COUNT, what="the devices to listen")
        urls = [event["url"] for event in events(devices, "listening")]
        settings = remembered(home, server.url, urls)
        with (
            program(shown, PROGRAMS[scheme]) as publisher,
            program(shown, "tests.support.drag_source", *map(str, FILES)) as source,
        ):
            window, files = shown.window("OTA Publisher"), shown.window(TITLE)
            shown.move(window, 20, 40)
            shown.resize(window, 1180, 800)
            shown.still_picture(f"{scheme}-1-empty")

            start, end = shown.box(files).centre, shown.box(window).centre
            hold_over(shown, source, start, end)
            shown.picture(f"{scheme}-2-held-over")
            shown.xdotool("mouseup", 1)
            wait_until(lambda: source.said("dropped"), what="the drop")
            assert source.said("dropped 1")
            wait_until(lambda: FILES[0].name in settings.read_text(), what="the files to be read")
            shown.picture(f"{scheme}-3-dropped")
            assert releases(server) == []

            shown.activate(window)
            shown.press("Tab")  # out of the address, where a key of a button that is not enabled would be typed
            shown.xdotool("mousemove", *start)  # nothing in the window is below the pointer
            shown.still_picture(f"{scheme}-4-checked")
            press_until(shown, "alt+u", lambda: PUBLISH_ID in releases(server), "the release")
            server.wait_ready(PUBLISH_ID)
            wait_until(lambda: halfway(server), MANY, "the devices to be in the midst of the image")
            press_until(
                shown, "alt+m", lambda: len(s := shares(summary(source))) == COUNT - 1 and min(s) >= 20, "the fetching", MANY
            )
            shown.picture(f"{scheme}-5-fetching", window)
            assert max(shares(summary(source))) < 80
            assert summary(source).count("fetching") == COUNT - 1
            assert summary(source).count("refused") == 1

            wait_until(lambda: len(events(devices, "running")) == COUNT - 1, MANY, "the devices to run the image")
            downloaded = "downloaded, not confirmed"
            press_until(shown, "alt+m", lambda: summary(source).count(downloaded) == COUNT - 1, "the end", MANY)
            shown.still_picture(f"{scheme}-6-downloaded")
            assert PUBLISH_ID in summary(source)

            shown.press("ctrl+2")
            shown.still_picture(f"{scheme}-7-releases")
            shown.press("ctrl+q")
            assert publisher.process.wait(60) == 0
        assert publisher.lines == []
        assert {event["version"] for event in events(devices, "running")} == {1700000200}
