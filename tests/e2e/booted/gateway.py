"""The gateway as a person with a shell on it sees it: systemctl, the journal, curl, devices. Standard library only."""

from __future__ import annotations

import http.client
import json
import pwd
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.riot_fetch import fetch

UNIT = "ota-server.service"
SOCKET = "ota-server.socket"
STATE = Path("/var/lib/ota-server")
FIRMWARE = STATE / "firmware"
TOML = Path("/etc/ota-server/ota-server.toml")
HTTP = "127.0.0.1", 8080
COAP = "127.0.0.1", 5683
_DROP_IN = Path("/run/systemd/system/ota-server.service.d/test.conf")


def run(*command: str, check: bool = True) -> str:
    """What a command prints, its complaints included. AssertionError where it fails."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0 or not check, f"{' '.join(command)} ended with {done.returncode}: {done.stdout}"
    return done.stdout.strip()


def status_of(*command: str) -> int:
    """A command's exit status."""
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300).returncode


def show(name: str, unit: str = UNIT) -> str:
    """One property of a unit."""
    return run("systemctl", "show", "--value", "-p", name, unit)


def wait(true: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """Wait for a condition, which may fail by an error meanwhile; its value."""
    end, last = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if found := true():
                return found
        except (OSError, AssertionError, http.client.HTTPException, ValueError) as error:
            last = f" ({type(error).__name__}: {error})"
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}{last}")


@dataclass(frozen=True)
class Answer:
    """Of the HTTP API."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def http_call(method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request on a connection of its own."""
    request = urllib.request.Request(f"http://{HTTP[0]}:{HTTP[1]}{path}", data, dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


def publish(publish_id: str, files: Mapping[str, bytes], token: str | None) -> Answer:
    """What a pipeline does with curl."""
    body = multipart(publish_id, files)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return http_call("POST", "/publish", body, headers)


def multipart(publish_id: str, files: Mapping[str, bytes]) -> bytes:
    """The body of a publish, with the boundary `b`."""
    parts = [f'--b\r\nContent-Disposition: form-data; name="publish_id"\r\n\r\n{publish_id}\r\n'.encode()]
    for role, data in files.items():
        head = f'--b\r\nContent-Disposition: form-data; name="{role}"; filename="{role}"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


def state_of(publish_id: str) -> str:
    """A release's state; "gone" where there is none."""
    answer = http_call("GET", f"/api/v1/releases/{publish_id}")
    return str(answer.json["state"]) if answer.status == 200 else "gone"


def wait_ready(publish_id: str) -> None:
    """Wait until it is served."""
    wait(lambda: state_of(publish_id) == "ready", f"{publish_id} to be ready")


def assert_served(publish_id: str, files: Mapping[str, bytes], block: int = 1024) -> None:
    """Every file of it, byte for byte, over CoAP."""
    for role, data in files.items():
        assert fetch(COAP, f"{publish_id}/{role}", block) == data, f"{publish_id}/{role} has other bytes"


def drop_in(text: str) -> None:
    """Settings of the service for this test; "" takes them back. Not restarted."""
    _DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    _DROP_IN.write_text(text)
    run("systemctl", "daemon-reload")


def wait_active() -> None:
    """Wait until the service is up, and both doors answer."""
    wait(lambda: show("ActiveState") == "active", "the service to be active")
    wait(lambda: http_call("GET", "/healthz").status == 200, "/healthz to be well")


def journal(since: str) -> str:
    """What the service and systemd said of it, from a cursor on."""
    run("journalctl", "--sync")
    return run("journalctl", "-u", UNIT, "--no-pager", "-o", "cat", f"--after-cursor={since}")


def errors() -> str:
    """The last of what the service said that are errors."""
    run("journalctl", "--sync")
    return run("journalctl", "-u", UNIT, "-n", "40", "--no-pager", "-o", "cat", "-p", "err")


def cursor() -> str:
    """Where the journal ends now."""
    run("journalctl", "--sync")
    return run("journalctl", "-n0", "--show-cursor", "--no-pager").rpartition("-- cursor: ")[2].strip()


def owner(path: Path) -> str:
    """The user whose file it is."""
    return pwd.getpwuid(path.stat().st_uid).pw_name


class Downloads:
    """Many devices at once, each of them fetching one file in small blocks, stop-and-wait, like RIOT's."""

    def __init__(self, files: Mapping[str, bytes], devices: int, block: int = 64) -> None:
        """`files`: what is served, by path."""
        self._files = files
        self._pool = ThreadPoolExecutor(devices, "device")
        self._blocks = 0
        self._lock = threading.Lock()
        paths = list(files)
        self._futures: list[tuple[str, Future[bytes]]] = [
            (path, self._pool.submit(fetch, COAP, path, block, ack_timeout=1.0, on_block=self._count, seed=number))
            for number, path in ((n, paths[n % len(paths)]) for n in range(devices))
        ]

    def _count(self, _: int) -> None:
        with self._lock:
            self._blocks += 1

    @property
    def running(self) -> int:
        """Devices that are not done."""
        return sum(not future.done() for _, future in self._futures)

    def wait_blocks(self, number: int) -> None:
        """Wait until so many blocks have arrived in all."""
        wait(lambda: self._blocks >= number, f"{number} blocks")

    def all_exact(self) -> int:
        """Wait for all; AssertionError where one failed or has other bytes. How many there were."""
        for path, future in self._futures:
            assert future.result(300) == self._files[path], f"{path} arrived with other bytes"
        self._pool.shutdown()
        return len(self._futures)


class Callers:
    """People who connect all the time, each connection a new one: none may be refused."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self.connected = 0
        self.unanswered = 0
        self.refused: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection = socket.create_connection(HTTP, 30)
            except OSError as error:
                self.refused.append(str(error))
                continue
            self.connected += 1
            with connection:
                try:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if not connection.recv(4096).startswith(b"HTTP/1."):
                        self.unanswered += 1
                except OSError:
                    self.unanswered += 1

    def stop(self) -> None:
        """No more of them."""
        self._stop.set()
        self._thread.join()
