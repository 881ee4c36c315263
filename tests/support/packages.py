"""The Debian packages, built once for all tests of a run."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "packaging" / "build-debs"
_TOOLS = ("dh", "dh_python3", "dpkg-buildpackage", "fakeroot")


@dataclass(frozen=True)
class Packages:
    """Files, in a folder that goes at the end of the run."""

    folder: Path
    server: Path
    publisher: Path

    @property
    def newer_server(self) -> Path:
        """The server's package once more, as a later version: for upgrades."""
        return _as_version(self.server, "9.9.9")


def sdist() -> Path:
    """CoAPthon3's source archive, which the package carries. Skips the test where nobody has fetched it."""
    found = sorted((ROOT / "build" / "vendor").glob("CoAPthon3-*.tar.gz"))
    if not found:
        pytest.skip("CoAPthon3's source archive is missing: make deb")
    return found[-1]


def require(*programs: str) -> None:
    """Skips the test where one of these, or of what builds packages, is missing."""
    if missing := [name for name in (*_TOOLS, *programs) if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]:
        pytest.skip(f"{', '.join(missing)} cannot be run: sudo make test (on Debian)")


def build(output: Path, tree: Path = ROOT, prefix: Sequence[str] = (), umask: int = 0o022, **environment: str) -> Packages:
    """Build both, from `tree` into `output`, as `make deb` does."""
    done = subprocess.run(
        [*prefix, tree / "packaging" / "build-debs", sdist(), output], text=True, capture_output=True, timeout=300, check=False,
        env={**os.environ, **environment}, preexec_fn=lambda: os.umask(umask) and None,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [server], [publisher] = output.glob("ota-server_*.deb"), output.glob("ota-publisher_*.deb")
    return Packages(output, server, publisher)


@functools.cache
def built() -> Packages:
    """Both, built when they are first asked for."""
    require()
    sdist()
    folder = Path(tempfile.mkdtemp(prefix="ota-packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build(folder)


@functools.cache
def _as_version(package: Path, version: str) -> Path:
    newer = package.with_name(f"{package.name.partition('_')[0]}_{version}_all.deb")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True, timeout=60)
        control = Path(folder) / "DEBIAN" / "control"
        lines = [f"Version: {version}" if line.startswith("Version:") else line for line in control.read_text().splitlines()]
        control.write_text("\n".join(lines) + "\n")
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", folder, newer], check=True, timeout=60, stdout=subprocess.DEVNULL
        )
    return newer
