"""A real X display with a window manager, and hands at its mouse and keyboard."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import ROOT
from tests.waiting import wait_until

PACKAGES = {"Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "import": "imagemagick"}
"""Programs, and where Debian has them."""
LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt loads to open a window there."""
PICTURES = ROOT / "tests" / "output"
CALL = 60
"""Seconds for one call of a tool; a long one costs nothing when all is well."""
REST = 0.7
"""Seconds in which a screen that rests has not changed; more than what the window waits before it checks files."""


def missing() -> str:
    """How what is missing is installed; "" where all is there."""
    packages = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    packages += [package for name, package in LIBRARIES.items() if not _loads(name)]
    return f"no X display: apt-get install {' '.join(packages)}" if packages else ""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Box:
    """Where a window is, without its frame."""

    left: int
    top: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[int, int]:
        """Its middle."""
        return self.left + self.width // 2, self.top + self.height // 2


class Display:
    """What a person sees and does. Threads: any."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self.environment = {**environment, "DISPLAY": name}
        """For programs that are to open their windows here."""

    def xdotool(self, *words: object) -> str:
        """What it prints; "" where it found nothing, or could not."""
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(command, check=False, env=self.environment, capture_output=True, text=True, timeout=CALL)
        return done.stdout.strip() if done.returncode == 0 else ""

    def window(self, title: str) -> str:
        """The id of the window with this title, once it is shown."""
        found: list[str] = []

        def there() -> bool:
            found[:] = self.xdotool("search", "--onlyvisible", "--name", f"^{title}$").split()
            return bool(found)

        wait_until(there, CALL, f"the window {title!r}")
        return found[-1]

    def box(self, window: str) -> Box:
        """Where it is now."""
        told = self.xdotool("getwindowgeometry", "--shell", window).split()
        values = dict(line.split("=") for line in told)
        return Box(*(int(values[key]) for key in ("X", "Y", "WIDTH", "HEIGHT")))

    def move(self, window: str, left: int, top: int) -> None:
        """Put it there; its frame comes on top of that."""
        self.xdotool("windowmove", window, left, top)
        wait_until(lambda: self.box(window).left - left in range(40) and self.box(window).top - top in range(60), what="the move")

    def resize(self, window: str, width: int, height: int) -> None:
        """Make it so large, without its frame."""
        self.xdotool("windowsize", window, width, height)
        wait_until(lambda: (self.box(window).width, self.box(window).height) == (width, height), what="the new size")

    def activate(self, window: str) -> None:
        """Give it the keyboard."""
        self.xdotool("windowactivate", window)
        wait_until(lambda: self.xdotool("getactivewindow") == window, what="the window to be active")
        wait_until(lambda: self.xdotool("getwindowfocus") == window, what="the window to have the keyboard")

    def press(self, *keys: str) -> None:
        """Keys of the keyboard, one after the other, for whatever window has it."""
        self.xdotool("key", "--clearmodifiers", *keys)

    def picture(self, name: str, window: str = "root") -> Path:
        """The whole screen as it is now, or what a window has inside its frame, in the folder of the pictures."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"x-{name}.png"
        subprocess.run(["import", "-window", window, str(path)], env=self.environment, check=True, timeout=CALL)
        return path

    def still_picture(self, name: str) -> Path:
        """The same, once nothing moves any more; of a screen that never rests, the last one."""
        before, again = b"", 0.0

        def rests() -> bool:
            nonlocal before, again
            if time.monotonic() < again:
                return False
            last, before = before, self._pixels()
            again = time.monotonic() + REST
            return last == before

        end = time.monotonic() + 5
        wait_until(lambda: rests() or time.monotonic() > end, CALL, "a screen that rests")
        return self.picture(name)

    def _pixels(self) -> bytes:
        command = ["import", "-window", "root", "rgb:-"]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=CALL).stdout


@contextmanager
def display(home: Path, size: tuple[int, int] = (1600, 900)) -> Iterator[Display]:
    """An X server on a free number, and openbox on it; all of both stays below `home`."""
    screen = f"{size[0]}x{size[1]}x24"
    # Without -noreset it drops everybody each time that the last program has gone, who is a tool that asks whether it is there.
    with _ended(["Xvfb", "-displayfd", "1", "-screen", "0", screen, "-nolisten", "tcp", "-noreset"], stdout=True) as server:
        assert server.stdout is not None
        number = server.stdout.readline().strip()  # written once it takes clients; empty where it ended instead
        assert number, "Xvfb did not start"
        shown = Display(f":{number}", own_environment(home))
        with _ended(["openbox", "--sm-disable"], environment=shown.environment):
            wait_until(lambda: shown.xdotool("get_num_desktops"), CALL, "the window manager")
            yield shown


def own_environment(home: Path) -> dict[str, str]:
    """Variables for programs that are to find and to leave nothing of the person's who runs the tests."""
    folders = {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state"}
    made = {variable: str(home / name) for variable, name in folders.items()}
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, parents=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("QT_", "XDG_", "DBUS_", "WAYLAND_"))}
    kept.pop("XAUTHORITY", None)
    fixed = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "QT_QPA_PLATFORM": "xcb", "QT_FONT_DPI": "96"}
    return {**kept, **made, **fixed, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


@contextmanager
def _ended(
    command: Sequence[str], environment: Mapping[str, str] | None = None, stdout: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended at the end."""
    out = subprocess.PIPE if stdout else subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(CALL)
        if process.stdout is not None:
            process.stdout.close()
