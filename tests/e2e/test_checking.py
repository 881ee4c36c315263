"""Checking files without publishing them, over HTTP and by the command line; and withdrawing by the command line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from common.boards import class_id
from tests.conftest import SAMPLES
from tests.support.releases import SAMPLE, image, riot_release, suit_release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

OLD, NEW = 1700000100, 1700000200
LIMIT = 200_000
NOBODY = "http://127.0.0.1:1"
"""Where no server is."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("checking")
    with running(folder / "fw", folder / "state", "--max-image-size", str(LIMIT)) as server:
        riot_release(server.folder / "fw" / "old", OLD)
        server.wait_ready("fw/old")
        yield server


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the public key of the samples."""
    folder = tmp_path / "keys"
    folder.mkdir()
    shutil.copy(SAMPLES / "public-key.pem", folder)
    return folder


def check(server: Server, files: dict[str, bytes], **fields: str) -> requests.Response:
    parts: list[Any] = [(name, (None, text)) for name, text in fields.items()]
    parts += [(name, (name, data)) for name, data in files.items()]
    return requests.post(server.url + "/check", files=parts, timeout=60)


def codes(findings: list[dict[str, Any]], severity: str = "error") -> list[str]:
    return [f["code"] for f in findings if f["severity"] == severity]


def state_of_disk(server: Server) -> list[tuple[str, int, int]]:
    """Every path in the firmware folder and in the spool, with what a write would change."""
    paths = [*server.folder.rglob("*"), *(server.state / "spool").rglob("*"), server.folder]
    return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-W", "error", "-m", "desktop.publish"]
    return subprocess.run([*program, *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False)


def sample(version: int = NEW, slot0: int | None = None, manifest: Path | None = None) -> list[str]:
    return [
        "--manifest", str(manifest or SAMPLE / f"riot.suit.{version}.bin"),
        "--slot0", str(SAMPLE / f"slot0.{slot0 or version}.bin"),
        "--slot1", str(SAMPLE / f"slot1.{version}.bin"),
    ]  # fmt: skip


def unsent(server: Server) -> str:
    """What devices may ask for is all that there was before."""
    return ",".join(r["publish_id"] for r in requests.get(server.url + "/api/v1/releases", timeout=60).json()["releases"])


# POST /check


def test_a_check_says_what_the_manifest_says_and_stores_nothing(server: Server, tmp_path: Path) -> None:
    before = state_of_disk(server)
    done = check(server, riot_release(tmp_path, NEW), publish_id="fw/new")
    assert done.status_code == 200
    manifest = done.json()["manifest"]
    assert (manifest["dialect"], manifest["sequence_number"], manifest["signature"]) == ("draft-09", NEW, "unverified")
    assert (manifest["board"], manifest["class_id"]) == ("samr21-xpro", class_id("samr21-xpro"))
    assert (manifest["components"], manifest["encrypted"]) == (["00"], False)
    assert manifest["signatures"] == [{"algorithm": "EdDSA", "key_id": None}]
    assert [(i["role"], i["offset"], i["size"], i["algorithm"]) for i in manifest["images"]] == [
        ("slot0", 4096, 30000, "sha-256"), ("slot1", 133120, 30016, "sha-256"),
    ]  # fmt: skip
    assert all(i["uri"].endswith(f"{i['role']}.{NEW}.bin") and len(i["sha256"]) == 64 for i in manifest["images"])
    assert codes(done.json()["findings"]) == []
    assert state_of_disk(server) == before
    assert unsent(server) == "fw/old"


def test_a_check_knows_what_is_served_already(server: Server, tmp_path: Path) -> None:
    files = riot_release(tmp_path, OLD)
    for publish_id, older in (("fw/again", True), ("fw/old", False)):
        done = check(server, files, publish_id=publish_id)
        assert ("sequence-not-newer" in codes(done.json()["findings"], "warning")) == older


def test_findings_are_worst_first(server: Server, tmp_path: Path) -> None:
    files = {**riot_release(tmp_path, NEW), "slot1": image(30016, 7)}
    severities = [f["severity"] for f in check(server, files).json()["findings"]]
    assert severities == sorted(severities, key=("error", "warning", "info").index)
    assert len(set(severities)) == 3


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["manifest"], ["no-image"]),
        (["slot0"], ["no-manifest"]),
        (["manifest", "slot1"], ["image-missing"]),
        ([], ["no-manifest", "no-image"]),
    ],
)
def test_what_is_missing_is_a_finding(server: Server, tmp_path: Path, roles: list[str], expected: list[str]) -> None:
    files = riot_release(tmp_path, NEW)
    before = state_of_disk(server)
    done = check(server, {role: files[role] for role in roles}, publish_id="fw/new")
    assert (done.status_code, codes(done.json()["findings"])) == (200, expected)
    assert (done.json()["manifest"] is None) == ("manifest" not in roles)
    assert state_of_disk(server) == before


def test_a_file_that_is_too_large_is_a_finding(server: Server) -> None:
    done = check(server, {"manifest": b"opaque", "slot0": bytes(LIMIT + 1)})
    assert (done.status_code, codes(done.json()["findings"])) == (200, ["image-too-big"])
    whole = check(server, {"manifest": b"opaque", "slot0": bytes(20 * LIMIT)})
    assert (whole.status_code, whole.json()["error"]) == (413, "too-large")


def test_a_manifest_that_cannot_be_read(server: Server, tmp_path: Path) -> None:
    files = riot_release(tmp_path, NEW)
    done = check(server, {**files, "manifest": files["manifest"][:200]})
    assert (done.status_code, done.json()["manifest"], codes(done.json()["findings"])) == (200, None, ["unreadable-manifest"])


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([("publish_id", (None, "../x")), ("manifest", ("m", b"m"))], "invalid-release"),
        ([("manifest", ("m", b""))], "invalid-release"),
        ([("what", ("m", b"m"))], "invalid-request"),
        ([("manifest", (None, "text"))], "invalid-request"),
    ],
)
def test_what_cannot_be_checked(server: Server, parts: list[Any], code: str) -> None:
    refused = requests.post(server.url + "/check", files=parts, timeout=60)
    assert (refused.status_code, refused.json()["error"]) == (400, code)


def test_a_check_is_no_form_and_no_json(server: Server) -> None:
    for how in ({"json": {}}, {"data": {"publish_id": "v"}}):
        assert requests.post(server.url + "/check", timeout=60, **how).status_code == 400  # type: ignore[arg-type]
    assert requests.get(server.url + "/check", timeout=60).status_code == 405


# --check-only


def test_check_only_by_a_server(server: Server) -> None:
    before = state_of_disk(server)
    done = command("--server", server.url, "--check-only", *sample(), "fw/new")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[:3] == [
        f"manifest   draft-09, sequence number {NEW}",
        "board      samr21-xpro",
        "signature  unverified (EdDSA)",
    ]
    assert lines[3].startswith("slot0      30000 bytes, offset 0x1000, coap://")
    assert lines[4].startswith("slot1      30016 bytes, offset 0x20800, coap://")
    assert [line.partition(":")[0] for line in lines[5:-1]] == sorted(
        (line.partition(":")[0] for line in lines[5:-1]), key=lambda line: ("error", "warning", "info").index(line.split()[0])
    )
    assert any(line.startswith("warning (uri-not-served): ") for line in lines)
    assert lines[-1].startswith("No errors, ")
    assert state_of_disk(server) == before


def test_check_only_with_errors(server: Server) -> None:
    done = command("--server", server.url, "--check-only", *sample(slot0=OLD), "fw/new")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (65, "")
    assert lines[5].startswith("error (digest-mismatch): slot0 has the SHA-256")
    assert lines[-1].startswith("2 errors, ")
    assert lines[-1].endswith(": devices cannot take this, and a server refuses it.")
    assert unsent(server) == "fw/old"


@pytest.mark.parametrize("offline", [True, False])
def test_check_only_with_only_a_manifest_or_only_an_image(server: Server, offline: bool) -> None:
    where = ["--no-server"] if offline else ["--server", server.url]
    done = command(*where, "--check-only", *sample()[:2])
    assert (done.returncode, done.stdout.count("error (no-image): ")) == (65, 1)
    assert done.stdout.startswith("manifest   draft-09")
    done = command(*where, "--check-only", *sample()[2:4])
    assert (done.returncode, done.stdout.splitlines()[0].partition(":")[0]) == (65, "error (no-manifest)")
    done = command(*where, "--check-only", *sample()[:4])
    assert (done.returncode, done.stdout.count("error (image-missing): ")) == (65, 1)


@pytest.mark.parametrize("offline", [True, False])
def test_json_of_a_check(server: Server, offline: bool) -> None:
    where = ["--no-server"] if offline else ["--server", server.url]
    for slot0, status in ((NEW, 0), (OLD, 65)):
        done = command(*where, "--check-only", "--json", *sample(slot0=slot0))
        data = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (status, "")
        assert data.keys() == {"published", "checked", "findings", "manifest", "release", "results"}
        assert (data["published"], data["checked"], data["release"], data["results"]) == (False, True, None, [])
        assert data["manifest"]["board"] == "samr21-xpro"
        assert bool(codes(data["findings"])) == bool(status)
        assert ("uri-not-served" in codes(data["findings"], "warning")) == (not offline)


def test_check_only_without_any_server(tmp_path: Path) -> None:
    """Nothing is sent: the proxy that the environment names is a socket that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        os.environ["http_proxy"] = f"http://127.0.0.1:{trap.getsockname()[1]}"
        try:
            done = command("--check-only", "--no-server", *sample())
        finally:
            del os.environ["http_proxy"]
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("No errors in what could be checked here:")
    opaque = tmp_path / "m.bin"
    opaque.write_bytes(b"opaque")
    done = command("--check-only", "--no-server", "--manifest", str(opaque), *sample()[2:])
    assert (done.returncode, done.stdout.startswith("info (")) == (0, True)


