"""The devices: runs of coapload, and the figures that it prints."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.programs import Unavailable
from tests.bench.servers import Running

_LONGEST = 900.0
"""Seconds after which fetches are given up."""


@dataclass(frozen=True, slots=True)
class Figures:
    """coapload's own words; `us` are microseconds, and what is about the server is 0 where none was given."""

    devices: int
    szx: int
    seconds: float
    blocks: int
    blocks_per_s: float
    mb_per_s: float
    fetched: int
    retransmits: int
    corrupt: int
    errors: int
    p50_us: float
    p99_us: float
    max_us: float
    unfinished: int
    device_median_s: float
    device_max_s: float
    server_cpu_s: float = 0.0
    cpu_us_per_block: float = 0.0
    rss_kib: float = 0.0
    threads: int = 0


class Load:
    """Runs coapload. `image` is the file whose bytes every block is compared with."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def for_seconds(self, server: Running, image: Path, devices: int, szx: int, seconds: float) -> Figures:
        """As many blocks as fit into the time."""
        with self._running(server, image, devices, szx, ["-t", str(seconds)]) as process:
            return _figures(process)

    def fetches(self, server: Running, image: Path, devices: int, szx: int, each: int = 1) -> Figures:
        """Every device fetches the whole image `each` times."""
        with self._running(server, image, devices, szx, ["-t", str(_LONGEST), "-n", str(each)]) as process:
            return _figures(process)

    @contextmanager
    def beside(self, server: Running, devices: int, seconds: float, retransmit: float = 1.0) -> Iterator[subprocess.Popen[str]]:
        """Devices that fetch 1024-byte blocks for the time that the block lasts, at most `seconds`; see `ended`."""
        with self._running(server, None, devices, 6, ["-t", str(seconds), "-r", str(retransmit)]) as process:
            yield process

    @staticmethod
    def ended(process: subprocess.Popen[str]) -> Figures:
        """End devices that ran beside, and what they did."""
        process.terminate()
        return _figures(process)

    @contextmanager
    def _running(
        self, server: Running, image: Path | None, devices: int, szx: int, more: Sequence[str]
    ) -> Iterator[subprocess.Popen[str]]:
        command = [str(self._program), "-H", "::1", "-p", str(server.port), "-u", server.path, "-c", str(devices), "-s", str(szx)]
        command += ["-f", str(image)] if image else []
        command += ["-P", str(server.pid)] if server.pid else []
        with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


def _figures(process: subprocess.Popen[str]) -> Figures:
    out, _ = process.communicate()
    if not out:
        raise Unavailable(f"coapload ended with {process.returncode} and no figures.")
    return Figures(**json.loads(out))


def middle(runs: Sequence[Figures], name: str) -> float:
    """The median of one figure over the rounds."""
    return float(median(getattr(run, name) for run in runs))


def total(runs: Sequence[Figures], name: str) -> int:
    """The sum of one figure over the rounds."""
    return int(sum(getattr(run, name) for run in runs))
