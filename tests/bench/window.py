"""OTA Publisher: how long until a person can work with its window, and its memory then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from tests.bench import folders, table
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs, Unavailable

_STARTS = 5
_PATIENCE = 60
"""Seconds."""
_WATCHED = Path(__file__).with_name("watched_window.py")
_LISTS = 3


def run(plan: Plan, programs: Programs, checkout: Path) -> None:  # noqa: ARG001
    """Print the table."""
    count = _STARTS * plan.rounds
    table.doing(f"window: {count} starts")
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        first = _start(checkout, Path(temporary))
        starts = [_start(checkout, Path(temporary)) for _ in range(count)]
        table.doing(f"window: {plan.releases:,} releases, {_LISTS} times")
        holds = [_holds(checkout, Path(temporary), "long_list", str(plan.releases)) for _ in range(_LISTS)]
        folder = str(folders.many_releases(plan.releases))
        table.doing(f"window: a server with {plan.releases:,} releases, {_LISTS} times")
        live = [_holds(checkout, Path(temporary), "live_window", folder, str(plan.releases)) for _ in range(_LISTS)]
    shown, usable, memory = ([one[n] for one in starts] for n in range(3))
    row = [
        "`python -m desktop`, offscreen",
        table.milliseconds(first[1] * 1e6),
        *(table.milliseconds(median(part) * 1e6) for part in (shown, usable)),
        table.milliseconds(max(usable) * 1e6),
        table.figure(median(memory)),
    ]
    header = ("", "first start", f"shown, median of {count}", "takes input", "longest", "RSS MiB")
    note = "From the start of the process until the window is drawn, and until a key that is typed is in a field. Aim: 1.5 s."
    table.show("The window", header, [row], [note])
    acts = ("first shown", "shown again, unchanged", "sorted, worst column", "filtered, worst letter")
    rows = [[act, table.milliseconds(median(part) * 1e3)] for act, part in zip(acts, zip(*holds, strict=True), strict=True)]
    acts = ("a server's list, first", "the same, unchanged", "the same, one changed", "2 x 512 KiB checked", "and published")
    rows += [[act, table.milliseconds(median(part) * 1e3)] for act, part in zip(acts, zip(*live, strict=True), strict=True)]
    note = "For how long nothing else runs in the UI thread. Aim: 50 ms."
    table.show(f"The longest hold of the window, {plan.releases:,} releases", ("", f"median of {_LISTS}"), rows, [note])


def _start(checkout: Path, own: Path) -> tuple[float, float, float]:
    """Seconds until it is shown and until it takes input, and MiB. Raises Unavailable."""
    begin = time.clock_gettime(time.CLOCK_MONOTONIC)
    process = subprocess.Popen(
        [sys.executable, str(_WATCHED)], cwd=checkout, env=_environment(checkout, own), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"The window was not there within {_PATIENCE} s.") from None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    said = out.split()
    if process.returncode or len(said) != 3:
        raise Unavailable(f"The window did not start, status {process.returncode} (is PyQt5 installed?):\n{err.strip()}")
    shown, usable, kib = map(float, said)
    return shown - begin, usable - begin, kib / 1024


def _holds(checkout: Path, own: Path, module: str, *arguments: str) -> list[float]:
    """Milliseconds. Raises Unavailable."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    done = subprocess.run(
        command, cwd=checkout, env=_environment(checkout, own), capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        raise Unavailable(f"The list was not shown, status {done.returncode}:\n{done.stderr.strip()}")
    return [float(part) for part in done.stdout.split()]


def _environment(checkout: Path, own: Path) -> Mapping[str, str]:
    """Settings and data of its own, so that nobody's are read or written."""
    runtime = own / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(own / "config"),
        "XDG_DATA_HOME": str(own / "data"),
        "PYTHONPATH": str(checkout),
    }
