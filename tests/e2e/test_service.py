"""The server as a service: systemd's sockets, what it is told, the watchdog, and reloads and restarts under load."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from server.__main__ import main
from server.coap import datagram
from server.coap.hanging import VARIABLE
from tests.fakes.riot_fetch import fetch
from tests.support import coap
from tests.support.ports import free_port
from tests.support.releases import image, write_release
from tests.support.server import ROOT, Server
from tests.support.systemd import Listener, activated, sockets
from tests.waiting import wait_until

DEVICES = 64
SIZE = 6000


class Load:
    """Devices that fetch an image again and again: each time every byte is right, or the test fails."""

    def __init__(self, port: int, expected: bytes, curl: str | None = None) -> None:
        self._port = port
        self._expected = expected
        self._curl = curl
        self._done = threading.Event()
        self.blocks = 0
        self.fetched = 0
        self.answered = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(DEVICES + 2) as pool:
            work = [pool.submit(self._device, seed) for seed in range(DEVICES)]
            work += [pool.submit(self._curls) for _ in range(2)] if self._curl else []
            try:
                yield
            finally:
                self._done.set()
                for one in work:
                    one.result()

    def go_on(self, blocks: int = 300) -> None:
        """Wait until so many more blocks, and an answer, have come."""
        until, answers = self.blocks + blocks, self.answered + bool(self._curl)
        wait_until(lambda: self.blocks >= until and self.answered >= answers, 120, "blocks")

    def _device(self, seed: int) -> None:
        while not self._done.is_set():
            # One attempt: a device that is cut off must not hide that by beginning again.
            body = fetch(("::1", self._port, 0, 0), "v/slot0", seed=seed, attempts=1, max_retransmit=9, on_block=self._count)
            assert body == self._expected
            self.fetched += 1

    def _count(self, _: int) -> None:
        self.blocks += 1

    def _curls(self) -> None:
        assert self._curl is not None
        while not self._done.is_set():
            command = ["curl", "-sS", "--max-time", "60", "-o", os.devnull, "-w", "%{http_code}", f"{self._curl}/api/v1/releases"]
            ended = subprocess.run(command, text=True, capture_output=True, check=False)
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "200", "")
            self.answered += 1


Start = Callable[[Server], Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server, which is gone after the test, however that ends."""
    started: list[Server] = []

    def begin(server: Server) -> Server:
        started.append(server)
        return server.start()

    yield begin
    for server in started:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def url(tcp: socket.socket) -> str:
    return f"http://127.0.0.1:{tcp.getsockname()[1]}"


def test_systemd_hears_that_it_is_ready_how_it_is_and_that_it_stops(start: Start, tmp_path: Path) -> None:
    with Listener(tmp_path / "notify") as listener, sockets() as (udp, tcp):
        environment = {"NOTIFY_SOCKET": listener.address}
        server = start(activated(tmp_path / "fw", tmp_path / "state", (tcp, udp), environment=environment))
        listener.wait_for("READY=1")
        assert (server.coap_port, server.url) == (udp.getsockname()[1], url(tcp))
        assert "STATUS=0 releases, 0 transfers" in listener.lines
        write_release(tmp_path / "fw" / "v")
        listener.wait_for("STATUS=1 release, 0 transfers")
        with coap.peer(server.coap_port, "127.0.0.5") as sock:  # over IPv4, and from the address that was asked
            assert coap.ask(sock, coap.get("v/manifest")).payload == b"opaque manifest 1"
        with coap.peer(server.coap_port) as sock:
            assert coap.ask(sock, coap.get("v/slot0", coap.block2(0, 2))).dotted_code == "2.05"
            listener.wait_for("STATUS=1 release, 1 transfer")
        assert requests.get(server.url + "/api/v1/devices", timeout=60).json() != {}
        assert "ota_coap_blocks_total 2.0" in requests.get(server.url + "/metrics", timeout=60).text
        assert server.stop() == 0
        assert listener.count("STOPPING=1") == 1
        assert udp.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == 1


