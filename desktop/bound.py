"""`python -m desktop.bound MODULE-OR-FILE [argument ...]`: runs it so that it ends with whoever started it, however that ends."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that comes when the parent is gone."""


def bind() -> None:
    """Have this process asked to end when its parent has; on Linux only."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it went in this very moment
        sys.exit(1)


if __name__ == "__main__":
    bind()
    sys.argv = sys.argv[1:]
    if os.sep in sys.argv[0]:
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
