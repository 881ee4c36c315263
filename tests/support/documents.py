"""What the README tells people, so that tests hold it to what is so: commands that they type, and sections."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_README = Path(__file__).parents[2] / "README.md"


def section(heading: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"(?m)^#+ ", _README.read_text().partition(f"# {heading}\n")[2])[0]


def rsync() -> list[str]:
    """How one gateway's firmware folder is brought to another, without the two folders at the end."""
    [line] = re.findall(r"(?m)^rsync .*$", _README.read_text())
    *command, source, target = shlex.split(line)
    assert source.endswith("/"), line
    assert target.endswith("/"), line
    return command
