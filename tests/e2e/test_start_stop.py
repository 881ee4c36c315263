"""How the server starts, what it says when it cannot, and how it stops."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
import requests

from tests.support import coap
from tests.support.releases import write_release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until


def run(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "server", *flags], cwd=ROOT, text=True, capture_output=True, timeout=60,
        env={**os.environ, **environment}, check=False,
    )


def test_one_line_says_where_it_listens_and_what_it_serves(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        [line] = [text for text in server.lines if "serving" in text]
        assert repr(str(tmp_path / "fw")) in line
        assert f"coap://[::]:{server.coap_port}" in line
        assert server.url in line
        assert (tmp_path / "fw").is_dir()
        assert requests.get(server.url + "/healthz", timeout=60).json()["status"] == "ok"
        for host in ("::1", "127.0.0.1"):
            with coap.peer(server.coap_port, host) as sock:
                assert coap.ask(sock, coap.get(".well-known/core")).dotted_code == "2.05"


def open_to_others(folder: Path) -> dict[str, int]:
    """What others than its owner may do with each file; one that is renamed meanwhile is left out."""
    modes = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            modes[path.name] = path.stat().st_mode & 0o077
    return modes


@pytest.mark.parametrize("made", [False, True], ids=["a new folder", "a folder of the owner's"])
def test_what_it_remembers_is_for_its_user_alone(tmp_path: Path, made: bool) -> None:
    """A state folder that was there keeps the mode that its owner gave it."""
    state = tmp_path / "state"
    if made:
        state.mkdir(mode=0o755)
    write_release(tmp_path / "fw" / "v")
    with running(tmp_path / "fw", state) as server:
        server.wait_ready("v")
        modes = open_to_others(state)
    modes |= open_to_others(state)
    assert state.stat().st_mode & 0o777 == (0o755 if made else 0o700)
    private = ("fleet.db", "fleet.db-wal", "fleet.db-shm", "hashes", "holders")
    assert {name: modes[name] for name in private} == dict.fromkeys(private, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_under_load_with_status_0(tmp_path: Path, number: int) -> None:
    write_release(tmp_path / "fw" / "v", size=200_000)
    server = Server(tmp_path / "fw", tmp_path / "state").start()
    done = threading.Event()

    def load() -> None:
        with coap.peer(server.coap_port, timeout=0.2) as sock:
            mid = 0
            while not done.is_set():
                mid = (mid + 1) & 0xFFFF
                try:
                    coap.ask(sock, coap.get("v/slot0", coap.block2(mid % 1000, 2), mid=mid))
                except OSError:
                    pass

    def poll() -> None:
        with requests.Session() as session:
            while not done.is_set():
                try:
                    session.get(server.url + "/", timeout=60)
                except requests.RequestException:
                    return

    workers = [threading.Thread(target=work) for work in (load, load, poll, poll)]
    silent = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
    silent.sendall(b"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
    try:
        for worker in workers:
            worker.start()
        wait_until(lambda: requests.get(server.url + "/healthz", timeout=60).ok)
        assert server.stop(number) == 0
    finally:
        done.set()
        for worker in workers:
            worker.join()
        silent.close()
    assert "stopped" in server.log
    assert "Traceback" not in server.log


def test_it_stops_while_devices_are_silent(tmp_path: Path) -> None:
    """Four requests wait for devices that never answer; 93 s of retransmission must not hold it."""
    write_release(tmp_path / "fw" / "v")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        device = f"127.0.0.1:{silent.getsockname()[1]}/fw"
        server = Server(tmp_path / "fw", tmp_path / "state").start()
        server.wait_ready("v")

        def notify() -> None:
            try:
                requests.post(server.url + "/notify", data={"publish_id": "v", "urls": device, "nul": "no"}, timeout=60)
            except requests.RequestException:
                pass

        waiters = [threading.Thread(target=notify) for _ in range(4)]
        for waiter in waiters:
            waiter.start()
        silent.settimeout(60)
        silent.recv(1000)
        assert server.stop() == 0
        for waiter in waiters:
            waiter.join()


def test_a_restart_remembers_what_it_hashed(tmp_path: Path) -> None:
    files = write_release(tmp_path / "fw" / "v")
    with running(tmp_path / "fw", tmp_path / "state") as server:
        server.wait_ready("v")
    assert (tmp_path / "state" / "hashes").stat().st_size > 3 * 64
    (tmp_path / "state" / "hashes").write_bytes(b"garbage")
    with running(tmp_path / "fw", tmp_path / "state") as server:
        assert "every file is hashed again" in server.log
        server.wait_ready("v")
        with coap.peer(server.coap_port) as sock:
            assert coap.ask(sock, coap.get("v/manifest")).payload == files["manifest"]
            assert coap.ask(sock, coap.get("latest/manifest", mid=2)).payload == files["manifest"]
    with running(tmp_path / "fw", tmp_path / "state") as server:
        assert "every file is hashed again" not in server.log


@pytest.mark.parametrize("kind", ["http", "coap"])
def test_a_port_in_use_is_one_sentence(tmp_path: Path, kind: str) -> None:
    family, type_ = (socket.AF_INET, socket.SOCK_STREAM) if kind == "http" else (socket.AF_INET6, socket.SOCK_DGRAM)
    with socket.socket(family, type_) as taken:
        taken.bind(("127.0.0.1" if kind == "http" else "::", 0))
        if kind == "http":
            taken.listen()
        port = str(taken.getsockname()[1])
        other = "--coap-port" if kind == "http" else "--http-port"
        ended = run(
            "--firmware-dir", str(tmp_path / "fw"), "--state-dir", str(tmp_path / "s"), f"--{kind}-port", port, other, "0"
        )
    assert ended.returncode == 75
    assert f"choose another port with --{kind}-port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        (["--nonsense"], 64, "unrecognized arguments: --nonsense"),
        (["--http-port"], 64, "expected one argument"),
        (["--http-port", "many"], 78, "--http-port is 'many', and a whole number is expected"),
        (["--coap-port", "70000"], 78, "a port lies between 0 and 65535"),
        (["--config", "/does/not/exist.toml"], 78, "cannot be read"),
        (["--firmware-dir", "/proc/self/mem"], 75, "firmware folder '/proc/self/mem' cannot be used"),
        (["--http-host", "192.0.2.1"], 75, "cannot listen on 192.0.2.1"),
        (["--coap-bind", "not an address"], 78, "--coap-bind 'not an address'"),
        (["--firmware-dir", "/tmp", "--state-dir", "/tmp/state"], 78, "lies in the firmware folder"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_a_status(tmp_path: Path, flags: list[str], status: int, sentence: str) -> None:
    ended = run("--state-dir", str(tmp_path / "s"), "--firmware-dir", str(tmp_path / "fw"), "--http-port", "0",
                "--coap-port", "0", *flags)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_config_file_and_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "ota.toml"
    file.write_text(f'http-port = 0\nfirmware-dir = "{tmp_path}/from-file"\ncoap-host = "fd00::1"\n')
    printed = run("--config", str(file), "--coap-port", "7", "--print-config")
    settings = tomllib.loads(printed.stdout)
    assert printed.returncode == 0
    assert (settings["firmware-dir"], settings["coap-port"]) == (f"{tmp_path}/from-file", 7)
    for text, sentence in (
        ("http-prot = 1", "unknown key 'http-prot'. Did you mean 'http-port'?"),
        ('http-port = "x"', "a whole number is expected"),
        ("http-port = true", "a whole number is expected"),
        ("debug = 1", "true or false is expected"),
        ("= nonsense", "no valid TOML"),
    ):
        file.write_text(text)
        ended = run("--config", str(file), "--print-config")
        assert ended.returncode == 78
        assert sentence in ended.stderr


def test_print_config_is_a_file_that_gives_the_same(tmp_path: Path) -> None:
    first = run("--print-config", STATE_DIRECTORY=str(tmp_path))
    assert f'state-dir = "{tmp_path}"' in first.stdout
    file = tmp_path / "ota.toml"
    file.write_text(first.stdout)
    assert run("--print-config", "--config", str(file)).stdout == first.stdout


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("ota-server ")
    shown = run("--help").stdout
    flags = "firmware-dir state-dir http-host http-port coap-bind coap-port coap-host config debug print-config version help"
    for flag in flags.split():
        assert f"--{flag}" in shown


def test_a_part_that_dies_ends_the_server_with_status_1(tmp_path: Path) -> None:
    """No half-dead server: systemd starts it again."""
    fault = tmp_path / "sitecustomize.py"
    fault.write_text(
        "import server.firmware.catalogue as c, os\n"
        "real = c.LiveCatalogue.refresh\n"
        "def refresh(self, where=None):\n"
        f"    if os.path.exists({str(tmp_path / 'now')!r}): raise RuntimeError('a bug')\n"
        "    return real(self, where)\n"
        "c.LiveCatalogue.refresh = refresh\n"
    )
    server = Server(tmp_path / "fw", tmp_path / "state", prefix=["env", f"PYTHONPATH={tmp_path}:{ROOT}"]).start()
    (tmp_path / "now").touch()
    (tmp_path / "fw" / "x").touch()
    wait_until(lambda: server.process.poll() is not None, what="the end of the server")
    assert server.stop() == 1
    assert "the thread that watches the firmware folder died" in server.log
