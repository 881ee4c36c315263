"""A folder of many releases: what it costs a block, the start, and a change."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench import folders, probe, servers, table
from tests.bench.load import Figures, Load, middle, total
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs
from tests.bench.servers import PATH, Running

_DEVICES = 64
_CHANGES = 5
_NO_RESCAN = ("--rescan", "86400")
"""The look at the whole folder once a minute would fall into some runs and not into others."""


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print the tables."""
    table.doing(f"catalogue: a folder of {plan.releases:,} releases")
    many = folders.many_releases(plan.releases)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        base = Path(temporary)
        folders.one_release(base / "one")
        _starts(plan, {"opaque": many, "SUIT, signed": folders.many_releases(plan.releases, suit=True)}, base, checkout)
        with servers.ours(base / "one", base / "state-one", checkout, _NO_RESCAN) as one:
            with servers.ours(many, base / "state-many", checkout, _NO_RESCAN) as full:
                _blocks(plan, Load(programs.coapload), {"1": one, f"{plan.releases:,}": full}, many / PATH)
                _changes(plan, full, many)


def _starts(plan: Plan, kinds: dict[str, Path], base: Path, checkout: Path) -> None:
    rows = [[kind, f"{plan.releases:,}", *_start(plan, kind, folder, base, checkout)] for kind, folder in kinds.items()]
    note = "From exec to the first block, with the folder in the page cache. Aim: below 3 s the second time."
    table.show("The start", ("manifests", "releases", "first time", "second time, same --state-dir"), rows, [note])


def _start(plan: Plan, kind: str, folder: Path, base: Path, checkout: Path) -> list[str]:
    first: list[float] = []
    second: list[float] = []
    for number in range(plan.rounds):
        state = base / f"state-{kind[:4]}-{number}"
        for which, times in (("first", first), ("second", second)):
            table.doing(f"catalogue: the {which} start, {kind} manifests, round {number + 1} of {plan.rounds}")
            begin = time.monotonic()
            with servers.ours(folder, state, checkout):
                times.append(time.monotonic() - begin)
    return [f"{table.figure(median(times))} s" for times in (first, second)]


def _blocks(plan: Plan, load: Load, running: dict[str, Running], image: Path) -> None:
    rows = []
    idle = {name: _idle(server, plan.seconds) for name, server in running.items()}
    for szx in plan.sizes:
        runs: dict[str, list[Figures]] = {name: [] for name in running}
        for number in range(plan.rounds):
            for name, server in running.items():
                table.doing(f"catalogue: {name} releases, blocks of {16 << szx} bytes, round {number + 1} of {plan.rounds}")
                runs[name].append(load.for_seconds(server, image, _DEVICES, szx, plan.seconds))
        base = middle(runs["1"], "cpu_us_per_block")
        for name, figures in runs.items():
            cpu = middle(figures, "cpu_us_per_block")
            cells = [table.figure(cpu), f"{(cpu / base - 1) * 100:+.0f} %", table.figure(middle(figures, "blocks_per_s"))]
            cells += [table.milliseconds(middle(figures, "p99_us")), table.figure(middle(figures, "rss_kib") / 1024)]
            rows.append([name, str(16 << szx), *cells, str(total(figures, "corrupt")), f"{idle[name] * 100:.1f} %"])
    header = ("releases", "block", "CPU µs/block", "against one", "blocks/s", "p99", "RSS MiB", "corrupt", "idle")
    note = "Idle: the share of a core that the server takes while nobody asks it anything, before the blocks. Aim: within 10 %."
    table.show("A block's cost by the number of releases", header, rows, [note])


def _idle(server: Running, seconds: float) -> float:
    before = server.cpu_seconds
    time.sleep(seconds)
    return (server.cpu_seconds - before) / seconds


def _changes(plan: Plan, server: Running, many: Path) -> None:
    table.doing("catalogue: changed files")
    took = [_change(server, many, folders.small(plan.releases // 2 + number)) for number in range(_CHANGES)]
    row = [f"{plan.releases:,}", f"{table.figure(median(took))} s", f"{table.figure(max(took))} s"]
    note = "From the rename of a new file over the old one until a device gets its bytes. Aim: below 1 s."
    table.show("A change", ("releases", f"median of {_CHANGES}", "longest"), [row], [note])


def _change(server: Running, many: Path, publish_id: str) -> float:
    data = folders.image_of(96, time.time_ns())
    folders.replace(many / publish_id / "slot0", data)
    begin = time.monotonic()
    return probe.wait_for(server.port, f"{publish_id}/slot0", lambda: True, data) - begin
