"""This server beside others: the same image, the same devices, one after the other in each round."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench import folders, servers, table
from tests.bench.load import Figures, Load, middle, total
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs, Unavailable
from tests.bench.servers import Starter

DEVICES = 64
_OURS, _ECHO = "this server", "a bare echo in C"
_HEADER = ("server", "block", "CPU µs/block", "blocks/s", "p50", "p99", "RSS MiB", "corrupt", "CPU / echo", "CPU / this server")


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print the table. Raises Unavailable when this server itself cannot be measured."""
    load = Load(programs.coapload)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        folder = Path(temporary, "firmware")
        image = folders.one_release(folder)
        starters: dict[str, Starter] = {
            _OURS: lambda: servers.ours(folder, Path(temporary, "state"), checkout),
            _ECHO: lambda: servers.echo(programs.echo, image),
            "libcoap's coap-server": lambda: servers.libcoap(image),
            "aiocoap's fileserver": lambda: servers.aiocoap(folder),
            "plain CoAPthon3": lambda: servers.coapthon(image),
        }
        runs, missing = _measure(plan, load, image, starters)
    if not all((_OURS, szx) in runs for szx in plan.sizes):
        raise Unavailable(missing[_OURS])
    rows = [_row(name, szx, runs) for szx in plan.sizes for name in starters if (name, szx) in runs]
    title = f"{folders.IMAGE_SIZE // 1024} KiB to {DEVICES} devices at once, over loopback"
    notes = [f"{name} is left out. {why}" for name, why in missing.items()]
    notes += [f"{name}: {errors} answers were errors." for name in starters if (errors := _errors(runs, name))]
    notes += [f"Medians; rounds: {plan.rounds}, of {plan.seconds:g} s for each line, every one with a fresh process."]
    table.show(title, _HEADER, rows, notes)


def _measure(
    plan: Plan, load: Load, image: Path, starters: Mapping[str, Starter]
) -> tuple[dict[tuple[str, int], list[Figures]], dict[str, str]]:
    """The runs by server and size, and what could not be measured, by server. Every run is of a fresh process."""
    runs: dict[tuple[str, int], list[Figures]] = {}
    missing: dict[str, str] = {}
    for number in range(plan.rounds):
        for szx in plan.sizes:
            for name, start in starters.items():
                if name in missing:
                    continue
                table.doing(f"compare: round {number + 1} of {plan.rounds}, blocks of {16 << szx} bytes, {name}")
                try:
                    with start() as server:
                        _check_whole(load.fetches(server, image, 1, 6))
                        runs.setdefault((name, szx), []).append(load.for_seconds(server, image, DEVICES, szx, plan.seconds))
                except Unavailable as error:
                    missing[name] = str(error)
                    for key in [key for key in runs if key[0] == name]:
                        del runs[key]
    return runs, missing


def _check_whole(one: Figures) -> None:
    if one.corrupt or one.blocks < folders.IMAGE_SIZE >> 10:
        raise Unavailable(f"One device alone did not get the whole image: {one.blocks} blocks, {one.corrupt} of them wrong.")


def _errors(runs: Mapping[tuple[str, int], list[Figures]], name: str) -> int:
    return sum(total(figures, "errors") for key, figures in runs.items() if key[0] == name)


def _row(name: str, szx: int, runs: Mapping[tuple[str, int], list[Figures]]) -> list[str]:
    figures = runs[name, szx]
    cpu = middle(figures, "cpu_us_per_block")
    floor = middle(runs[_ECHO, szx], "cpu_us_per_block") if (_ECHO, szx) in runs else 0
    times = cpu / middle(runs[_OURS, szx], "cpu_us_per_block")
    return [
        name,
        str(16 << szx),
        table.figure(cpu),
        table.figure(middle(figures, "blocks_per_s")),
        table.milliseconds(middle(figures, "p50_us")),
        table.milliseconds(middle(figures, "p99_us")),
        table.figure(middle(figures, "rss_kib") / 1024),
        str(total(figures, "corrupt")),
        f"{table.figure(cpu / floor)}×" if floor else "",
        f"{table.figure(times)}×",
    ]
