"""Publishing over HTTP with curl and by hand: what works, and every way in which it must not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support import coap
from tests.support.releases import SAMPLE, image, riot_release
from tests.support.server import Server, running
from tests.waiting import wait_until

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing: apt-get install curl")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("publish")
    with running(folder / "fw", folder / "state", "--max-image-size", "200000") as server:
        yield server


def publish(server: Server, publish_id: str | bytes, files: dict[str, bytes], **fields: str) -> requests.Response:
    return requests.post(
        server.url + "/publish", data={"publish_id": publish_id, **fields},
        files={name: (name, data) for name, data in files.items()}, timeout=60,
    )


def fetch(server: Server, path: str) -> bytes:
    with coap.peer(server.coap_port) as sock:
        return coap.fetch(sock, path)


@needs_curl
def test_curl_is_enough(server: Server, tmp_path: Path) -> None:
    files = riot_release(tmp_path)
    parts = [x for name in files for x in ("-F", f"{name}=@{tmp_path}/{name}")]
    command = ["curl", "-s", "-w", "\n%{http_code}", "-F", "publish_id=version_42", *parts, server.url + "/publish"]
    body, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rsplit("\n", 1)
    release = json.loads(body)
    assert status == "201"
    assert (release["publish_id"], release["state"], release["sequence_number"]) == ("version_42", "ready", 1700000100)
    assert {f["role"]: f["size"] for f in release["files"]} == {name: len(data) for name, data in files.items()}
    for name, data in files.items():
        assert fetch(server, f"version_42/{name}") == data
        assert requests.get(f"{server.url}/files/version_42/{name}", timeout=60).content == data
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("\n200")


def test_many_segments_one_image_and_a_role_by_base_name(server: Server) -> None:
    files = {"manifest": b"opaque", "/home/me/bin/board/app-slot0.1700000300.riot.bin": image(100, 1)}
    assert publish(server, "fw/app/board-1.2+3~x", files).status_code == 201
    assert fetch(server, "fw/app/board-1.2+3~x/slot0") == image(100, 1)
    assert requests.get(server.url + "/api/v1/releases/fw/app/board-1.2+3~x", timeout=60).json()["state"] == "ready"


def test_the_same_id_with_other_bytes_is_refused(server: Server) -> None:
    assert publish(server, "twice", {"manifest": b"m", "slot0": b"a"}).status_code == 201
    assert publish(server, "twice", {"manifest": b"m", "slot0": b"a"}).status_code == 200
    refused = publish(server, "twice", {"manifest": b"m", "slot0": b"b"}, force="1")
    assert (refused.status_code, refused.json()["error"]) == (409, "release-exists")
    assert fetch(server, "twice/slot0") == b"a"


def test_files_that_do_not_fit_need_force(server: Server, tmp_path: Path) -> None:
    files = riot_release(tmp_path)
    files["slot1"] = bytes(30016)
    refused = publish(server, "misfit", files)
    assert refused.status_code == 400
    findings = refused.json()["findings"]
    assert [f["code"] for f in findings if f["severity"] == "error"] == ["digest-mismatch"]
    assert findings[0]["message"] == refused.json()["message"]
    assert not (server.folder / "misfit").exists()
    forced = publish(server, "misfit", files, force="1")
    assert (forced.status_code, forced.json()["forced"], forced.json()["state"]) == (201, True, "ready")
    assert "digest-mismatch" in [f["code"] for f in forced.json()["findings"]]
    assert fetch(server, "misfit/slot1") == bytes(30016)


def test_warnings_come_with_the_release_and_refuse_nothing(server: Server, tmp_path: Path) -> None:
    """The sample's manifest sends devices elsewhere."""
    done = publish(server, "warned", riot_release(tmp_path))
    assert (done.status_code, done.json()["state"], done.json()["forced"]) == (201, "ready", False)
    severities = [f["severity"] for f in done.json()["findings"]]
    assert severities == sorted(severities, key=("error", "warning", "info").index)
    assert "uri-not-served" in [f["code"] for f in done.json()["findings"] if f["severity"] == "warning"]