def test_the_status_says_that_the_history_is_not_recorded(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state" / "fleet.db").mkdir(parents=True)
    with Listener(tmp_path / "notify") as listener, sockets() as (udp, tcp):
        environment = {"NOTIFY_SOCKET": listener.address}
        start(activated(tmp_path / "fw", tmp_path / "state", (tcp, udp), environment=environment))
        wait_until(lambda: any("; The history cannot" in line for line in listener.lines), what="the status to say it")


def test_a_receive_loop_that_hangs_is_not_fed_and_says_where_when_it_is_ended(start: Start, tmp_path: Path) -> None:
    hang = tmp_path / "hang"
    with Listener(f"@{tmp_path}") as listener:
        environment = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "4000000", VARIABLE: str(hang)}
        server = start(Server(tmp_path / "fw", tmp_path / "state", environment=environment))
        listener.wait_for("WATCHDOG=1", 2)
        assert requests.get(server.url + "/api/v1/devices", timeout=60).json()["devices"] == []
        hang.touch()
        wait_until(lambda: "CoAP does not answer" in listener.messages[-1], 60)
        assert requests.get(server.url + "/api/v1/releases", timeout=60).ok  # nothing else hangs
        fed = listener.count("WATCHDOG=1")
        assert server.stop(signal.SIGABRT) == -signal.SIGABRT  # what systemd sends
        assert listener.count("WATCHDOG=1") == fed
    assert "hanging.py" in server.log  # every thread's place


def test_systemd_hears_that_the_first_look_of_a_reload_gets_on(start: Start, tmp_path: Path) -> None:
    """It would take it for hung else: the watchdog stays armed all the while."""
    (tmp_path / "fw").mkdir()
    for number in range(40):
        with (tmp_path / "fw" / f"image{number}").open("wb") as file:
            file.truncate(16 << 20)  # of no size on the disk
    toml = tmp_path / "ota.toml"
    toml.write_text("max-image-size = 1000\n")
    with Listener(tmp_path / "notify") as listener:
        environment = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "800000"}
        server = start(Server(tmp_path / "fw", tmp_path / "state", ("--config", str(toml)), environment=environment))
        listener.wait_for("READY=1")
        toml.write_text("")
        server.process.send_signal(signal.SIGHUP)
        listener.wait_for("READY=1", 2)
        lines = listener.lines[listener.lines.index("RELOADING=1") :]
        meanwhile = lines[: lines.index("READY=1")]
        assert "EXTEND_TIMEOUT_USEC=120000000" in meanwhile
        assert meanwhile.count("WATCHDOG=1") >= 2
        assert server.stop() == 0


_FLOOD = """
import os, socket, sys
sock, to, number = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", int(sys.argv[1])), 0
kinds = [bytes([0x40, 1, 0, n, 0xB3]) + b"v/x" for n in range(200)] + [os.urandom(40) for _ in range(200)]
while True:
    sock.sendto(kinds[number % 400], to)
    number += 1
"""


def test_a_flood_neither_keeps_it_from_being_ready_nor_has_it_killed(start: Start, tmp_path: Path) -> None:
    """On one processor, which it shares with the flood, whatever the machine."""
    cpu = str(min(os.sched_getaffinity(0)))
    with Listener(tmp_path / "notify") as listener, sockets() as (udp, tcp):
        flood = subprocess.Popen(["taskset", "-c", cpu, sys.executable, "-c", _FLOOD, str(udp.getsockname()[1])])
        try:
            environment = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "4000000"}
            slow = ("taskset", "-c", cpu)
            server = start(activated(tmp_path / "fw", tmp_path / "state", (udp, tcp), environment=environment, prefix=slow))
            listener.wait_for("READY=1")
            wait_until(lambda: any("Devices are not answered in time" in line for line in listener.lines), 120, "the status")
            listener.wait_for("WATCHDOG=1", listener.count("WATCHDOG=1") + 2)
            said = "CoAP does not answer in time"
            wait_until(lambda: said in requests.get(server.url + "/healthz", timeout=60).text, 120, "the health to say it")
        finally:
            flood.kill()
            flood.wait()
        wait_until(lambda: "the flood of datagrams is over" in server.log, 60)
        wait_until(lambda: requests.get(server.url + "/api/v1/releases", timeout=60).ok, 60)
        assert server.stop() == 0


