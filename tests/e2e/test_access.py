"""Who may change what, on the real server, over real connections: each route, with and without what it takes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from server.access.token import Right
from tests.support.access import add_token, revoke_token
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

FILES = {"manifest": b"m", "slot0": b"a"}
COMMAND = "-m server token add laptop --state-dir"
ROUTES = [
    ("POST", "/publish", Right.PUBLISH, 400), ("POST", "/check", Right.PUBLISH, 400), ("POST", "/withdraw", Right.PUBLISH, 404),
    ("POST", "/restore", Right.PUBLISH, 404), ("PUT", "/api/v1/devices/10.9.9.9", Right.PUBLISH, 404),
    ("POST", "/devices/10.9.9.9", Right.PUBLISH, 404), ("POST", "/notify", Right.NOTIFY, 400),
    ("PUT", "/notify", Right.NOTIFY, 400), ("POST", "/notifyv4", Right.NOTIFY, 400),
    ("POST", "/api/v1/notifications/x", Right.NOTIFY, 404),
    ("POST", "/notifications/x", Right.NOTIFY, 404), ("POST", "/api/v1/rollouts", Right.NOTIFY, 400),
    ("POST", "/rollouts", Right.NOTIFY, 400), ("POST", "/rollouts/x", Right.NOTIFY, 404),
    ("POST", "/api/v1/rollouts/x", Right.NOTIFY, 404), ("POST", "/remove", Right.REMOVE, 404),
    ("DELETE", "/api/v1/releases/none", Right.REMOVE, 404),
]  # fmt: skip
"""Method, path, right, and the status when it is allowed: the body names nothing that there is."""
BODIES: dict[str, Any] = {"state": "paused", "name": "x", "publish_id": "none"}


class World:
    """One server that the network can reach, with one token for each right, and one for all."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.url.replace("0.0.0.0", "127.0.0.1")
        self.texts = {right: add_token(server.state, right.value, right) for right in Right}
        self.all = add_token(server.state, "laptop")

    def ask(self, method: str, path: str, **headers: str) -> requests.Response:
        json_only = path in ("/remove", "/withdraw", "/restore")
        how = {"json": BODIES} if json_only else {"data": BODIES}
        return requests.request(method, self.url + path, headers=headers, allow_redirects=False, timeout=60, **how)

    def log_in(self, text: str, **headers: str) -> requests.Response:
        return requests.post(
            f"{self.url}/login", data={"token": text, "next": "devices"}, headers=headers, allow_redirects=False, timeout=30
        )

    def history(self) -> list[tuple[str, str, str]]:
        events = requests.get(f"{self.url}/api/v1/history", params={"limit": 5000}, timeout=60).json()["events"]
        return [(event["kind"], event["who"], event["what"]) for event in events]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("access")
    with running(place / "fw", place / "state", "--http-host", "0.0.0.0") as server:
        yield World(server)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(("method", "path", "right", "status"), ROUTES, ids=str)
def test_each_route_with_and_without_what_it_takes(world: World, method: str, path: str, right: Right, status: int) -> None:
    def answer(**headers: str) -> tuple[int, str]:
        found = world.ask(method, path, **headers)
        return found.status_code, found.json()["error"]

    def status_of(**headers: str) -> int:
        return world.ask(method, path, **headers).status_code

    without = world.ask(method, path)
    assert (without.status_code, without.json()["error"]) == (401, "token-wanted")
    assert without.headers["WWW-Authenticate"] == "Bearer"
    assert COMMAND in without.json()["message"]
    for other in set(Right) - {right}:
        lacking = world.ask(method, path, **bearer(world.texts[other]))
        assert (lacking.status_code, lacking.json()["error"]) == (403, "not-allowed")
        assert f"'{other}' may {other}, and this needs one that may {right}" in lacking.json()["message"]
    assert status_of(**bearer(world.texts[right])) == status
    assert status_of(**bearer(world.all), Via="1.1 proxy", Host="gateway.example") == status
    cookie = world.log_in(world.texts[right]).headers["Set-Cookie"].partition(";")[0]
    assert status_of(Cookie=cookie, Origin=world.url) == status
    assert status_of(Cookie=cookie, **{"Sec-Fetch-Site": "same-origin"}) == status
    same_site = {"Origin": world.url, "Sec-Fetch-Site": "same-site"}
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, same_site):
        assert answer(Cookie=cookie, **headers) == (403, "not-allowed")
    assert answer(Cookie=f"{cookie}x", Origin=world.url) == (401, "token-wanted")
    page = world.ask(method, path, Accept="text/html")
    if not path.startswith("/api/"):
        assert page.status_code == 401
        assert 'name="token"' in page.text