@pytest.mark.parametrize(
    ("given", "code"), [(["slot0"], "no-manifest"), (["slot0", "slot1"], "no-manifest"), (["manifest"], "no-image")]
)
@pytest.mark.parametrize("force", ["0", "1"])
def test_what_is_no_release_is_a_finding_and_not_to_be_forced(server: Server, given: list[str], code: str, force: str) -> None:
    refused = publish(server, "part", dict.fromkeys(given, b"opaque"), force=force)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid-release")
    finding = next(f for f in refused.json()["findings"] if f["code"] == code)
    assert finding["severity"] == "error"
    assert finding["message"] in refused.json()["message"]
    assert not (server.folder / "part").exists()


GOOD = {"manifest": b"m", "slot0": b"a"}


@pytest.mark.parametrize(
    "publish_id",
    ["..", "../x", "a/../../x", "a//b", "/a", "a/", ".hidden", "a/.b", "a\0b", "x" * 300, "é", "a b", "latest", "a/.well-known",
     b"\xff\xfe", "a\\b", "%2e%2e", "", "a\nb"],
)
def test_what_is_no_publish_id(server: Server, publish_id: str | bytes) -> None:
    before = sorted(os.listdir(server.folder))
    refused = publish(server, publish_id, GOOD)
    assert refused.status_code == 400
    assert refused.json()["error"] in ("invalid-release", "invalid-request")
    assert sorted(os.listdir(server.folder)) == before


def post(server: Server, parts: list[tuple[str, tuple[Any, ...]]], **more: Any) -> requests.Response:
    return requests.post(server.url + "/publish", files=parts, timeout=60, **more)


ID, MANIFEST, SLOT0 = ("publish_id", (None, "v")), ("manifest", ("m", b"m")), ("slot0", ("a", b"a"))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([MANIFEST, SLOT0], "'publish_id' is missing"),
        ([ID, ID, MANIFEST], "'publish_id' is there 2 times"),
        ([ID], "There is no manifest"),
        ([ID, MANIFEST, ("slot0", ("a", b""))], "slot0 is empty"),
        ([ID, MANIFEST, SLOT0, ("slot0", ("b", b"2"))], "Two file parts"),
        ([ID, MANIFEST, SLOT0, ("what", ("b", b"2"))], "'what' is none of"),
        ([ID, ("manifest", (None, "text")), SLOT0], "manifest came as a text field"),
        ([ID, ("force", (None, "maybe")), MANIFEST], "it is 1 or 0"),
    ],
)
def test_fields_that_are_missing_empty_or_doubled(server: Server, parts: list[Any], sentence: str) -> None:
    refused = post(server, parts)
    assert refused.status_code == 400
    assert sentence in refused.json()["message"]
    assert not (server.folder / "v").exists()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-d", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=publish_id\r\n\r\nv", "multipart/form-data; boundary=x"),
        (
            b"--x\r\nContent-Disposition: form-data; name=publish_id\r\n\r\nv\r\n"
            b"--x\r\nContent-Disposition: form-data; name=manifest; filename=m\r\n\r\nopaque\r\n"
            b"--x\r\nContent-Disposition: form-data; name=slot0; filename=a\r\n\r\nthe first ha",
            "multipart/form-data; boundary=x",
        ),
        (b"\0\1\2" * 100, "multipart/form-data"),
        (b"publish_id=v", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
    ],
)
def test_a_broken_body(server: Server, body: bytes, content_type: str) -> None:
    refused = requests.post(server.url + "/publish", data=body, headers={"Content-Type": content_type}, timeout=60)
    assert refused.status_code == 400
    assert "message" in refused.json()


