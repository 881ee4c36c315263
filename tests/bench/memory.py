"""Whether memory stays where it is, however many blocks are served."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import folders, servers, table
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, Programs


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print the server's memory before and after."""
    load = Load(programs.coapload)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        folder = Path(temporary, "firmware")
        image = folders.one_release(folder, 64 * plan.blocks_each)
        with servers.ours(folder, Path(temporary, "state"), checkout) as server:
            table.doing(f"memory: a first fetch by each of {plan.many} devices")
            load.fetches(server, image, plan.many, 6)
            before = server.rss_kib
            table.doing(f"memory: {plan.many * plan.blocks_each:,} blocks")
            figures = load.fetches(server, image, plan.many, 2)
            after = server.rss_kib
    row = [
        f"{figures.blocks:,} blocks of 64 bytes to {plan.many:,} devices",
        *(table.figure(kib / 1024) for kib in (before, after, after - before)),
        *(str(n) for n in (figures.retransmits, figures.corrupt, figures.unfinished)),
        table.figure(figures.blocks_per_s),
    ]
    header = ("", "RSS MiB before", "after", "growth", "retransmissions", "corrupt", "devices unfinished", "blocks/s")
    note = (
        "Before: after one fetch by as many devices from other ports, as devices that begin again have them."
        " Aim: growth of 10 MiB at most."
    )
    table.show("Memory", header, [row], [note])
