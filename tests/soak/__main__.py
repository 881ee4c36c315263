"""`make soak`: how long, where, and what is said at the end. The exit status is 1 when something was not flat or not exact."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import doing, show
from tests.soak.filling import FLAGS
from tests.soak.load import Load
from tests.soak.samples import Sample, Sampler, growths
from tests.support.server import Server

_ROWS = 30
"""Of the table, at most: of a long soak every so many samples."""


def main(arguments: list[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="A server under mixed load; prints markdown.")
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N", help="how long (30)")
    parser.add_argument("--every", type=float, default=10.0, metavar="N", help="seconds between two samples (10)")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="ota-soak-") as folder:
        place = Path(folder)
        server = Server(place / "fw", place / "state", FLAGS).start()
        load = Load(server, place / "build")
        try:
            load.start()
            samples = _watch(server, load, asked.minutes * 60, asked.every)
        finally:
            load.stop()
            status = server.stop()
        wrong = [*load.wrong]
        if status:
            wrong.append(f"the server ended with status {status}")
        if "Traceback" in server.log:
            wrong.append(f"the server's log has a traceback:\n{server.log[server.log.index('Traceback') :][:3000]}")
    return _report(samples, load, wrong)


def _watch(server: Server, load: Load, seconds: float, every: float) -> list[Sample]:
    sampler = Sampler(server.process.pid, server.state)
    end = time.monotonic() + seconds
    samples: list[Sample] = []
    while time.monotonic() < end and server.process.poll() is None:
        time.sleep(min(every, max(0.0, end - time.monotonic())))
        try:
            samples.append(sampler.sample())
        except OSError:
            break  # its end is reported
        now = samples[-1]
        doing(f"{now.seconds:.0f} s: {now.rss / 1024:.1f} MiB, {now.threads:.0f} threads, {now.files:.0f} files,"
              f" {load.counts['blocks']} blocks, {len(load.wrong)} wrong")  # fmt: skip
    return samples


def _row(s: Sample) -> list[str]:
    figures = [f"{s.rss / 1024:.1f}", f"{s.threads:.0f}", f"{s.files:.0f}", f"{s.database / 1024:.2f}", f"{s.cpu:.0f}"]
    return [f"{s.seconds / 60:.1f} min", *figures]


def _report(samples: list[Sample], load: Load, wrong: list[str]) -> int:
    if len(samples) < 6:
        print(f"There are {len(samples)} samples, too few to say anything; 6 are needed.", *wrong, sep="\n")
        return 1
    step = -(-len(samples) // _ROWS)
    rows = [_row(sample) for sample in samples[::step]]
    header = ["time", "RSS MiB", "threads", "open files", "fleet.db MiB", "CPU %"]
    done = ", ".join(f"{number} {what}" for what, number in sorted(load.counts.items()))
    grown = growths(samples)
    units = {"rss": (1024, "MiB of memory"), "threads": (1, "threads"), "files": (1, "open files")}
    said = [
        f"{'Flat' if g.flat else 'NOT FLAT'}: {g.an_hour / units[g.name][0]:+.1f} {units[g.name][1]} an hour"
        f" ({g.over_the_time / units[g.name][0]:+.2f} over the last two thirds; {g.allowed / units[g.name][0]:.1f} are allowed)."
        for g in grown
    ]
    exact = "Every file that was fetched was exact." if not wrong else "WRONG:\n" + "\n".join(wrong[:50])
    show("Soak", header, rows, [f"Done: {done}.", *said, exact])
    return 0 if not wrong and all(g.flat for g in grown) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
