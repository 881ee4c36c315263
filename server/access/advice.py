"""The command that makes a token, as it works for the server that gives the advice."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.program import called

PROGRAM = "ota-server"
PACKAGED_STATE = Path("/var/lib/ota-server")


def called_as() -> str:
    """What stands in front of `add`, `list` and `revoke`, by how this very program was called."""
    return f"{called(PROGRAM, 'server')} token"


def adding(state: Path) -> Callable[[str], str]:
    """What makes a token for the server whose state folder this is: called with a name, and flags if need be.

    The packaged service's is root's to change, and found without being told where it is; any other is its user's.
    """
    program = called(PROGRAM, "server")
    if program == PROGRAM and (state == PACKAGED_STATE or os.environ.get("STATE_DIRECTORY")):
        return partial("sudo {} token add {}".format, PROGRAM)
    if program != PROGRAM:
        program = shlex.join([_shortest(sys.executable), "-m", "server"])
    where = shlex.quote(str(state.absolute()))
    return lambda words: f"{program} token add {words} --state-dir {where}"


def _shortest(path: str) -> str:
    """Below the current folder, where the module is found, by its place there."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
