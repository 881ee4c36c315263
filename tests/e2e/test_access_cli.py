"""The command line at a server that wants a token: what it says, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.access.token import Right
from tests.support.access import add_token
from tests.support.releases import riot_release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

RELEASE = "sensor/1700000100"
COMMAND = "-m server token add laptop --state-dir"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("cli")
    with running(place / "firmware", place / "state") as server:
        riot_release(server.folder / RELEASE)
        server.wait_ready(RELEASE)
        yield server


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return add_token(server.state)


def run(server: str, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OTA_TOKEN": token}
    command = [sys.executable, "-m", "desktop.publish", "--server", server, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_without_a_token_it_says_who_makes_one_and_where_it_goes(server: Server, token: str) -> None:  # noqa: ARG001
    done = run(server.url, "--withdraw", RELEASE)
    assert done.returncode == 77
    assert COMMAND in done.stderr
    assert "$OTA_TOKEN, or with --token-file FILE" in done.stderr
    found = json.loads(run(server.url, "--json", "--check-only", "--slot0", str(server.folder / RELEASE / "slot0")).stdout)
    assert (found["error"], COMMAND in found["message"]) == ("token-wanted", True)


def test_each_way_to_give_it(server: Server, token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    assert run(server.url, "--withdraw", RELEASE, token=token).returncode == 0
    assert server.state_of(RELEASE) == "withdrawn"
    assert run(server.url, "--restore", RELEASE, "--token-file", str(file), token="other").returncode == 0
    assert run(server.url, "--restore", RELEASE, "--token", token).returncode == 0
    assert server.state_of(RELEASE) == "ready"
    wait_until(lambda: "laptop (127.0.0.1): Restored" in server.log, what="the line in the log")


def test_a_wrong_one_a_weak_one_and_too_many(server: Server) -> None:
    weak = add_token(server.state, "ci", Right.NOTIFY)
    done = run(server.url, "--withdraw", RELEASE, token=weak)
    assert (done.returncode, "'ci' may notify, and this needs one that may publish" in done.stderr) == (77, True)
    done = run(server.url, "--withdraw", RELEASE, token="ota_wrong")
    assert done.returncode == 77
    assert "This token is not known here" in done.stderr
    assert "--token-file" not in done.stderr
    assert "ota_wrong" not in done.stderr
    script = (
        "import sys; from common.client import Client; from common.errors import NotAllowed\n"
        "for _ in range(10):\n"
        "    try: Client(sys.argv[1], token='x').withdraw('v')\n"
        "    except NotAllowed: pass\n"
    )
    subprocess.run([sys.executable, "-c", script, server.url], check=True, cwd=ROOT, timeout=120)
    done = run(server.url, "--json", "--withdraw", RELEASE, token="ota_wrong")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (77, "too-many-tries")
    assert "Too many wrong tokens came from your address" in json.loads(done.stdout)["message"]


def test_over_plain_http_it_is_not_sent_unless_that_is_meant(token: str) -> None:
    done = run("http://192.0.2.1:1", "--withdraw", RELEASE, token=token)
    assert done.returncode == 77
    assert "The token was not sent to http://192.0.2.1:1" in done.stderr
    assert "--insecure sends it all the same." in done.stderr