def test_check_only_when_the_server_is_down() -> None:
    done = command("--server", NOBODY, "--check-only", *sample())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (69, "", 1)
    assert "nothing listens there" in done.stderr


def test_check_only_of_files_that_cannot_be_read(server: Server, tmp_path: Path) -> None:
    for where in (["--no-server"], ["--server", server.url]):
        done = command(*where, "--check-only", "--manifest", str(tmp_path / "none"))
        assert (done.returncode, done.stdout) == (64, "")
        assert "There is no manifest file" in done.stderr


def test_check_only_where_it_is_not_allowed(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state", "--http-host", "0.0.0.0") as server:
        done = command("--server", server.url.replace("0.0.0.0", "127.0.0.1"), "--check-only", *sample())
    assert (done.returncode, done.stdout) == (77, "")


# --trust-keys, --boards


def test_trusted_keys_without_a_server(keys: Path) -> None:
    done = command("--check-only", "--no-server", "--trust-keys", str(keys), *sample())
    assert (done.returncode, "signature  valid (EdDSA)" in done.stdout, "signature-" in done.stdout) == (0, True, False)
    other = sample(manifest=SAMPLES / f"other-key-{NEW}.suit")
    done = command("--check-only", "--no-server", "--trust-keys", str(keys), *other)
    assert (done.returncode, "signature  invalid" in done.stdout) == (65, True)
    assert "error (signature-invalid): " in done.stdout


def test_trusted_keys_stand_in_place_of_the_servers(server: Server, keys: Path) -> None:
    plain = command("--server", server.url, "--check-only", *sample())
    assert "info (signature-unverified): " in plain.stdout
    done = command("--server", server.url, "--check-only", "--trust-keys", str(keys), *sample())
    assert (done.returncode, "signature  valid (EdDSA)" in done.stdout, "signature-" in done.stdout) == (0, True, False)
    assert "warning (uri-not-served): " in done.stdout


def test_what_is_wrong_here_is_not_sent(keys: Path) -> None:
    other = sample(manifest=SAMPLES / f"other-key-{NEW}.suit")
    done = command("--server", NOBODY, "--check-only", "--trust-keys", str(keys), *other)
    assert (done.returncode, done.stderr) == (65, "")
    assert done.stdout.splitlines()[-1] == f"The server at {NOBODY} was not asked: this is wrong whatever it serves."
    done = command("--server", NOBODY, "--trust-keys", str(keys), *other, "other")
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("These files cannot be a release; nothing was sent to the server.\nerror (signature-invalid): ")
    data = json.loads(command("--server", NOBODY, "--json", "--trust-keys", str(keys), *other, "other").stdout)
    assert (data["published"], data["error"], codes(data["findings"])) == (False, "invalid-release", ["signature-invalid"])
    dry = command("--dry-run", "--trust-keys", str(keys), *other, "other")
    assert (dry.returncode, "error (signature-invalid): " in dry.stderr) == (65, True)


def test_publishing_with_trusted_keys(server: Server, keys: Path) -> None:
    done = command("--server", server.url, "--trust-keys", str(keys), *sample(), "trusted")
    assert (done.returncode, done.stderr, "signature-" in done.stdout) == (0, "", False)
    other = sample(manifest=SAMPLES / f"other-key-{NEW}.suit")
    forced = command("--server", server.url, "--trust-keys", str(keys), "--force", *other, "forced")
    assert (forced.returncode, forced.stdout.splitlines()[1].partition(":")[0]) == (0, "error (signature-invalid)")
    for name in ("trusted", "forced"):
        requests.delete(f"{server.url}/api/v1/releases/{name}", timeout=60).raise_for_status()


def test_a_servers_own_refusal_stays_whatever_is_trusted_here(tmp_path: Path) -> None:
    both, theirs = tmp_path / "both", tmp_path / "theirs"
    for folder in (both, theirs):
        folder.mkdir()
        made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True).stdout
        public = subprocess.run(["openssl", "pkey", "-pubout"], input=made, capture_output=True, check=True).stdout
        (folder / "other.pem").write_bytes(public)
    shutil.copy(SAMPLES / "public-key.pem", both)
    with running(tmp_path / "fw", tmp_path / "state", "--trust-keys", str(theirs)) as server:
        done = command("--server", server.url, "--check-only", "--trust-keys", str(both), *sample())
        assert (done.returncode, done.stdout.count("error (signature-invalid): ")) == (65, 1)
        refused = command("--server", server.url, "--trust-keys", str(both), *sample(), "v")
        assert (refused.returncode, refused.stdout) == (65, "")
        assert "error (signature-invalid): " in refused.stderr


