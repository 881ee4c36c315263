"""`python -m desktop.publish` as a process: what it prints where, and how it exits."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from common import __version__
from common.finding import Finding, Role, Severity
from common.notification import DeviceState
from common.release import State
from tests.fakes.http_server import FakeOtaServer, Fault
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
NODE, PLAIN = "[fd00::2]/suit/trigger", "10.0.0.7/fw"
COMMAND = (sys.executable, "-W", "error", "-m", "desktop.publish")
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm"}


@pytest.fixture
def server() -> Iterator[FakeOtaServer]:
    with FakeOtaServer() as server:
        yield server


@pytest.fixture
def files(samples: Path) -> list[str]:
    """Options that name a release whose files fit together."""
    folder = samples / "fw" / "sample" / "samr21-xpro"
    return [
        "--manifest", str(folder / "riot.suit.1700000100.bin"),
        "--slot0", str(folder / "slot0.1700000100.bin"),
        "--slot1", str(folder / "slot1.1700000100.bin"),
    ]  # fmt: skip


def run(*arguments: str, server: FakeOtaServer | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run to the end, in pipes."""
    address = ["--server", server.url] if server else []
    return subprocess.run(
        [*COMMAND, *address, *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False, **options
    )


@contextmanager
def running(*arguments: str, server: FakeOtaServer, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that the test does something with while it runs."""
    with subprocess.Popen([*COMMAND, "--server", server.url, *arguments], text=True, env=ENVIRONMENT, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def waiting_for_a_device(server: FakeOtaServer, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has published v1 and waits for the answer of its one device."""
    server.slow = {NODE}
    with running(*arguments, "v1", NODE, server=server, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: any("GET /api/v1/notifications/" in r for r in server.requests), what="a look at the notification")
        yield process


def test_publish_and_notify(server: FakeOtaServer, files: list[str]) -> None:
    done = run(*files, "version_42", NODE, PLAIN, "--nul", "no", server=server)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Published version_42 (3 files, 60.5 kB).\n"
        "[fd00::2]/suit/trigger  accepted (2.01)\n"
        "10.0.0.7/fw             accepted (2.01)\n"
    )  # fmt: skip
    assert server.notified == [("version_42", [NODE, PLAIN], "no")]


def test_publish_again(server: FakeOtaServer, files: list[str]) -> None:
    run(*files, "version_42", server=server)
    done = run(*files, "version_42", server=server)
    assert (done.returncode, done.stdout, done.stderr) == (0, "version_42 is already published with the same bytes.\n", "")


def test_id_with_a_slash_without_slot1(server: FakeOtaServer, files: list[str]) -> None:
    done = run(*files[:4], "--publish-id", "fw/v1", "--force", server=server)
    assert (done.returncode, done.stdout) == (0, "Published fw/v1 (2 files, 30.5 kB).\n")
    assert server.forced == ["fw/v1"]


def test_findings_are_told(server: FakeOtaServer, files: list[str]) -> None:
    server.findings = (Finding(Severity.INFO, "small", "Fine."), Finding(Severity.WARNING, "unsigned", "The manifest is."))
    done = run(*files, "v1", server=server)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["warning (unsigned): The manifest is.", "info (small): Fine."])


def test_a_forced_release_is_said_to_be_one(server: FakeOtaServer, files: list[str]) -> None:
    server.findings = (Finding(Severity.ERROR, "size-mismatch", "slot0 is of another build.", Role.SLOT0),)
    server.force_counts = True
    done = run(*files, "v1", "--force", server=server)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Published v1 (3 files, 60.5 kB), forced in spite of 1 error.",
        "error (size-mismatch): slot0 is of another build.",
    ]
    assert run(*files, "v1", server=server).stdout.splitlines()[0] == (
        "v1 is already published with the same bytes, forced in spite of 1 error."
    )


