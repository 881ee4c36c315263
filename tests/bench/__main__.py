"""`make bench`: which parts are run, and how thoroughly. It prints figures and judges none of them."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests.bench import busy, catalogue, checking, compare, footprint, machine, memory, programs, thousand, window
from tests.bench.plan import FULL, QUICK

_PARTS = {
    "compare": compare.run,
    "thousand": thousand.run,
    "catalogue": catalogue.run,
    "checking": checking.run,
    "busy": busy.run,
    "memory": memory.run,
    "footprint": footprint.run,
    "window": window.run,
}


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 1 where a part could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the server; prints markdown.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(_PARTS)} (all of them by default)")
    parser.add_argument("--quick", action="store_true", help="short and small, to try it out: the figures mean little")
    parser.add_argument(
        "--checkout", type=Path, default=programs.ROOT, metavar="DIR", help="measure the server of another checkout"
    )
    asked = parser.parse_args(arguments)
    unknown = [part for part in asked.parts if part not in _PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}: choose from {', '.join(_PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended in finally
    status = 0
    try:
        built = programs.build()
        print(machine.described(), flush=True)
        for part in asked.parts or _PARTS:
            try:
                _PARTS[part](QUICK if asked.quick else FULL, built, asked.checkout.absolute())
            except programs.Unavailable as error:
                print(f"{part} could not be measured. {error}", file=sys.stderr)
                status = 1
    except programs.Unavailable as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
