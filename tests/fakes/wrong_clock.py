"""The server on a machine whose clock is set while it runs: `python -m tests.fakes.wrong_clock`, with the server's own options.

Its Unix time is off by as many seconds as the file says that $WRONG_CLOCK names. Time that only counts seconds goes on evenly,
as Linux has it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

VARIABLE = "WRONG_CLOCK"


def set_clock(file: Path, seconds: float) -> None:
    """The clock is off by so much from now on."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(file)


def _main() -> int:
    right, file = time.time, Path(os.environ[VARIABLE])
    time.time = lambda: right() + float(file.read_text())
    from server.__main__ import main  # what it imports takes the time as it is here

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