def test_one_socket_may_be_passed_and_the_other_be_the_servers_own(start: Start, tmp_path: Path) -> None:
    with sockets() as (udp, _):
        server = start(activated(tmp_path / "fw", tmp_path / "state", (udp,)))
        assert server.coap_port == udp.getsockname()[1]
        assert requests.get(server.url + "/healthz", timeout=60).ok
        assert server.stop() == 0


def test_settings_that_do_not_count_are_warned_of_and_the_real_address_is_guarded(start: Start, tmp_path: Path) -> None:
    with sockets() as (udp, _), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as anywhere:
        anywhere.bind(("0.0.0.0", 0))
        anywhere.listen()
        passed = (udp, anywhere)
        server = start(activated(tmp_path / "fw", tmp_path / "state", passed, "--http-host", "127.0.0.1", "--coap-port", "9"))
        assert "says [::]:9: systemd's is used. To change it: systemctl edit ota-server.socket" in server.log
        assert "0.0.0.0" in server.log
        here = f"http://127.0.0.1:{anywhere.getsockname()[1]}"
        assert requests.post(here + "/remove", json={"publish_id": "v"}, timeout=60).status_code in (401, 403)
        assert server.stop() == 0


def test_sockets_that_are_too_many_are_a_sentence(start: Start, tmp_path: Path) -> None:
    with sockets() as (udp, tcp), sockets() as (other, _):
        server = activated(tmp_path / "fw", tmp_path / "state", (udp, tcp, other))
        with pytest.raises(AssertionError, match="more than one UDP socket"):
            start(server)
        assert server.stop() == 78


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="no systemd: apt-get install systemd")
def test_systemds_own_activation(start: Start, tmp_path: Path) -> None:
    port = free_port()
    prefix = ["systemd-socket-activate", "--datagram", "-l", f"[::]:{port}", "-E", "PATH"]
    server = Server(tmp_path / "fw", tmp_path / "state", prefix=prefix)
    with ThreadPoolExecutor(1) as pool, coap.peer(port, timeout=0.2) as sock:
        started = pool.submit(start, server)

        def answered() -> bool:
            try:
                return coap.ask(sock, coap.get(".well-known/core")).dotted_code == "2.05"
            except OSError:
                return False

        wait_until(answered, 120)  # the first datagram starts it
        assert started.result().coap_port == port
    assert server.stop() == 0


def test_reloads_while_devices_download(start: Start, tmp_path: Path) -> None:
    files = write_release(tmp_path / "fw" / "v", size=SIZE)
    file = tmp_path / "ota.toml"
    file.write_text("keep-history = 90\n")
    with Listener(tmp_path / "notify") as listener:
        flags, environment = ("--config", str(file)), {"NOTIFY_SOCKET": listener.address}
        server = start(Server(tmp_path / "fw", tmp_path / "state", flags, environment=environment))
        server.wait_ready("v")
        listener.wait_for("READY=1")
        load = Load(server.coap_port, files["slot0"], server.url)
        descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        with load.running():
            for text, said in (
                ("keep-history = 30\n", "reloaded: keep-history 90 -> 30"),
                ("keep-history = 30\n", "reloaded: nothing has changed"),
                ("keep-histor = 30\n", "Did you mean 'keep-history'?"),
                ("coap-rate = 100000000\n", "reloaded: coap-rate (not set) -> 100000000, keep-history 30 -> 90"),
                (f'trust-keys = "{tmp_path}/none"\n', "The folder of trusted keys"),
            ):
                load.go_on()
                file.write_text(text)
                reloads, ready = listener.count("RELOADING=1"), listener.count("READY=1")
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda said=said: said in server.log, 60, said)  # type: ignore[misc]
                listener.wait_for("RELOADING=1", reloads + 1)
                listener.wait_for("READY=1", ready + 1)
            load.go_on()
            assert any(line.startswith("STATUS=Not reloaded") for line in listener.lines)
        few = descriptors + 3  # the history's files are opened when they are needed
        wait_until(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= few, what="no descriptor left open")
        assert load.fetched >= DEVICES
        assert server.stop() == 0
    assert "Traceback" not in server.log


