"""The package on a booted systemd: apt installs it, and the gateway keeps what it promises its owner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.booted.inside import ALL
from tests.support.packages import Packages, built

BOOT = Path(__file__).parent / "booted" / "boot-systemd"
ROOT = Path(__file__).parents[2]
INCLUDED = (
    "python3-bottle", "python3-waitress", "python3-watchdog", "python3-cbor2", "python3-cryptography", "python3-ifaddr",
    "python3-prometheus-client", "systemd-sysv", "acl", "openssh-server", "openssh-client", "libcoap3-bin",
)  # fmt: skip
"""What the package depends on, since the booted system has no network; and what the checks use."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bool, str]]:
    """What each check inside said; the system is booted once for all of them."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("apt-get") is None:
        pytest.skip("systemd is booted in namespaces, on Debian and as root: sudo make test")
    packages: Packages = built()
    share = tmp_path_factory.mktemp("share")
    share.chmod(0o755)  # apt reads the package as a user of its own
    shutil.copytree(ROOT / "tests", share / "source" / "tests", ignore=shutil.ignore_patterns("output", "__pycache__"))
    shutil.copy(packages.newer_server, share / "newer.deb")
    checks = share / "checks"
    checks.write_text("cd /share/source && PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -m tests.e2e.booted.inside\n")
    done = subprocess.run(
        [BOOT, "--deb", packages.server, "--include", ",".join(INCLUDED), "--share", share, checks],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=840,
    )  # fmt: skip
    lines = share / "results"
    if done.returncode in (2, 3, 4):
        pytest.skip(f"no systemd could be booted here ({done.stdout.strip()[-300:]}): sudo apt-get install mmdebstrap")
    assert lines.exists(), done.stdout[-5000:]
    print(done.stdout)
    return {(row := json.loads(line))["name"]: (row["ok"], row["said"]) for line in lines.read_text().splitlines()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("check", [check.__name__ for check in ALL])
def test_on_a_booted_systemd(results: dict[str, tuple[bool, str]], check: str) -> None:
    assert check in results, f"the checks ended before {check}: {results}"
    ok, said = results[check]
    assert ok, said
