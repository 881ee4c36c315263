"""Many devices at once: whether each gets its share."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import folders, servers, table
from tests.bench.load import Figures, Load
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs

_HEADER = (
    "block",
    "device, median",
    "slowest",
    "slowest / median",
    "block p50",
    "p99",
    "longest",
    "retransmissions",
    "corrupt",
    "devices unfinished",
    "blocks/s",
)


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print what a whole fetch took, for the device in the middle and the slowest."""
    load = Load(programs.coapload)
    rows = []
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        folder = Path(temporary, "firmware")
        image = folders.one_release(folder)
        for szx in plan.sizes:
            with servers.ours(folder, Path(temporary, "state"), checkout) as server:
                table.doing(f"thousand: {plan.many:,} devices at once, blocks of {16 << szx} bytes")
                rows.append(_row(load.fetches(server, image, plan.many, szx)))
    table.show(
        f"{plan.many:,} devices at once, each fetching 256 KiB",
        _HEADER,
        rows,
        ["Aim: the slowest at most 3 times the median, a block's p99 below 100 ms."],
    )


def _row(figures: Figures) -> list[str]:
    median, slowest = figures.device_median_s, figures.device_max_s
    return [
        str(16 << figures.szx),
        f"{table.figure(median)} s",
        f"{table.figure(slowest)} s",
        f"{table.figure(slowest / median)}×" if median else "",
        *(table.milliseconds(us) for us in (figures.p50_us, figures.p99_us, figures.max_us)),
        *(str(n) for n in (figures.retransmits, figures.corrupt, figures.unfinished)),
        table.figure(figures.blocks_per_s),
    ]