@pytest.mark.parametrize(
    ("state", "words"),
    (
        (State.WITHDRAWN, "withdrawn: devices do not get it. --restore v1 gives it back to them."),
        (State.REJECTED, "rejected: devices do not get it."),
        (State.INCOMPLETE, "incomplete: devices do not get it yet."),
    ),
)
def test_the_same_bytes_of_what_devices_do_not_get(server: FakeOtaServer, files: list[str], state: State, words: str) -> None:
    server.findings = (Finding(Severity.ERROR, "no-image", "There is no image."),)
    server.state = state
    run(*files, "v1", server=server)
    done = run(*files, "v1", NODE, "--json", server=server)
    sentence = f"v1 is already published with the same bytes, and is {words}"
    assert (done.returncode, done.stderr) == (65, f"{sentence}\nerror (no-image): There is no image.\n")
    data = json.loads(done.stdout)
    assert (data["published"], data["error"], data["message"]) == (True, "invalid-release", sentence)
    assert (data["release"]["state"], data["results"], server.notified) == (state, [], [])


def test_devices_that_do_not_accept(server: FakeOtaServer, files: list[str]) -> None:
    server.answers[NODE] = (DeviceState.REFUSED, "4.04", "It has no such path.")
    server.answers["10.0.0.8/fw"] = (DeviceState.UNREACHABLE, None, "Nothing\x1b[2J came\nback.")
    done = run(*files, "v1", NODE, PLAIN, "10.0.0.8/fw", server=server)
    assert (done.returncode, done.stderr) == (75, "")
    assert done.stdout.splitlines()[1:] == [
        "[fd00::2]/suit/trigger  refused (4.04): It has no such path.",
        "10.0.0.7/fw             accepted (2.01)",
        "10.0.0.8/fw             unreachable: Nothing\ufffd[2J came\ufffdback.",
    ]


def test_each_answer_is_told_as_it_comes(server: FakeOtaServer, files: list[str]) -> None:
    with waiting_for_a_device(server, *files) as process:
        assert process.stdout
        assert process.stdout.readline() == "Published v1 (3 files, 60.5 kB).\n"
        server.answer(NODE)
        assert process.stdout.readline() == f"{NODE}  accepted (2.01)\n"
        assert process.communicate(timeout=120) == ("", "")
    assert process.returncode == 0


def test_notify_of_the_newest(server: FakeOtaServer, files: list[str]) -> None:
    run(*files, "v1", server=server)
    done = run("--notify-only", NODE, server=server)
    assert (done.returncode, done.stdout) == (0, f"Notifying of v1.\n{NODE}  accepted (2.01)\n")


def test_notify_of_one_of_two(server: FakeOtaServer, files: list[str]) -> None:
    run(*files, "v1", server=server)
    run(*files, "v2", server=server)
    unclear = run("--notify-only", NODE, server=server)
    assert (unclear.returncode, unclear.stdout) == (65, "")
    assert "v1 and v2 are equally new" in unclear.stderr
    assert run("--notify-only", "--publish-id", "v1", NODE, server=server).returncode == 0
    assert [notified[0] for notified in server.notified] == ["v1"]


def test_notify_of_no_release(server: FakeOtaServer) -> None:
    done = run("--notify-only", "--publish-id", "v9", NODE, server=server)
    assert (done.returncode, done.stdout) == (66, "")
    assert "There is no release" in done.stderr


def test_json_of_a_success(server: FakeOtaServer, files: list[str]) -> None:
    server.findings = (Finding(Severity.INFO, "size", "It is small."),)
    done = run(*files, "v1", NODE, "--json", server=server)
    data = json.loads(done.stdout)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert list(data) == ["published", "release", "findings", "results"]
    assert data["published"] is True
    assert data["release"] == server.releases["v1"].to_json()
    assert data["findings"] == [server.findings[0].to_json()]
    assert [(r["device"], r["state"], r["code"]) for r in data["results"]] == [(NODE, "accepted", "2.01")]


def test_json_of_an_error(server: FakeOtaServer, files: list[str]) -> None:
    finding = Finding(Severity.ERROR, "digest-mismatch", "slot0 is of another build.", Role.SLOT0).to_json()
    server.error = (400, {"error": "invalid-release", "message": "They do not fit.", "findings": [finding]})
    done = run(*files, "v1", NODE, "--json", server=server)
    assert done.returncode == 65
    assert json.loads(done.stdout) == {
        "published": False, "error": "invalid-release", "message": "They do not fit.",
        "release": None, "findings": [finding], "results": [],
    }  # fmt: skip
    assert done.stderr == "They do not fit.\nerror (digest-mismatch): slot0 is of another build.\n"


