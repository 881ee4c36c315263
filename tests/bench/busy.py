"""Whether blocks stay quick while the server has slow requests, observers and garbage to deal with."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import folders, noise, servers, table
from tests.bench.load import Figures, Load, middle, total
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs
from tests.bench.servers import PATH, Running

_DEVICES, _SZX = 64, 2
_LISTERS = 4
_LISTING = ".well-known/core"
_SETTLE = 5.0
"""Seconds that the slow requests may run on after a measurement, at most."""
_HEADER = ("meanwhile", "p50", "p99", "p99 / alone", "p99 / elsewhere", "longest", "blocks/s", "retransmissions", "corrupt")


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print a block's times alone, beside noise that goes elsewhere, and beside noise for the server."""
    folder = folders.many_releases(plan.releases)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        elsewhere = Path(temporary, "elsewhere")
        for number in range(noise.OBSERVED):
            (elsewhere / folders.small(number)).mkdir(parents=True)
        with servers.ours(folder, Path(temporary, "state"), checkout) as server, _sink() as sink:
            _Busy(plan, Load(programs.coapload), server, folder, sink, elsewhere).run()


class _Busy:
    """The three measurements, in turns."""

    def __init__(self, plan: Plan, load: Load, server: Running, folder: Path, sink: Running, elsewhere: Path) -> None:
        self._plan = plan
        self._load = load
        self._server = server
        self._folder = folder
        self._sink = sink
        self._elsewhere = elsewhere
        self._listed: list[Figures] = []
        self._accepted = self._told = self._changed = 0

    def run(self) -> None:
        """All rounds, and the table."""
        alone, busy, control = [], [], []
        for number in range(self._plan.rounds):
            table.doing(f"busy: round {number + 1} of {self._plan.rounds}")
            alone.append(self._blocks())
            busy.append(self._busy())
            control.append(self._control())
        bases = middle(alone, "p99_us"), middle(control, "p99_us")
        names = {"nothing": alone, "the same noise, sent elsewhere": control, "noise for the server": busy}
        rows = [_row(name, figures, bases) for name, figures in names.items()]
        listed = middle(self._listed, "blocks_per_s")
        note = (
            f"Noise: {_LISTERS} clients fetching {_LISTING} of {self._plan.releases:,} releases without a pause"
            f" ({table.figure(listed)} blocks/s), {noise.GARBAGE_PER_S:,} garbage datagrams/s, {noise.CHANGES_PER_S} changed"
            f" manifests/s, {noise.OBSERVED} observations asked for in each round ({self._accepted} accepted in all,"
            f" {self._told} notifications of {self._changed} changes). Aim: a p99 below twice."
        )
        table.show(f"{_DEVICES} devices while the server is busy, blocks of {16 << _SZX} bytes", _HEADER, rows, [note])

    def _blocks(self) -> Figures:
        return self._load.for_seconds(self._server, self._folder / PATH, _DEVICES, _SZX, self._plan.seconds)

    def _busy(self) -> Figures:
        watchers, changes, garbage = self._noise(self._server.port, self._folder)
        listing = Running(0, self._server.port, _LISTING)
        with self._load.beside(listing, _LISTERS, self._plan.seconds + _SETTLE) as listers:
            with noise.during(watchers.run, changes.run, garbage.run):
                figures = self._blocks()
            self._listed.append(self._load.ended(listers))
        self._accepted += watchers.accepted
        self._told += watchers.told
        self._changed += changes.made
        return figures

    def _control(self) -> Figures:
        """Nobody answers at the sink, so the listers ask as often as they were answered before."""
        watchers, changes, garbage = self._noise(self._sink.port, self._elsewhere)
        every = _LISTERS / max(1.0, self._listed[-1].blocks_per_s)
        with self._load.beside(self._sink, _LISTERS, self._plan.seconds + _SETTLE, every):
            with noise.during(watchers.run, changes.run, garbage.run):
                return self._blocks()

    @staticmethod
    def _noise(port: int, folder: Path) -> tuple[noise.Observers, noise.Changes, noise.Garbage]:
        return noise.Observers(port), noise.Changes(folder), noise.Garbage(port)


@contextmanager
def _sink() -> Iterator[Running]:
    """A port that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        yield Running(0, int(sock.getsockname()[1]), _LISTING)


def _row(name: str, figures: list[Figures], bases: tuple[float, float]) -> list[str]:
    p99 = middle(figures, "p99_us")
    times = [table.milliseconds(middle(figures, "p50_us")), table.milliseconds(p99)]
    times += [f"{table.figure(p99 / base)}×" for base in bases]
    longest = table.milliseconds(max(run.max_us for run in figures))
    counts = [str(total(figures, which)) for which in ("retransmits", "corrupt")]
    return [name, *times, longest, table.figure(middle(figures, "blocks_per_s")), *counts]
