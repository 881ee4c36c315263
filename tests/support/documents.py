"""The commands that the documents tell people to type, so that tests run those and no others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_README = Path(__file__).parents[2] / "README.md"


def rsync() -> list[str]:
    """How one gateway's firmware folder is brought to another, without the two folders at the end."""
    [line] = re.findall(r"(?m)^rsync .*$", _README.read_text())
    *command, source, target = shlex.split(line)
    assert source.endswith("/"), line
    assert target.endswith("/"), line
    return command