def test_a_finding_that_is_the_sentence_is_told_once(server: FakeOtaServer, files: list[str]) -> None:
    found = [Finding(Severity.ERROR, code, text).to_json() for code, text in (("a", "They do not fit."), ("b", "One is old."))]
    told = "Nothing was published: 2 errors.\nerror (a): They do not fit.\nerror (b): One is old.\n"
    for message in ("They do not fit.", "They do not fit. One is old.", "They do not fit. One is old. Nothing was published."):
        server.error = (400, {"error": "invalid-release", "message": message, "findings": found})
        assert run(*files, "v1", server=server).stderr == told


def test_json_of_wrong_usage() -> None:
    done = run("--json", "--colour")
    data = json.loads(done.stdout)
    assert (done.returncode, data["error"], data["published"]) == (64, "invalid-request", False)


def test_json_of_a_refusal(server: FakeOtaServer, files: list[str]) -> None:
    server.answers[NODE] = (DeviceState.REFUSED, "4.04", "It has no such path.")
    done = run(*files, "v1", NODE, "--json", server=server)
    data = json.loads(done.stdout)
    assert (done.returncode, data["published"], data["results"][0]["state"]) == (75, True, "refused")


def test_json_tells_that_it_is_published_when_notifying_fails(server: FakeOtaServer, files: list[str]) -> None:
    with waiting_for_a_device(server, *files, "--json") as process:
        server.fault = Fault.INTERNAL_ERROR
        out, err = process.communicate(timeout=120)
    data = json.loads(out)
    assert (process.returncode, err) == (69, "The server has a fault.\n")
    assert (data["published"], data["error"], data["release"]["publish_id"]) == (True, "server-refused", "v1")
    assert data["results"][0]["state"] == "waiting"


def test_dry_run_changes_nothing(server: FakeOtaServer, files: list[str]) -> None:
    done = run(*files, "v1", NODE, "--dry-run", server=server)
    assert (done.returncode, done.stderr, server.requests) == (0, "", [])
    finding, plan = done.stdout.splitlines()
    assert finding.startswith("info (signature-unverified): ")
    assert plan == f"Would publish v1 (3 files, 60.5 kB) on {server.url} and notify {NODE} of it. Nothing was changed."


def test_dry_run_checks_the_files(files: list[str]) -> None:
    files[3] = files[3].replace("1700000100", "1700000200")
    done = run(*files, "v1", "--dry-run")
    assert (done.returncode, done.stdout) == (65, "")
    assert "error (digest-mismatch): slot0 (slot0.1700000200.bin) has the SHA-256" in done.stderr
    forced = run(*files, "v1", "--dry-run", "--force", "--json")
    data = json.loads(forced.stdout)
    assert (forced.returncode, data["dry_run"], data["published"]) == (0, True, False)
    assert data["findings"][0]["code"] == "digest-mismatch"


def test_dry_run_of_a_notification_only_reads(server: FakeOtaServer, files: list[str]) -> None:
    run(*files, "v1", server=server)
    server.requests.clear()
    done = run("--notify-only", "--dry-run", NODE, server=server)
    assert (done.returncode, done.stdout) == (0, f"Would notify {NODE} of v1. Nothing was changed.\n")
    assert server.requests == ["GET /api/v1/releases"]


@pytest.mark.parametrize(
    ("code", "status"),
    (
        ("invalid-request", 64),
        ("invalid-release", 65),
        ("too-large", 65),
        ("internal-error", 69),
        ("release-exists", 73),
        ("store-full", 74),
        ("not-allowed", 77),
    ),
)
def test_exit_status_of_the_servers_errors(server: FakeOtaServer, files: list[str], code: str, status: int) -> None:
    server.error = (400, {"error": code, "message": "The server's sentence."})
    done = run(*files, "v1", NODE, server=server)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "The server's sentence.\n")
    assert server.notified == []


@pytest.mark.parametrize(
    ("fault", "status"),
    ((Fault.HTML, 69), (Fault.NO_ANSWER, 69), (Fault.HALF_ANSWER, 69), (Fault.EARLY_413, 65), (Fault.RESET_IN_UPLOAD, 69)),
)
def test_a_server_that_misbehaves(server: FakeOtaServer, files: list[str], fault: Fault, status: int) -> None:
    server.fault = fault
    done = run(*files, "v1", server=server)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)