def test_reading_is_open_whatever_token_comes_along(world: World) -> None:
    for path in ("/", "/devices", "/works", "/api/v1/releases", "/api/v1/devices", "/api/v1/history", "/login"):
        for headers in ({}, bearer("wrong"), bearer(world.all), {"Via": "1.1 proxy", "Host": "gateway.example"}):
            assert requests.get(world.url + path, headers=headers, timeout=60).status_code == 200


def test_each_act_is_in_the_history_and_the_log_with_its_name(world: World) -> None:
    def ask(method: str, path: str, **how: Any) -> Any:
        done = requests.request(method, world.url + path, headers=bearer(world.all), timeout=60, **how)
        assert done.ok, done.text
        return done.json()

    ask("POST", "/publish", data={"publish_id": "acts/1"}, files=FILES)
    ask("POST", "/check", data={"publish_id": "acts/2"}, files=FILES)
    ask("POST", "/withdraw", json={"publish_id": "acts/1"})
    ask("POST", "/restore", json={"publish_id": "acts/1"})
    notification = ask("POST", "/notify", data={"publish_id": "acts/1", "urls": "127.0.0.99:9/x"})
    ask("PUT", "/api/v1/devices/127.0.0.99", json={"name": "cellar"})
    ask("POST", f"/api/v1/notifications/{notification['id']}", data={"state": "cancelled"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.98", 0))
        urls = f"127.0.0.98:{silent.getsockname()[1]}/x"
        rollout = ask("POST", "/api/v1/rollouts", data={"publish_id": "acts/1", "urls": urls})
        ask("POST", f"/api/v1/rollouts/{rollout['id']}", data={"state": "stopped"})
    ask("DELETE", "/api/v1/releases/acts/1")
    world.log_in(world.all)
    who = "laptop (127.0.0.1)"
    expected = {"published", "withdrawn", "restored", "notified", "named", "rollout", "removed", "login"}
    wait_until(lambda: expected <= {kind for kind, name, _ in world.history() if name == who}, what="the acts in the history")
    assert not [what for _, _, what in world.history() if "acts/2" in what], "a check is no change"
    for act in (
        "Published acts/1.", "Withdrew acts/1.", "Restored acts/1.", "Notified 1 device of acts/1.",
        "127.0.0.99 is called 'cellar'", "Notifying of acts/1 is ", "Removed acts/1.",
        "Logged in with the token laptop.", f"rollout {rollout['id']} of acts/1: Stopped by",
    ):  # fmt: skip

        def is_told(act: str = act) -> bool:
            return any(f"INFO    {who}: " in line for line in world.server.log.splitlines() if act in line)

        wait_until(is_told, what=f"{act!r} in the log")
    log = world.server.log
    assert world.all not in log
    assert not [line for line in log.splitlines() if "Published acts/1." in line][1:], "one line"


def test_logging_in_and_out(world: World) -> None:
    answer = world.log_in(world.all, Accept="text/html", Origin=world.url)
    assert (answer.status_code, answer.headers["Location"]) == (303, "./devices")
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={30 * 86400}"} == {text.lower() for text in attributes}
    assert world.all not in cookie
    page = requests.get(world.url, headers={"Cookie": cookie}, timeout=60)
    assert "Log out" in page.text
    assert world.all not in page.text
    assert cookie.partition("=")[2] not in page.text
    open_page = requests.get(world.url, headers={"If-None-Match": page.headers["ETag"]}, timeout=60)
    assert (open_page.status_code, "Log out" in open_page.text) == (200, False), "another page for another one"
    for refused in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert requests.post(f"{world.url}/logout", headers={"Cookie": cookie, **refused}, timeout=60).status_code == 403
        assert world.log_in(world.all, **refused).status_code == 403
    assert "Log out" in requests.get(world.url, headers={"Cookie": cookie}, timeout=60).text
    own = {"Cookie": cookie, "Origin": world.url}
    gone = requests.post(f"{world.url}/logout", headers=own, allow_redirects=False, timeout=60)
    assert (gone.status_code, "Max-Age=0" in gone.headers["Set-Cookie"]) == (303, True)
    assert "Log out" not in requests.get(world.url, headers={"Cookie": cookie}, timeout=60).text


def test_nobody_is_led_away(world: World) -> None:
    for away in ("//evil.example", "http://evil.example", "/\\evil.example", "x\r\nSet-Cookie: a=b"):
        form = {"token": world.all, "next": away}
        answer = requests.post(f"{world.url}/login", data=form, allow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["Location"]) == (303, "./")
        assert "evil" not in requests.get(f"{world.url}/login", params={"next": away}, timeout=60).text


def test_ten_wrong_ones_then_429_while_a_right_one_passes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    text = add_token(state)
    with running(tmp_path / "fw", state, "--http-host", "::") as server:
        url = server.url.replace("[::]", "127.0.0.1")

        def ask(given: str) -> requests.Response:
            return requests.post(f"{url}/withdraw", json=BODIES, headers=bearer(given), timeout=60)

        found = [ask(f"wrong-{n}") for n in range(12)]
        assert [answer.status_code for answer in found] == [401] * 10 + [429] * 2
        assert found[-1].json()["error"] == "too-many-tries"
        assert 0 < int(found[-1].headers["Retry-After"]) <= 60
        form = requests.post(f"{url}/login", data={"token": "wrong"}, headers={"Accept": "text/html"}, timeout=60)
        assert (form.status_code, 'name="token"' in form.text) == (429, True)
        assert ask(text).status_code == 404
        assert requests.post(f"{url}/login", data={"token": text}, allow_redirects=False, timeout=60).status_code == 303
        wait_until(lambda: server.log.count("wrong tokens come from 127.0.0.1") == 1)
        wait_until(lambda: "laptop (127.0.0.1): Logged in" in server.log, what="the line in the log")
        history = f"{url}/api/v1/history"
        wait_until(lambda: "laptop (127.0.0.1)" in requests.get(history, timeout=60).text, what="the entry in the history")
        assert "wrong-1" not in server.log


def test_a_token_counts_and_ends_while_the_server_runs_and_sessions_last_over_its_restart(tmp_path: Path) -> None:
    folder, state = tmp_path / "fw", tmp_path / "state"

    def publish(url: str, **headers: str) -> int:
        return requests.post(f"{url}/publish", data={"publish_id": "v"}, files=FILES, headers=headers, timeout=60).status_code

    with running(folder, state) as server:
        assert publish(server.url) == 201, "no token, and only this machine"
        command = [sys.executable, "-m", "server", "token", "add", "laptop", "--state-dir", str(state)]
        text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        assert (publish(server.url), publish(server.url, **bearer(text))) == (401, 200)
        answer = requests.post(f"{server.url}/login", data={"token": text}, allow_redirects=False, timeout=60)
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Sec-Fetch-Site": "same-origin"}
        assert publish(server.url, **cookie) == 200
        wait_until(lambda: "INFO    The token 'laptop' is known: it may publish, notify and remove." in server.log)
    with running(folder, state) as server:
        assert publish(server.url, **cookie) == 200
        revoke_token(state, "laptop")
        add_token(state, "other")
        assert (publish(server.url, **cookie), publish(server.url, **bearer(text))) == (401, 401)
        wait_until(lambda: "INFO    The token 'laptop' is revoked." in server.log)
        (state / "tokens").write_text("{")
        assert publish(server.url) == 403
        wait_until(lambda: "ERROR   The file of tokens" in server.log)
        assert "is damaged, so nobody may change anything" in requests.get(server.url, timeout=60).text
        assert requests.get(f"{server.url}/files/v/slot0", timeout=60).content == b"a", "reading goes on"


def test_without_a_token_beyond_loopback_the_page_and_the_answer_name_the_command(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state", "--http-host", "0.0.0.0") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        answer = requests.post(f"{url}/publish", data={"publish_id": "v"}, files=FILES, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (403, "not-allowed")
        page = requests.get(url, timeout=60)
        for text in (answer.json()["message"], page.text, requests.get(f"{url}/login", timeout=60).text):
            assert COMMAND in text
        assert 'action="publish"' not in page.text
        command = answer.json()["message"].rpartition(": ")[2]
        done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
        how = {"headers": bearer(done.stdout.strip()), "data": {"publish_id": "v"}, "files": FILES}
        assert requests.post(f"{url}/publish", timeout=60, **how).status_code == 201, command


def test_where_the_tokens_are_gone_nobody_changes_anything_after_a_reload_either(tmp_path: Path) -> None:
    config = tmp_path / "ota-server.toml"
    config.touch()
    with running(tmp_path / "fw", tmp_path / "state", "--config", str(config)) as server:
        token = add_token(server.state)

        def withdraw(**headers: str) -> int:
            answer = requests.post(f"{server.url}/withdraw", json={"publish_id": "none"}, headers=headers, timeout=60)
            if answer.status_code == 403:
                assert "is gone, so nobody may change anything" in answer.json()["message"]
            return answer.status_code

        assert (withdraw(), withdraw(**bearer(token))) == (401, 404)
        server.state.rename(tmp_path / "away")
        assert (withdraw(), withdraw(**bearer(token))) == (403, 403)
        config.write_text("patience = 700\n")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded: patience" in server.log and server.log.count("serving ") == 2, what="a reload")
        assert (server.state / "spool").is_dir(), "it was made anew"
        assert (withdraw(), withdraw(**bearer(token))) == (403, 403)
        shutil.rmtree(server.state)
        (tmp_path / "away").rename(server.state)
        assert (withdraw(), withdraw(**bearer(token))) == (401, 404)
        assert "is revoked" not in server.log
        revoke_token(server.state, "laptop")
        assert withdraw() == 404


def test_at_the_machine_a_sign_of_a_proxy_ends_the_exception(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        port = server.url.rpartition(":")[2]

        def publish(**headers: str) -> int:
            how = {"data": {"publish_id": "v"}, "files": FILES, "headers": headers, "timeout": 30}
            return requests.post(f"{server.url}/publish", **how).status_code

        for header in (
            "Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "x-forwarded-server", "X-Real-IP",
        ):  # fmt: skip
            assert publish(**{header: "1.1 x"}) == 403
        with socket.create_connection(("127.0.0.1", int(port)), 30) as sock:
            sock.sendall(b"POST /remove HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")
            assert sock.makefile("rb").readline().split()[1] == b"403"
        assert publish(Host=f"gateway:{port}") == 403
        assert (publish(Host=f"localhost:{port}"), publish()) == (201, 200)


def spooled(server: Server) -> int:
    """Bytes of bodies that lie on the disk, in files that have no name any more."""
    total = 0
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(server.state / "spool") in os.readlink(entry):
                total += entry.stat().st_size
    return total


def test_the_body_of_somebody_unknown_does_not_reach_the_disk(world: World) -> None:
    host, _, port = world.url.removeprefix("http://").partition(":")
    size, piece = 8_000_000, b"x" * 100_000

    def head(*more: str) -> bytes:
        lines = ["POST /publish HTTP/1.1", "Host: gateway", "Content-Type: multipart/form-data; boundary=x", *more]
        return "\r\n".join([*lines, "", ""]).encode()

    for token, kept in ((world.all, True), ("wrong", False), ("", False)):
        with socket.create_connection((host, int(port)), 30) as sock:
            sock.sendall(head(f"Content-Length: {size}", f"Authorization: Bearer {token}" if token else "X: y"))
            for _ in range(size // len(piece) - 1):
                sock.sendall(piece)
            if kept:
                wait_until(lambda: spooled(world.server) > size // 2, what="the body on the disk")
            else:
                assert spooled(world.server) == 0
            sock.sendall(piece)
            status = int(sock.makefile("rb").readline().split()[1])
            assert status == (400 if kept else 401)
        wait_until(lambda: spooled(world.server) == 0, what="nothing on the disk")


def test_whoever_asks_before_sending_is_refused_before_sending(world: World, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 5_000_000)
    command = [
        "curl", "-s", "-o", str(tmp_path / "answer"), "-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue",
        "--expect100-timeout", "30", "-F", "publish_id=v", "-F", f"slot0=@{tmp_path / 'big'}", f"{world.url}/publish",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "401 0"
    assert json.loads((tmp_path / "answer").read_text())["error"] == "token-wanted"


def test_a_chunked_body_is_refused_in_words_too(world: World) -> None:
    answer = requests.post(f"{world.url}/publish", data=iter([b"x" * 1000] * 10), timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (401, "token-wanted")