def test_too_large_a_file_and_too_large_a_body(server: Server) -> None:
    spool = server.state / "spool"
    one = publish(server, "large", {"manifest": b"m", "slot0": bytes(200_001)})
    assert (one.status_code, one.json()["error"]) == (413, "too-large")
    assert "200001 bytes" in one.json()["message"]
    assert [(f["code"], f["file"]) for f in one.json()["findings"]] == [("image-too-big", "slot0"), ("not-suit", "manifest")]
    whole = publish(server, "large", {"manifest": b"m", "slot0": bytes(3_000_000)})
    assert (whole.status_code, whole.json()["error"]) == (413, "too-large")
    assert not (server.folder / "large").exists()
    wait_until(lambda: os.listdir(spool) == [], what="an empty spool")
    assert publish(server, "largest", {"manifest": b"m", "slot0": bytes(200_000)}).status_code == 201


def test_a_client_that_goes_away_leaves_nothing(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    before = sorted(os.listdir(server.folder))
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(
                b"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                b"Content-Length: 600000\r\n\r\n--x\r\n" + bytes(400_000)
            )
    wait_until(lambda: os.listdir(server.state / "spool") == [], what="an empty spool")
    assert sorted(os.listdir(server.folder)) == before
    assert publish(server, "afterwards", GOOD).status_code == 201


def test_broken_off_uploads_are_given_back_to_the_spool(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state", "--max-image-size", "100000") as server:
        port = int(server.url.rsplit(":", 1)[1])
        for _ in range(60):
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(b"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1200000\r\n\r\n" + bytes(1_190_000))
        wait_until(lambda: publish(server, "v", {"manifest": b"m", "slot0": bytes(90_000)}).ok, what="room in the spool")


@pytest.mark.parametrize("request_", [b"GET http://[ HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
                                      b"POST /remove HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n\r\n"])
def test_addresses_that_cannot_be_read(server: Server, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as sock:
        sock.settimeout(60)
        sock.sendall(request_)
        assert sock.recv(1000).split()[1] in (b"400", b"403")


def test_odd_bodies(server: Server) -> None:
    deep = requests.post(server.url + "/remove", data=b"[" * 60_000, headers={"Content-Type": "application/json"}, timeout=60)
    assert deep.status_code == 400
    kind = b"Content-Type: text/plain; charset=zz"
    part = b'--x\r\nContent-Disposition: form-data; name="publish_id"\r\n' + kind + b"\r\n\r\nv\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert requests.post(server.url + "/publish", data=part, headers=headers, timeout=60).status_code == 400


def test_a_boundary_has_capitals_as_browsers_make_them(server: Server) -> None:
    boundary = "----WebKitFormBoundaryAbCdEf0123456789"
    files = [(f'name="{name}"; filename="{name}"', data) for name, data in (("manifest", "m"), ("slot0", "a"))]
    parts = [('name="publish_id"', "boundary/1"), *files]
    body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{data}\r\n" for head, data in parts)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = requests.post(server.url + "/publish", data=f"{body}--{boundary}--\r\n", headers=headers, timeout=60)
    assert answer.status_code == 201


def test_a_pipe_in_the_folder_holds_nobody(tmp_path: Path) -> None:
    (tmp_path / "fw" / "v").mkdir(parents=True)
    os.mkfifo(tmp_path / "fw" / "v" / "slot0")
    (tmp_path / "fw" / "v" / "manifest").write_bytes(b"m")
    with running(tmp_path / "fw", tmp_path / "state") as server:
        assert publish(server, "v", GOOD).status_code == 409
        assert publish(server, "w", GOOD).status_code == 201


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}, {"Origin": "null"}]
)
def test_other_sites_may_change_nothing(server: Server, headers: dict[str, str]) -> None:
    refused = requests.post(server.url + "/publish", data={"publish_id": "x"}, files={"manifest": b"m", "slot0": b"a"},
                            headers=headers, timeout=60)
    assert (refused.status_code, refused.json()["error"]) == (403, "not-allowed")
    for path in ("/check", "/withdraw", "/restore"):
        refused = requests.post(server.url + path, json={"publish_id": "x"}, headers=headers, timeout=60)
        assert (refused.status_code, refused.json()["error"]) == (403, "not-allowed")


