"""System calls of a real server fail: what people are told, what is served, and that it lives."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support import coap
from tests.support.access import add_token
from tests.support.releases import suit_release
from tests.support.server import Server
from tests.waiting import wait_until


def _works() -> bool:
    program = shutil.which("strace")
    return program is not None and not subprocess.run([program, "-qq", "true"], capture_output=True, check=False).returncode


pytestmark = pytest.mark.skipif(not _works(), reason="no strace, or it may not trace: sudo apt-get install strace")


@contextmanager
def failing(place: Path, *injected: str, on: Iterable[Path] = ()) -> Iterator[Server]:
    """A server whose system calls fail, such as `fsync:error=EIO`, from its start on; with `on`, those on these files only."""
    calls = ",".join(text.partition(":")[0] for text in injected)
    prefix = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", str(place / "strace.log"), "-e", f"trace={calls}"]
    prefix += [word for text in injected for word in ("-e", f"inject={text}")]
    prefix += [word for path in on for word in ("-P", str(path))]
    server = Server(place / "fw", place / "state", prefix=prefix).start()
    try:
        yield server
    finally:
        server.stop()
    assert "Traceback" not in server.log, server.log
    assert "INJECTED" in (place / "strace.log").read_text()


def publish(server: Server, build: Path, publish_id: str) -> requests.Response:
    files = suit_release(build, 2, seed=2)
    return requests.post(f"{server.url}/publish", data={"publish_id": publish_id}, files=files, timeout=60)


@pytest.mark.parametrize(
    ("injected", "sentence"),
    [
        ("fsync:error=EIO", "The disk of the firmware folder reports an error (Input/output error). Nothing was changed."),
        ("fsync:error=ENOSPC", "The disk of the firmware folder is full. Nothing was published; make room and try again."),
        ("rename:error=EACCES", "The server's user may not write into the firmware folder (Permission denied)."),
    ],
)
def test_a_publish_that_fails_is_a_sentence_and_nothing_else(tmp_path: Path, injected: str, sentence: str) -> None:
    old = suit_release(tmp_path / "fw" / "old", 1)
    with failing(tmp_path, injected) as server:
        server.wait_ready("old")
        answer = publish(server, tmp_path / "build", "new/1")
        assert answer.status_code == 507, answer.text
        assert answer.json()["message"].startswith(sentence)
        assert server.state_of("new/1") == "gone"
        assert sorted(p.name for p in (tmp_path / "fw").iterdir()) == [".staging", ".stignore", "old"]
        assert not list((tmp_path / "fw" / ".staging").iterdir())
        with coap.peer(server.coap_port) as sock:
            assert coap.fetch(sock, "old/slot0") == old["slot0"]
    server = Server(tmp_path / "fw", tmp_path / "state").start()
    try:
        assert publish(server, tmp_path / "build", "new/1").status_code == 201
    finally:
        server.stop()


@pytest.mark.parametrize("injected", ["fdatasync:error=EIO", "pwrite64:error=ENOSPC"])
def test_a_history_that_cannot_be_written_stops_no_publish(tmp_path: Path, injected: str) -> None:
    with failing(tmp_path, injected) as server:
        assert publish(server, tmp_path / "build", "new/1").status_code == 201
        wait_until(lambda: "The history cannot be recorded: the disk" in server.log)
        with coap.peer(server.coap_port) as sock:
            assert coap.fetch(sock, "new/1/slot0") == suit_release(tmp_path / "build", 2, seed=2)["slot0"]
        assert requests.get(f"{server.url}/api/v1/history", timeout=60).json()["events"] == []
    assert not list((tmp_path / "state").glob("*.damaged-*"))


def test_small_files_that_cannot_be_opened_stop_no_device_and_let_nobody_in(tmp_path: Path) -> None:
    files, state = suit_release(tmp_path / "fw" / "old", 1), tmp_path / "state"
    state.mkdir(mode=0o700)
    kept = [state / name for name in ("hashes", "holders", "transfers")]
    for path in kept:
        path.touch(mode=0o600)
    header = {"Authorization": f"Bearer {add_token(state)}"}
    new = [path.with_name(f"{path.name}.new") for path in kept]
    with failing(tmp_path, "openat:error=EIO", on=[*kept, *new, state / "tokens"]) as server:
        server.wait_ready("old")
        with coap.peer(server.coap_port) as sock:
            assert coap.fetch(sock, "old/slot0") == files["slot0"]
        build = {name: (name, data) for name, data in suit_release(tmp_path / "build", 2, seed=2).items()}
        answer = requests.post(f"{server.url}/publish", data={"publish_id": "new"}, files=build, headers=header, timeout=60)
        assert answer.status_code == 403, answer.text
        assert "tokens' cannot be read (Input/output error), so nobody may change anything." in answer.json()["message"]
        assert server.stop() == 0
    for path in kept:
        for sentence in (f"{str(path)!r} are not used (", f"not known from {str(path)!r} (", f"remembered in {str(path)!r} ("):
            assert server.log.count(f"{sentence}Input/output error)") <= 1, server.log
        assert server.log.count(f"{str(path)!r}") == 2, "once when it is read, once when it is written"
    assert server.log.count(f"{str(state / 'tokens')!r}") == 1, server.log
