"""By which name a program of this was called: an installed one by its own, else as a module of the checkout."""

from __future__ import annotations

import sys
from pathlib import Path


def called(launcher: str, module: str) -> str:
    """What stands in front of the arguments."""
    return launcher if Path(sys.argv[0]).name == launcher else f"python -m {module}"
