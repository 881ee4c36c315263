"""As many threads as systemd allows the service, enforced by the kernel: what becomes of a server that wants more."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.releases import write_release
from tests.support.server import ROOT, Server
from tests.waiting import wait_until

UNIT = ROOT / "packaging" / "systemd" / "ota-server.service"
USER = "54321"
"""Who has no other process, since threads are counted by user; and for root there is no bound."""
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="run the tests as root: apt-get install util-linux"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which everybody may write, its parents included."""
    with tempfile.TemporaryDirectory() as name:
        for folder in (Path(name), Path(name) / "fw", Path(name) / "state"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
        yield Path(name)


def threads(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


@pytest.mark.parametrize("bound", ["TasksMax", "30"])
def test_silent_devices_by_the_dozen_do_not_end_the_server(folder: Path, bound: str) -> None:
    found = re.search(r"^TasksMax=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    most = int(found[1] if bound == "TasksMax" else bound)
    write_release(folder / "fw" / "v")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("0.0.0.0", 0))
        port = silent.getsockname()[1]
        user = ["prlimit", f"--nproc={most}", "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        server = Server(folder / "fw", folder / "state", prefix=user, environment={"HOME": str(folder)}).start()
        try:
            server.wait_ready("v")
            began, ids = threads(server), []
            for batch in range(4):
                urls = ",".join(f"127.6.{batch}.{number}:{port}/suit/trigger" for number in range(1, 17))
                form = {"publish_id": "v", "urls": f"{urls},name-{batch}.invalid/suit/trigger", "nul": "no"}
                answer = requests.post(server.url + "/notify", data=form, headers={"Prefer": "respond-async"}, timeout=60)
                assert answer.status_code == 202, answer.text
                ids.append(answer.json()["id"])
            if most > 30:
                wait_until(lambda: threads(server) >= began + 31, what="a thread for each device")
            else:
                wait_until(lambda: threads(server) == most, what="no thread more to be had")
            for number in ids:
                where = f"{server.url}/api/v1/notifications/{number}"
                assert requests.post(where, data={"state": "cancelled"}, timeout=60).ok
            assert requests.get(server.url + "/healthz", timeout=60).ok
        finally:
            status = server.stop()
    assert status == 0, server.log
    assert "Traceback" not in server.log, server.log