def test_no_server(files: list[str]) -> None:
    done = run(*files, "v1", "--server", "no-such-host.invalid")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (69, "", 1)
    assert "http://no-such-host.invalid" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    (
        (["v1"], 64, "--manifest and --slot0 must be given"),
        (["--colour"], 64, "Unrecognized arguments: --colour"),
        (["--server", "ftp://host", "--notify-only", NODE], 64, "only http and https are known"),
        (["--manifest", "none.bin", "--slot0", "none.bin", "v1"], 64, "There is no manifest file 'none.bin'"),
        (["--manifest", "none.bin", "--slot0", "none.bin", ".v1"], 65, "starts with a dot"),
    ),
)
def test_what_is_wrong_before_anything_is_sent(arguments: list[str], status: int, words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert words in done.stderr


def test_one_bad_device_stops_everything(server: FakeOtaServer, files: list[str]) -> None:
    done = run(*files, "v1", NODE, "[fd00::2/x", server=server)
    assert (done.returncode, done.stdout, server.requests) == (64, "", [])
    assert "the ] is missing" in done.stderr


def test_file_name_that_is_no_text(server: FakeOtaServer, files: list[str], tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b'sl"\xff\n.bin')
    path.write_bytes(Path(files[3]).read_bytes())
    assert run("--manifest", files[1], "--slot0", str(path), "v1", server=server).returncode == 0
    path.unlink()
    assert run("--manifest", files[1], "--slot0", str(path), "v1", server=server).returncode == 64


def test_version_and_help() -> None:
    assert run("--version").stdout == f"OTA Server {__version__}\n"
    shown = run("--help")
    assert shown.returncode == 0
    assert "--notify-only" in shown.stdout
    assert "%(" not in shown.stdout
    assert "%%" not in shown.stdout


def test_ctrl_c_while_publishing(server: FakeOtaServer, files: list[str]) -> None:
    server.fault = Fault.SILENCE
    with running(*files, "v1", server=server, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: server.requests, what="the upload")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert re.fullmatch("Interrupted before the server had confirmed anything; .*\n", err)


def test_ctrl_c_while_devices_are_waited_for(server: FakeOtaServer, files: list[str]) -> None:
    with waiting_for_a_device(server, *files, "--json") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    data = json.loads(out)
    assert (process.returncode, err) == (130, "Interrupted: v1 is published, but not every device has answered.\n")
    assert (data["published"], data["error"]) == (True, "interrupted")


def test_a_reader_who_leaves_stops_nothing(server: FakeOtaServer, files: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, "--server", server.url, *files, "v1", NODE],
            stdout=writing, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=120, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.notified == [("v1", [NODE], "auto")]


def test_a_terminal_of_few_letters(server: FakeOtaServer, files: list[str]) -> None:
    server.error = (400, {"error": "store-full", "message": "Kein Platz für größere Dateien."})
    done = subprocess.run(
        [*COMMAND, "--server", server.url, *files, "v1"],
        capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (74, "Kein Platz f\\xfcr gr\\xf6\\xdfere Dateien.\n")


def test_progress_on_a_terminal(server: FakeOtaServer, files: list[str]) -> None:
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    server.slow = {NODE}
    with running(*files, "v1", NODE, PLAIN, server=server, stdin=ours, stdout=ours, stderr=ours) as process:
        os.close(ours)
        shown = _read_until(terminal, b"Notifying:  50%")
        server.answer(NODE)
        shown += _read_until(terminal, None)
        process.wait(timeout=120)
    os.close(terminal)
    text = shown.decode()
    assert process.returncode == 0
    assert re.search(r"Uploading: +\d+%\|", text)
    assert re.search(r"Notifying: +50%\|.*1/2", text)
    left = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n")]
    assert left == ["Published v1 (3 files, 60.5 kB).", "10.0.0.7/fw             accepted (2.01)", f"{NODE}  accepted (2.01)"]


def _read_until(terminal: int, words: bytes | None) -> bytes:
    """What is shown up to `words`, or to the end."""
    shown = b""
    while words is None or words not in shown:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # EIO: nobody has the other side open
            piece = b""
        if not piece:
            assert words is None, shown
            break
        shown += piece
    return shown


def test_neither_qt_nor_the_server_is_imported() -> None:
    program = "import sys, desktop.publish; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert not {"PyQt5", "PyQt6", "PySide6", "server", "bottle", "coapthon"} & set(shown.stdout.split())