def test_a_reload_that_fails_when_the_parts_start_goes_on_as_before(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "ota.toml"
    file.write_text("")
    server = start(Server(tmp_path / "fw", tmp_path / "state", ("--config", str(file))))
    file.write_text('http-host = "192.0.2.1"\n')
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log.count("serving") == 2, 60)
    assert "the one of before holds: The page cannot listen on 192.0.2.1" in server.log
    assert requests.get(server.url + "/healthz", timeout=60).ok
    assert server.stop() == 0


def test_a_reload_while_the_folder_is_away_goes_on_as_before(start: Start, tmp_path: Path) -> None:
    """As a disk that is not there for a moment: what was started with such a folder could not go back either."""
    file, folder, away = tmp_path / "ota.toml", tmp_path / "fw", tmp_path / "away"
    file.write_text("")
    files = write_release(folder / "v")
    server = start(Server(folder, tmp_path / "state", ("--config", str(file))))
    server.wait_ready("v")
    with coap.peer(server.coap_port) as sock:
        assert coap.ask(sock, coap.get("v/manifest", mid=1)).payload == files["manifest"]
        folder.rename(away)
        folder.write_bytes(b"no folder")
        file.write_text("keep = 6\n")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the one of before holds: The firmware folder" in server.log, 60)
        assert coap.ask(sock, coap.get("v/manifest", mid=2)).payload == files["manifest"]
        folder.unlink()
        away.rename(folder)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded: keep (not set) -> 6" in server.log and server.log.count("serving") == 2, 60)
        server.wait_ready("v")
    assert server.stop() == 0


def test_restarts_while_devices_download_and_people_connect(start: Start, tmp_path: Path) -> None:
    files = write_release(tmp_path / "fw" / "v", size=SIZE)
    with sockets() as (udp, tcp):
        server = start(activated(tmp_path / "fw", tmp_path / "state", (udp, tcp)))
        server.wait_ready("v")
        load = Load(server.coap_port, files["slot0"], server.url)
        with load.running():
            for _ in range(2):
                load.go_on()
                assert server.stop() == 0
                assert "Traceback" not in server.log
                server = start(activated(tmp_path / "fw", tmp_path / "state", (udp, tcp)))
            load.go_on()
        assert load.fetched >= DEVICES
        assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_release_that_is_replaced_while_the_server_is_down_is_not_mixed(start: Start, tmp_path: Path, number: int) -> None:
    old = write_release(tmp_path / "fw" / "v", size=SIZE)
    with sockets() as (udp, tcp), coap.peer(udp.getsockname()[1]) as sock:
        server = start(activated(tmp_path / "fw", tmp_path / "state", (udp, tcp)))
        server.wait_ready("v")
        assert coap.ask(sock, coap.get("v/slot0", coap.block2(0, 2), mid=1)).payload == old["slot0"][:64]
        if number == signal.SIGKILL:
            kept = tmp_path / "state" / "transfers"
            wait_until(lambda: kept.exists() and "v/slot0" in kept.read_text(), what="the transfer to be remembered")
        server.stop(number)
        (tmp_path / "fw" / "v" / "slot0").write_bytes(image(SIZE, 99))
        sock.send(coap.get("v/slot0", coap.block2(1, 2), mid=2))  # it waits in the socket
        server = start(activated(tmp_path / "fw", tmp_path / "state", (udp, tcp)))
        answer = datagram.parse(sock.recv(2048))
        assert answer is not None
        assert (answer.mid, answer.dotted_code) == (2, "4.04")
        server.wait_ready("v")
        assert coap.ask(sock, coap.get("v/slot0", coap.block2(0, 2), mid=3)).payload == image(SIZE, 99)[:64]
        assert server.stop() == 0