def test_withdraw_and_restore(server: Server) -> None:
    assert publish(server, "shelf/1", GOOD).status_code == 201

    def ask(verb: str, **how: Any) -> requests.Response:
        return requests.post(f"{server.url}/{verb}", timeout=60, **how)

    for verb, state in (("withdraw", "withdrawn"), ("restore", "ready")):
        asked = {"publish_id": "shelf/1"}
        for how in ({"json": asked}, {"data": asked}, {"data": json.dumps(asked)}):
            done = ask(verb, **how)  # the second and third time nothing is to be done
            assert (done.status_code, done.json()["state"], server.state_of("shelf/1")) == (200, state, state)
        with coap.peer(server.coap_port) as sock:
            code = coap.ask(sock, coap.get("shelf/1/slot0")).dotted_code
        assert code == ("2.05" if state == "ready" else "4.04")
        assert (server.folder / "shelf" / "1" / "slot0").read_bytes() == b"a"
        missing = ask(verb, json={"publish_id": "shelf/2"})
        assert (missing.status_code, missing.json()["error"]) == (404, "release-not-found")
        assert ask(verb, json={"publish_id": ".."}).status_code in (400, 404)
        assert ask(verb, data=b"[", headers={"Content-Type": "application/json"}).status_code == 400
        assert ask(verb, data={"id": "shelf/1"}).json()["error"] == "invalid-request"


@pytest.mark.parametrize("verb", ["withdraw", "restore"])
def test_a_form_of_the_page_is_sent_back_to_it(server: Server, verb: str) -> None:
    assert publish(server, f"form/{verb}", GOOD).status_code == 201
    done = requests.post(f"{server.url}/{verb}", data={"publish_id": f"form/{verb}"}, headers={"Accept": "text/html"},
                         allow_redirects=False, timeout=60)
    assert (done.status_code, done.headers["Location"]) == (303, "./")
    assert server.state_of(f"form/{verb}") == ("withdrawn" if verb == "withdraw" else "ready")


def test_nobody_is_told_of_what_is_withdrawn(server: Server) -> None:
    assert publish(server, "quiet", GOOD).status_code == 201
    requests.post(server.url + "/withdraw", json={"publish_id": "quiet"}, timeout=60).raise_for_status()
    refused = requests.post(server.url + "/notify", data={"publish_id": "quiet", "urls": "[::1]:1/x"}, timeout=60)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid-release")
    assert "is withdrawn, so devices could not fetch it and nobody was told. Restore it first" in refused.json()["message"]
    again = publish(server, "quiet", GOOD)
    assert (again.status_code, again.json()["state"]) == (200, "withdrawn")


def test_remove_both_ways(server: Server) -> None:
    for number, ask in enumerate((
        lambda name: requests.delete(f"{server.url}/api/v1/releases/{name}", timeout=60),
        lambda name: requests.post(f"{server.url}/remove", json={"publish_id": name}, timeout=60),
        lambda name: requests.post(f"{server.url}/remove", json={"publish_id": "gone", "version": name[5:]}, timeout=60),
    )):
        name = f"gone/{number}"
        assert publish(server, name, GOOD).status_code == 201
        assert ask(name).status_code == 200
        assert not (server.folder / "gone").exists()
        assert ask(name).status_code == 404
    assert requests.post(f"{server.url}/remove", data=b"no json", headers={"Content-Type": "application/json"},
                         timeout=60).status_code == 400


