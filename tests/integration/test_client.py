"""The HTTP client against a server that behaves, one that does not, and none at all."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from common.checked import Checked, CheckedImage, CheckedManifest, CheckedSignature
from common.client import Cancelled, Client
from common.device_url import DeviceUrl
from common.errors import (
    InvalidManifest,
    InvalidRelease,
    InvalidRequest,
    NotAllowed,
    OtaError,
    ReleaseExists,
    ReleaseNotFound,
    ServerRefused,
    ServerUnreachable,
    StoreFull,
    TooLarge,
)
from common.finding import Finding, Role, Severity
from common.notification import DeviceState, Nul
from common.release import State
from tests.fakes.http_server import FakeOtaServer, Fault

DEVICE = DeviceUrl.parse("[fd00::2]/suit/trigger")


@pytest.fixture
def server() -> Iterator[FakeOtaServer]:
    with FakeOtaServer() as server:
        yield server


@pytest.fixture
def client(server: FakeOtaServer) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture
def files(tmp_path: Path) -> dict[Role, Path]:
    paths = {role: tmp_path / f"{role}.bin" for role in Role}
    for number, path in enumerate(paths.values()):
        path.write_bytes(bytes([number, 13, 10, 45, 45]) * 20_000)
    return paths


@pytest.fixture
def large(tmp_path: Path) -> dict[Role, Path]:
    """More than sockets buffer, so that the server can answer or go while it is sent. Sparse."""
    paths = {Role.MANIFEST: tmp_path / "m.bin", Role.SLOT0: tmp_path / "large.bin"}
    paths[Role.MANIFEST].write_bytes(b"manifest")
    with paths[Role.SLOT0].open("wb") as file:
        file.truncate(64 << 20)
    return paths


def test_new_release_arrives_whole(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    release, created = client.publish("app/version_42", files)
    assert created
    assert release == server.releases["app/version_42"]
    assert [(f.role, f.name, f.size) for f in release.files] == [(r, r.value, 100_000) for r in Role]


def test_same_bytes_again_is_no_new_release(client: Client, files: dict[Role, Path]) -> None:
    client.publish("version_42", files)
    assert client.publish("version_42", files)[1] is False


def test_other_bytes_under_the_same_id(client: Client, files: dict[Role, Path]) -> None:
    client.publish("version_42", files)
    files[Role.SLOT0].write_bytes(b"other")
    with pytest.raises(ReleaseExists, match="choose another name"):
        client.publish("version_42", files)


def test_force_is_passed_on(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    client.publish("version_42", files, force=True)
    assert server.forced == ["version_42"]


def test_progress_reaches_the_total(client: Client, files: dict[Role, Path]) -> None:
    seen: list[tuple[int, int]] = []
    client.publish("version_42", files, progress=lambda sent, total: seen.append((sent, total)))
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1] > 300_000


def test_cancelling_in_the_middle(server: FakeOtaServer, client: Client, large: dict[Role, Path]) -> None:
    pieces = 0

    def cancelled() -> bool:
        nonlocal pieces
        pieces += 1
        return pieces > 3

    with pytest.raises(Cancelled, match="version_42 was cancelled"):
        client.publish("version_42", large, cancelled=cancelled)
    assert server.releases == {}
    assert client.releases() == ()


CHECKED = Checked(
    (Finding(Severity.ERROR, "digest-mismatch", "slot0 is of another build.", Role.SLOT0),),
    CheckedManifest(
        "draft-09", 1700000100, None, "d96b474f-6fa4-5f5b-a3a4-d2b79a3c5e1c", "samr21-xpro", ("00",), "valid",
        (CheckedSignature("EdDSA", "0a1b"), CheckedSignature("ES256", None)), True,
        (CheckedImage(Role.SLOT0, 4096, "sha-256", "ab" * 32, 30000, "coap://[fd00::1]/a"), CheckedImage(*[None] * 6)),
    ),
)


def test_checking_brings_what_was_found(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    server.checked = CHECKED
    seen: list[tuple[int, int]] = []
    assert client.check(files, "app/v1", lambda sent, total: seen.append((sent, total))) == CHECKED
    assert seen[-1][0] == seen[-1][1] > 300_000
    assert client.check({Role.MANIFEST: files[Role.MANIFEST]}) == CHECKED
    assert server.checks == [("app/v1", [r.value for r in Role]), (None, ["manifest"])]
    assert server.releases == {}


def test_a_check_of_a_newer_server_is_sorted_and_read(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    found = [Finding(severity, severity, "A sentence.") for severity in reversed(Severity)]
    server.error = (200, {"findings": [f.to_json() for f in found], "manifest": None, "later": 1})
    assert client.check(files) == Checked(tuple(reversed(found)), None)
    said = {**CHECKED.to_json()["manifest"], "dialect": "draft-99", "signature": "revoked", "later": 1}
    server.error = (200, {"findings": [], "manifest": said})
    manifest = client.check(files).manifest
    assert manifest is not None
    assert (manifest.dialect, manifest.signature) == ("draft-99", "revoked")


@pytest.mark.parametrize("manifest", ({}, 5, {"dialect": "draft-09"}, [], False))
def test_a_check_of_another_shape(server: FakeOtaServer, client: Client, files: dict[Role, Path], manifest: object) -> None:
    server.error = (200, {"findings": [], "manifest": manifest})
    with pytest.raises(ServerRefused, match="another shape"):
        client.check(files)


def test_cancelling_a_check(client: Client, large: dict[Role, Path]) -> None:
    with pytest.raises(Cancelled, match="The check was cancelled"):
        client.check(large, cancelled=lambda: True)


def test_withdraw_and_restore(client: Client, files: dict[Role, Path]) -> None:
    client.publish("app/v1", files)
    for _ in range(2):
        assert client.withdraw("app/v1").state is State.WITHDRAWN
        assert client.release("app/v1").state is State.WITHDRAWN
    for _ in range(2):
        assert client.restore("app/v1").state is State.READY
    for call in (client.withdraw, client.restore):
        with pytest.raises(ReleaseNotFound):
            call("app/v2")


def test_malformed_id_is_not_sent(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    with pytest.raises(InvalidRelease, match="starts with a dot"):
        client.publish("a/../b", files)
    with pytest.raises(InvalidRelease, match="starts with a dot"):
        client.check(files, "a/../b")
    for call in (client.release, client.remove):
        with pytest.raises(InvalidRelease):
            call("a/../b")
    assert server.requests == []


@pytest.mark.parametrize(
    ("code", "kind"),
    (
        ("invalid-request", InvalidRequest),
        ("invalid-release", InvalidRelease),
        ("invalid-manifest", InvalidManifest),
        ("release-exists", ReleaseExists),
        ("release-not-found", ReleaseNotFound),
        ("not-allowed", NotAllowed),
        ("too-large", TooLarge),
        ("store-full", StoreFull),
        ("internal-error", ServerRefused),
        ("of-a-later-version", ServerRefused),
    ),
)
def test_error_codes(server: FakeOtaServer, client: Client, files: dict[Role, Path], code: str, kind: type[OtaError]) -> None:
    server.error = (400, {"error": code, "message": "The sentence."})
    with pytest.raises(OtaError, match=r"^The sentence\.$") as caught:
        client.publish("version_42", files)
    assert type(caught.value) is kind


def test_findings_come_with_the_error(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    finding = Finding(Severity.ERROR, "digest-mismatch", "slot0 is of another build.", Role.SLOT0)
    server.error = (400, {"error": "invalid-release", "message": "No.", "findings": [finding.to_json()]})
    with pytest.raises(InvalidRelease) as caught:
        client.publish("version_42", files)
    assert caught.value.findings == (finding,)


def test_findings_come_with_files_that_are_too_large(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    finding = Finding(Severity.ERROR, "image-too-big", "slot0 has 100000 bytes.", Role.SLOT0)
    server.error = (413, {"error": "too-large", "message": "No.", "findings": [finding.to_json()]})
    with pytest.raises(TooLarge) as caught:
        client.publish("version_42", files)
    assert caught.value.findings == (finding,)


@pytest.mark.parametrize("findings", ("text", 5, [5], [{"severity": "odd"}], {}))
def test_findings_of_another_shape_are_left_out(
    server: FakeOtaServer, client: Client, files: dict[Role, Path], findings: object
) -> None:
    server.error = (400, {"error": "invalid-release", "message": "No.", "findings": findings})
    with pytest.raises(InvalidRelease, match="No") as caught:
        client.publish("version_42", files)
    assert caught.value.findings == ()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    (
        (Fault.HTML, ServerRefused, "a web page, 'Printer status', .*status 200.*check that the address"),
        (Fault.HTML_413, TooLarge, "too large.*proxy"),
        (Fault.HTML_403, NotAllowed, "not allowed.*proxy"),
        (Fault.OTHER_JSON, ServerRefused, "another shape"),
        (Fault.INTERNAL_ERROR, ServerRefused, "The server has a fault"),
        (Fault.EMPTY, ServerRefused, "an empty page"),
        (Fault.REDIRECT, ServerRefused, "'https://gateway.example/'"),
        (Fault.NO_ANSWER, ServerUnreachable, "was lost before it answered"),
        (Fault.HALF_ANSWER, ServerRefused, "broke off in the middle of its answer"),
        (Fault.HALF_JSON, ServerRefused, "broken or incomplete"),
        (Fault.NOT_HTTP, ServerRefused, "does not speak HTTP"),
    ),
)
def test_what_comes_instead_of_an_answer(
    server: FakeOtaServer, client: Client, files: dict[Role, Path], fault: Fault, kind: type[OtaError], words: str
) -> None:
    server.fault = fault
    with pytest.raises(kind, match=words):
        client.publish("version_42", files)
    with pytest.raises(kind, match=words):
        client.releases()
    with pytest.raises(kind, match=words):
        client.remove("version_42")


def test_too_large_is_heard_before_all_is_sent(server: FakeOtaServer, client: Client, large: dict[Role, Path]) -> None:
    server.fault = Fault.EARLY_413
    with pytest.raises(TooLarge, match="over 16 MB"):
        client.publish("version_42", large)


def test_connection_lost_while_sending(server: FakeOtaServer, client: Client, large: dict[Role, Path]) -> None:
    server.fault = Fault.RESET_IN_UPLOAD
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1.*was lost.*Is it running"):
        client.publish("version_42", large)


def test_silent_server(server: FakeOtaServer, files: dict[Role, Path]) -> None:
    server.fault = Fault.SILENCE
    with Client(server.url, timeout=0.1) as client, pytest.raises(ServerUnreachable, match="did not answer in time"):
        client.publish("version_42", files)


def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with Client(f"127.0.0.1:{port}") as client:
            with pytest.raises(ServerUnreachable, match=rf"http://127\.0\.0\.1:{port}: nothing listens there.*make run"):
                client.releases()


def test_unknown_name() -> None:
    with Client("http://no-such-host.invalid:8080") as client:
        with pytest.raises(ServerUnreachable, match="nobody knows the host's name"):
            client.releases()


def test_plain_http_behind_an_https_address(server: FakeOtaServer) -> None:
    with Client(f"https://127.0.0.1:{server.port}") as client, pytest.raises(ServerUnreachable, match="No secure connection"):
        client.releases()


@pytest.mark.parametrize("host", ("gateway.localhost", "localhost.example", "x.y.localhost:8080", "localhost.localdomain"))
def test_no_token_goes_in_the_clear_to_a_name_that_the_network_is_asked_for(host: str) -> None:
    with pytest.raises(NotAllowed, match="over plain http everybody on the way can read it"):
        Client(f"http://{host}", token="secret")


def test_password_is_not_shown() -> None:
    with Client("http://me:secret@no-such-host.invalid") as client, pytest.raises(ServerUnreachable) as caught:
        client.releases()
    assert "secret" not in str(caught.value)


def test_environment_proxy_is_not_asked_for_loopback(server: FakeOtaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://no-such-proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "")
    for address in (server.url, f"localhost:{server.port}"):
        with Client(address) as client:
            assert client.releases() == ()


def test_environment_proxy_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://no-such-proxy.invalid:3128")
    with Client("http://gateway.invalid") as client, pytest.raises(ServerUnreachable, match="proxy"):
        client.releases()


@pytest.mark.parametrize(
    ("typed", "url"),
    (
        ("localhost:8080", "http://localhost:8080"),
        (" HTTP://Gateway.example/ ", "http://Gateway.example"),
        ("https://gateway.example/ota/", "https://gateway.example/ota"),
        ("[fd00::1]:8080", "http://[fd00::1]:8080"),
        ("gateway", "http://gateway"),
    ),
)
def test_addresses(typed: str, url: str) -> None:
    with Client(typed) as client:
        assert client.url == url


@pytest.mark.parametrize(
    "typed",
    ("", "http://", "ftp://h", "coap://h", "h:port", "h:99999", "h:0", "fd00::1", "http://[fd00::1", "a b", "h/?x=1", "h/#x"),
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="is no address of a server"):
        Client(typed)


@pytest.mark.parametrize("typed", ("http://a..b", "http://.x", "http://" + "a" * 70, "http://ex%ample", "http://b*d:80"))
def test_odd_hosts_are_sentences_too(typed: str) -> None:
    with pytest.raises((InvalidRequest, ServerUnreachable)):
        with Client(typed) as client:
            client.releases()


def test_prefix_and_id_make_the_path(server: FakeOtaServer) -> None:
    with Client(f"{server.url}/prefix/") as client:
        with pytest.raises(ReleaseNotFound):
            client.release("a b/ü%?#")
    assert server.requests == ["GET /prefix/api/v1/releases/a%20b/%C3%BC%25%3F%23"]


def test_release_and_remove(client: Client, files: dict[Role, Path]) -> None:
    release, _ = client.publish("app/v1", files)
    assert client.releases() == (release,)
    assert client.release("app/v1") == release
    client.remove("app/v1")
    assert client.releases() == ()
    for call in (client.release, client.remove):
        with pytest.raises(ReleaseNotFound):
            call("app/v1")


def test_watching_a_notification(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    client.publish("v1", files)
    server.slow = {str(DEVICE), "10.0.0.7/fw"}
    server.answers["10.0.0.7/fw"] = (DeviceState.REFUSED, "4.04", "It has no such path.")
    states = []
    for now in client.watch(client.notify("v1", [DEVICE, DeviceUrl.parse("10.0.0.7/fw")], Nul.YES)):
        states.append([r.state.value for r in now.results])
        server.answer("10.0.0.7/fw" if len(states) == 1 else str(DEVICE))
    assert states == [["waiting", "waiting"], ["waiting", "refused"], ["accepted", "refused"]]
    assert server.notified == [("v1", [str(DEVICE), "10.0.0.7/fw"], "yes")]


def test_watching_can_be_stopped(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    client.publish("v1", files)
    server.slow = {str(DEVICE)}
    stop = threading.Event()
    stop.set()
    assert len(list(client.watch(client.notify("v1", [DEVICE]), stop))) == 1


def test_asking_with_a_wait(server: FakeOtaServer, client: Client, files: dict[Role, Path]) -> None:
    client.publish("v1", files)
    assert client.notification(client.notify("v1", [DEVICE]).id, wait=0.5).all_accepted
    assert server.requests[-1] == "GET /api/v1/notifications/0?wait=0.5"


def test_notification_that_the_server_forgot(client: Client) -> None:
    with pytest.raises(ServerRefused, match="no longer knows"):
        client.notification("7")


def test_notifying_of_no_release(client: Client) -> None:
    with pytest.raises(ReleaseNotFound):
        client.notify("v1", [DEVICE])


def test_local_files_that_cannot_be_sent(server: FakeOtaServer, client: Client, files: dict[Role, Path], tmp_path: Path) -> None:
    empty, pipe, loop = tmp_path / "empty", tmp_path / "pipe", tmp_path / "loop"
    empty.touch()
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path, words in (
        (tmp_path / "none", "There is no slot0 file"),
        (files[Role.SLOT0] / "below", "cannot be read"),
        (tmp_path, "is a folder"),
        (empty, "is empty"),
        (pipe, "is no regular file"),
        (loop, "cannot be read"),
        (Path("a\0b"), "malformed"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            client.publish("v1", {**files, Role.SLOT0: path})
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users: run it as root")
def test_file_that_may_not_be_read(client: Client, files: dict[Role, Path]) -> None:
    files[Role.SLOT1].chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(InvalidRequest, match="may not be read"):
            client.publish("v1", files)
    finally:
        os.seteuid(0)


def test_file_that_shrinks_while_it_is_sent(client: Client, large: dict[Role, Path]) -> None:
    with pytest.raises(InvalidRequest, match=r"large\.bin' became shorter"):
        client.publish("v1", large, progress=lambda _sent, _total: os.truncate(large[Role.SLOT0], 1000))


def test_file_that_grows_is_sent_as_it_was(client: Client, files: dict[Role, Path]) -> None:
    def grow(_sent: int, _total: int) -> None:
        with files[Role.SLOT1].open("ab") as file:
            file.write(b"more")

    release, _ = client.publish("v1", files, progress=grow)
    assert [f.size for f in release.files] == [100_000] * 3


def test_an_answer_that_never_ends_is_given_up() -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" " * (1 << 20))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Endless) as http:
        thread = threading.Thread(target=http.handle_request)
        thread.start()
        with Client(f"http://127.0.0.1:{http.server_address[1]}") as client, pytest.raises(ServerRefused, match="come to an end"):
            client.releases()
        thread.join()