def test_check_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ota.toml"
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    good = "ota-server: the configuration can be used.\n"
    for text, status, out, error in (
        ("http-port = 1\n", 0, good, ""),
        (f'firmware-dir = "{tmp_path}/a/b"\nstate-dir = "{tmp_path}/c/d"\n', 0, good, ""),
        (f'firmware-dir = "{file}"\n', 78, "", f"The firmware folder '{file}' cannot be used: '{file}' is no folder."),
        (f'firmware-dir = "{file}/fw"\n', 78, "", f"The firmware folder '{file}/fw' cannot be used: '{file}' is no folder."),
        (f'firmware-dir = "{tmp_path}/link"\n', 78, "", "link' is no folder"),
        (f'state-dir = "{file}/state"\n', 78, "", f"The state folder '{file}/state' cannot be used"),
        ('coap-bind = "nonsense"\n', 78, "", "--coap-bind is 'nonsense', and that is no address"),
        ('http-host = "non sense"\n', 78, "", "--http-host is 'non sense', and that is no address"),
        ('http-host = "localhost"\ncoap-bind = "127.0.0.1"\n', 0, good, ""),
        ("http-prot = 1\n", 78, "", "Did you mean 'http-port'?"),
        (f'boards = "{tmp_path}/none"\n', 78, "", "cannot be read"),
        (f'trust-keys = "{tmp_path}/none"\n', 78, "", "The folder of trusted keys"),
    ):
        file.write_text(text)
        assert main(["--check-config", "--config", str(file)]) == status
        said = capsys.readouterr()
        assert said.out == out
        assert error in said.err
        assert bool(error) == bool(said.err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "ota.toml"], "a check makes nothing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else: sudo make test")
def test_check_config_looks_as_the_user_who_asks() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as top:  # others do not come to where pytest has its folders
        os.chmod(top, 0o755)
        _check_as_nobody(Path(top))


def _check_as_nobody(top: Path) -> None:
    ours, theirs, closed = top / "ours", top / "theirs", top / "closed"
    for folder, mode in ((ours, 0o755), (theirs, 0o777), (closed, 0o700)):
        folder.mkdir()
        folder.chmod(mode)
    cases = (
        (ours, theirs, ""),
        (theirs / "new" / "fw", theirs / "state", ""),
        (ours / "new" / "fw", theirs, f"is not there, and the server cannot make it, for it may not write into '{ours}'"),
        (closed, theirs, f"The firmware folder '{closed}' cannot be used: the user 65534 may not read it."),
        (closed / "fw", theirs, f"The firmware folder '{closed}/fw' cannot be used: Permission denied."),
        (theirs, ours, f"The state folder '{ours}' cannot be used: the user 65534 may not read and write it."),
        (ours, closed / "state", f"The state folder '{closed}/state' cannot be used: Permission denied."),
    )
    # The first call imports all there is to import: the interpreter's own modules may lie where only root looks.
    code = (
        "import os, sys; from server.__main__ import main; main(['--check-config']); os.setuid(65534)\n"
        "for firmware, state in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    main(['--check-config', '--firmware-dir', firmware, '--state-dir', state])\n"
    )
    folders = [str(folder) for case in cases for folder in case[:2]]
    done = subprocess.run([sys.executable, "-c", code, *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["ota-server: the configuration can be used."] * 3
    wanted = [expected for *_, expected in cases if expected]
    assert len(said) == len(wanted)
    assert all(expected in line for expected, line in zip(wanted, said, strict=True)), said


def test_the_journal_is_told_what_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    assert main(["--check-config", "--coap-port", "70000"]) == 78
    assert capsys.readouterr().err.startswith("<3>ota-server: --coap-port is 70000")
    folders = ["--firmware-dir", str(tmp_path / "fw"), "--state-dir", str(tmp_path / "state")]
    assert main(["--check-config", *folders]) == 0
    assert capsys.readouterr().out == "<6>ota-server: the configuration can be used.\n"


def test_a_terminal_that_is_closed_ends_the_server(tmp_path: Path) -> None:
    """Without one, the same signal means to read the configuration again."""
    ours, theirs = os.openpty()
    folders = ["--firmware-dir", str(tmp_path / "fw"), "--state-dir", str(tmp_path / "s")]
    command = ["setsid", "--ctty", sys.executable, "-m", "server", *folders, "--http-port", "0", "--coap-port", "0"]
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stderr=stream)
    os.close(theirs)
    wait_until(lambda: "serving" in log.read_text(), 60)
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "nothing has changed" in log.read_text(), 60)
    os.close(ours)
    assert process.wait(60) == 0
    assert "stopped" in log.read_text()