def test_beyond_loopback_nothing_is_changed(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state", "--http-host", "0.0.0.0") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        refused = requests.post(url + "/publish", data={"publish_id": "x"}, files=GOOD, timeout=60)
        assert (refused.status_code, refused.json()["error"]) == (403, "not-allowed")
        for path in ("/check", "/withdraw", "/restore"):
            assert requests.post(url + path, json={"publish_id": "x"}, timeout=60).status_code == 403
        assert requests.get(url + "/api/v1/releases", timeout=60).json() == {"releases": [], "problems": []}


def small_disk(path: Path, size: str) -> None:
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a tmpfs needs root: sudo make test")


@pytest.mark.parametrize("full", ["fw", "state"])
def test_a_full_disk_is_507_and_nothing_is_half_published(tmp_path: Path, full: str) -> None:
    small_disk(tmp_path / full, "300k")
    try:
        with running(tmp_path / "fw", tmp_path / "state") as server:
            files = {"manifest": b"m", "slot0": image(1_000_000, 1)}
            refused = publish(server, "v", files)
            assert (refused.status_code, refused.json()["error"]) == (507, "store-full")
            assert not (server.folder / "v").exists()
            assert os.listdir(server.folder / ".staging") == []
            wait_until(lambda: os.listdir(server.state / "spool") == [], what="an empty spool")
            assert publish(server, "v", GOOD).status_code == 201
            assert fetch(server, "v/slot0") == b"a"
            with contextlib.suppress(OSError), (tmp_path / full / ".filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))
            refused = publish(server, "w", {"manifest": b"m", "slot0": image(9000, 1)})  # kept in memory until it is looked at
            assert (refused.status_code, refused.json()["error"]) == (507, "store-full")
            assert "Traceback" not in server.log
    finally:
        subprocess.run(["umount", str(tmp_path / full)], check=True)


def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    riot_release(tmp_path / "fw" / "v")
    bind = ["mount", "--bind", str(tmp_path / "fw"), str(tmp_path / "fw")]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("a read-only mount needs root: sudo make test")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(tmp_path / "fw")], check=True)
        with running(tmp_path / "fw", tmp_path / "state") as server:
            refused = publish(server, "w", GOOD)
            assert refused.status_code == 507
            assert "may not write into the firmware folder" in refused.json()["message"]
            assert "ReadWritePaths=" in refused.json()["message"]
            server.wait_ready("v")
            assert "may not remove" in requests.delete(server.url + "/api/v1/releases/v", timeout=60).json()["message"]
    finally:
        subprocess.run(["umount", str(tmp_path / "fw")], check=True)


@pytest.mark.timeout(600)
def test_killed_at_any_moment_the_old_state_or_the_new_one_stands(tmp_path: Path) -> None:
    """Fifty times kill -9 in mid-publish, at moments spread over the whole act."""
    folder, state = tmp_path / "fw", tmp_path / "state"
    old, new = {"manifest": b"old", "slot0": image(150_000, 1)}, {"manifest": b"new", "slot0": image(150_000, 2)}
    seen = set()
    for n in range(50):
        server = Server(folder, state).start()
        assert os.listdir(folder / ".staging") == []
        assert publish(server, f"base{n}", old).status_code == 201

        def send(server: Server = server, name: str = f"new{n}") -> None:
            try:
                publish(server, name, new)
            except requests.RequestException:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(n * 0.0015)  # the moment is what varies here
        server.stop(signal.SIGKILL)
        sender.join()
        assert {p.name: p.read_bytes() for p in (folder / f"base{n}").iterdir()} == old
        target = folder / f"new{n}"
        seen.add(target.exists())
        if target.exists():
            assert {p.name: p.read_bytes() for p in target.iterdir()} == new
    with running(folder, state) as server:
        assert os.listdir(folder / ".staging") == []
        for publish_id in os.listdir(folder):
            if not publish_id.startswith("."):
                server.wait_ready(publish_id)
    assert False in seen


def test_the_original_servers_answers(server: Server) -> None:
    port = server.coap_port
    assert requests.get(server.url + "/coap/url/fw/app", timeout=60).text == f"coap://127.0.0.1:{port}/fw/app"
    assert requests.get(server.url + "/coap/url/..", timeout=60).status_code in (400, 404)
    assert SAMPLE.is_dir()
