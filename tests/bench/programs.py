"""The programs that are measured and measure: compiled here, or installed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"
_SOURCES = Path(__file__).parent


class Unavailable(Exception):
    """Something cannot be measured; the text is a sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What was compiled."""

    coapload: Path
    echo: Path


def build() -> Programs:
    """Compile into /build what is missing or older than its source. Raises Unavailable."""
    BUILD.mkdir(parents=True, exist_ok=True)
    return Programs(_compiled("coapload"), _compiled("echo"))


def installed(*names: str) -> str:
    """The first of these programs that is there. Raises Unavailable."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise Unavailable(f"{names[0]} is missing: sudo apt-get install libcoap3-bin.")


def _compiled(name: str) -> Path:
    source, target = _SOURCES / f"{name}.c", BUILD / name
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return target
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unavailable("There is no C compiler: sudo apt-get install gcc libc6-dev.")
    done = subprocess.run([compiler, "-O2", "-o", target, source], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{source.name} cannot be compiled (is libc6-dev installed?):\n{done.stderr.strip()}")
    return target