def test_keys_and_boards_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for option, name in (("--trust-keys", "empty"), ("--trust-keys", "none"), ("--boards", "none")):
        for mode in (["--check-only", "--no-server"], ["v1"], ["v1", "--dry-run"]):
            done = command(*mode, option, str(tmp_path / name), *sample())
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (78, "", 1)


def test_boards_of_ones_own(server: Server, tmp_path: Path) -> None:
    suit_release(tmp_path / "own", 7)
    own = tmp_path / "boards.txt"
    own.write_text("board example.org\n")
    files = ["--manifest", str(tmp_path / "own" / "manifest"), "--slot0", str(tmp_path / "own" / "slot0")]
    nobody = command("--check-only", "--no-server", *files)
    assert "\nclass " in nobody.stdout
    assert "\nboard " not in nobody.stdout
    for where in (["--no-server"], ["--server", server.url]):
        data = json.loads(command(*where, "--check-only", "--json", "--boards", str(own), *files).stdout)
        assert data["manifest"]["board"] in (None, "board")


# publishing and shelving


def test_errors_stop_publishing_unless_it_is_forced(server: Server) -> None:
    done = command("--server", server.url, *sample(slot0=OLD), "bad")
    assert (done.returncode, done.stdout) == (65, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Nothing was published: 2 errors")
    assert lines[1].startswith("error (digest-mismatch): ")
    assert unsent(server) == "fw/old"
    forced = command("--server", server.url, "--force", *sample(slot0=OLD), "bad")
    assert (forced.returncode, forced.stderr) == (0, "")
    assert forced.stdout.splitlines()[0] == "Published bad (3 files, 60.5 kB), forced in spite of 2 errors."
    requests.delete(f"{server.url}/api/v1/releases/bad", timeout=60).raise_for_status()


def test_withdrawing_and_restoring(server: Server) -> None:
    assert command("--server", server.url, *sample(), "shelf").returncode == 0
    first = command("--server", server.url, "--withdraw", "shelf")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "shelf is withdrawn: devices can no longer fetch it. --restore shelf gives it back to them.\n"
    assert server.state_of("shelf") == "withdrawn"
    again = command("--server", server.url, "--withdraw", "shelf")
    assert (again.returncode, again.stdout.startswith("shelf was withdrawn already; nothing was changed.")) == (0, True)
    same = command("--server", server.url, *sample(), "shelf")
    assert (same.returncode, same.stdout) == (65, "")
    assert same.stderr.startswith("shelf is already published with the same bytes, and is withdrawn: devices do not get it.")
    assert command("--server", server.url, "--notify-only", "--publish-id", "shelf", "[::1]:1/x").returncode == 65
    back = command("--server", server.url, "--restore", "shelf")
    assert (back.returncode, back.stdout) == (0, "shelf is restored. It is ready: devices can fetch it.\n")
    again = command("--server", server.url, "--restore", "shelf")
    assert again.returncode == 0
    assert again.stdout == "shelf was not withdrawn; nothing was changed. It is ready: devices can fetch it.\n"
    requests.delete(f"{server.url}/api/v1/releases/shelf", timeout=60).raise_for_status()

    def kinds() -> list[str]:
        events = requests.get(f"{server.url}/api/v1/history", params={"publish_id": "shelf"}, timeout=60).json()["events"]
        return [event["kind"] for event in events]

    wait_until(lambda: kinds()[-1:] == ["removed"], what="the history to be written")
    assert [kind for kind in kinds() if kind in ("withdrawn", "restored")] == ["withdrawn", "restored"]


@pytest.mark.parametrize("verb", ["--withdraw", "--restore"])
def test_json_of_withdrawing_and_restoring(server: Server, verb: str) -> None:
    assert command("--server", server.url, *sample(), "json").returncode == 0
    if verb == "--restore":
        command("--server", server.url, "--withdraw", "json")
    for changed in (True, False):
        done = command("--server", server.url, "--json", verb, "json")
        data = json.loads(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert data.keys() == {"published", "changed", "release", "findings", "results"}
        assert (data["published"], data["changed"], data["results"]) == (False, changed, [])
        assert data["release"]["state"] == ("withdrawn" if verb == "--withdraw" else "ready")
    requests.delete(f"{server.url}/api/v1/releases/json", timeout=60).raise_for_status()
    gone = command("--server", server.url, "--json", verb, "json")
    data = json.loads(gone.stdout)
    assert (gone.returncode, data["error"], data["release"]) == (66, "release-not-found", None)
    assert gone.stderr == f"{data['message']}\n"
    assert command("--server", NOBODY, verb, "json").returncode == 69
