"""A check of one release: what it costs before anything is published."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from common.finding import Role
from common.hashing import facts_of
from common.preflight import SLOTS, Files, check
from tests.bench import table
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, ROOT, Programs
from tests.support.made import KEYS, STARTS, Envelope, image

_KIB = 512
_CHECKS = 50


def run(plan: Plan, programs: Programs, checkout: Path) -> None:  # noqa: ARG001
    """Print the table. It measures the code of this checkout, within this process."""
    if checkout.resolve() != ROOT.resolve():
        table.doing("checking: left out, since it can only measure the checkout in which it lies")
        return
    table.doing(f"checking: a release of two images of {_KIB} KiB")
    images = [image(start, size=_KIB * 1024) for start in STARTS]
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        folder = Path(temporary)
        for name, data in {"manifest": bytes(Envelope(claimed=images)), **dict(zip(SLOTS, images, strict=True))}.items():
            (folder / name).write_bytes(data)
        times = [_times(folder) for _ in range(_CHECKS * plan.rounds)]
    hashed, checked, whole = ([take[n] * 1e6 for take in times] for n in range(3))
    row = [
        f"2 × {_KIB} KiB",
        *(table.milliseconds(median(part)) for part in (hashed, checked, whole)),
        table.milliseconds(max(whole)),
    ]
    header = ("images", "SHA-256", "the rest, with the signature", f"whole, median of {len(times)}", "longest")
    table.show("A check", header, [row], ["From files in the page cache to the findings. Aim: below 50 ms."])


def _times(folder: Path) -> tuple[float, float, float]:
    """Seconds that reading and hashing took, those that the check took, and their sum."""
    begin = time.perf_counter()
    facts = {}
    for role in SLOTS:
        with (folder / role).open("rb") as file:
            facts[role] = facts_of(file.read)
    hashed = time.perf_counter()
    result = check(Files((folder / Role.MANIFEST).read_bytes(), facts), keys=KEYS)
    end = time.perf_counter()
    assert not result.findings, result.findings
    return hashed - begin, end - hashed, end - begin
