"""OTA Publisher as a person has it: a real display, files dragged out of another program, the button pressed by keyboard."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.fakes.riot_device import RiotDevice
from tests.fakes.riot_fetch import fetch
from tests.support.drag_source import TITLE
from tests.support.releases import SAMPLE
from tests.support.server import ROOT, Server, running
from tests.support.x_display import Display, display, missing
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
FILES = [SAMPLE / f"{name}.1700000200.bin" for name in ("riot.suit", "slot0", "slot1")]
PUBLISH_ID = "samr21-xpro-1700000200"
"""What the window proposes for them."""
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
            self.process.wait(20)
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


def remembered(home: Path, server: str, device: str) -> Path:
    """The settings of a person who has been here before, with this server and this device."""
    file = home / "config" / "ota-server" / "ota-publisher.ini"
    file.parent.mkdir(parents=True)
    file.write_text(f"[General]\nservers={json.dumps(json.dumps([server]))}\ndevices={json.dumps(json.dumps(device))}\n")
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


def press_until(shown: Display, keys: str, condition: Callable[[], object], what: str) -> None:
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

    wait_until(done, 40, f"{what}, with {keys} pressed again and again")


def releases(server: Server) -> Sequence[str]:
    """The publish ids on the server."""
    answer = requests.get(f"{server.url}/api/v1/releases", timeout=30).json()
    return [release["publish_id"] for release in answer["releases"]]


def summary(source: Program) -> str:
    """What the window put on the clipboard last."""
    return next((str(json.loads(line.partition(" ")[2])) for line in reversed(source.lines) if line.startswith("copied")), "")


def test_files_are_dragged_in_published_by_keyboard_and_fetched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        RiotDevice(host="::1") as device,
        running(tmp_path / "firmware", tmp_path / "server-state") as server,
        display(home) as shown,
    ):
        settings = remembered(home, server.url, device.url)
        with (
            program(shown, "desktop") as publisher,
            program(shown, "tests.support.drag_source", *map(str, FILES)) as source,
        ):
            window, files = shown.window("OTA Publisher"), shown.window(TITLE)
            shown.move(window, 20, 40)
            shown.still_picture("1-empty")

            start, end = shown.box(files).centre, shown.box(window).centre
            hold_over(shown, source, start, end)
            shown.picture("2-held-over")
            shown.xdotool("mouseup", 1)
            wait_until(lambda: source.said("dropped"), what="the drop")
            assert source.said("dropped 1")
            wait_until(lambda: FILES[0].name in settings.read_text(), what="the files to be read")
            shown.picture("3-dropped")
            assert releases(server) == []

            shown.activate(window)
            shown.press("Tab")  # out of the address, where a key of a button that is not enabled would be typed
            shown.still_picture("4-checked")
            press_until(shown, "alt+u", lambda: PUBLISH_ID in releases(server), "the release")
            server.wait_ready(PUBLISH_ID)
            wait_until(lambda: device.triggered, what="the device to be told")
            press_until(shown, "alt+m", lambda: "notified" in summary(source), "the summary")
            shown.still_picture("5-published")
            assert PUBLISH_ID in summary(source)

            shown.press("ctrl+2")
            shown.still_picture("6-releases")
            shown.press("ctrl+q")
            assert publisher.process.wait(20) == 0
        assert publisher.lines == []

        told = urlsplit(device.triggered[0])
        assert told.path == f"/{PUBLISH_ID}/manifest"
        assert told.hostname is not None
        assert told.port is not None
        address = (told.hostname, told.port)
        assert fetch(address, told.path.lstrip("/")) == FILES[0].read_bytes()
        for path in FILES[1:]:  # where the manifest sends the device, whatever the release is called
            assert fetch(address, f"fw/sample/samr21-xpro/{path.name}", 1024) == path.read_bytes()
