"""What the figures were measured on, in one line."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.programs import Unavailable, installed


def described() -> str:
    """CPU, cores, kernel, and the versions of what is measured."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cpu = model[1] if model else platform.machine()
    packages = ", ".join(_package(name) for name in ("CoAPthon3", "aiocoap"))
    return (
        f"Measured on {cpu}, {os.cpu_count()} cores, Linux {platform.release()},"
        f" Python {platform.python_version()}, {packages}, {_libcoap()}."
    )


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _libcoap() -> str:
    try:
        program = installed("coap-server-notls", "coap-server")
    except Unavailable:
        return "no libcoap"
    usage = subprocess.run([program, "-?"], capture_output=True, text=True, check=False)
    found = re.search(r"\bv(\d+(?:\.\d+)+)", usage.stdout + usage.stderr)
    return f"libcoap {found[1] if found else 'of an unknown version'}"
