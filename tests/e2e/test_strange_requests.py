"""Requests as no client of ours writes them, on a real connection: each is answered or dropped, none is a fault of the server."""

from __future__ import annotations

import contextlib
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.releases import write_release
from tests.support.server import Server, running

HOST = b"Host: localhost\r\n"
END = b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place: Path = tmp_path_factory.mktemp("strange")
    with running(place / "fw", place / "state") as server:
        write_release(server.folder / "kept", size=500)
        server.wait_ready("kept")
        yield server
        assert "a bug answers" not in server.log


def send(server: Server, data: bytes) -> bytes:
    """All that comes back until the server closes; `data` may be refused in its middle."""
    port = int(server.url.rpartition(":")[2])
    got = b""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(65536):
                got += piece
    return got


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("head", "wanted"), [
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", {403}),
    (b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n", {403}),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", {403}),
    (b"GET / HTTP/1.1\r\nHost:\r\n", {200}),
    (b"GET / HTTP/1.0\r\n", {200}),
    (b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST, {200}),
    (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n", {403}),
    (b"GET http://[ HTTP/1.1\r\n" + HOST, {400}),
    (b"GET http://[::1/ HTTP/1.1\r\n" + HOST, {400}),
    (b"GET //evil.example/ HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /\\evil.example HTTP/1.1\r\n" + HOST, {404}),
    (b"GET healthz HTTP/1.1\r\n" + HOST, {200, 400, 404}),
    (b"GET ? HTTP/1.1\r\n" + HOST, {200, 400, 404}),
    (b"GET * HTTP/1.1\r\n" + HOST, {400, 404}),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST, {400, 404, 405}),
    (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST, {400, 404, 405}),
    (b"TRACE / HTTP/1.1\r\n" + HOST, {405}),
    (b"BREW / HTTP/1.1\r\n" + HOST, {405}),
    (b"get / HTTP/1.1\r\n" + HOST, {400}),
    (b"GET /%00 HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /files/%00/%2e%2e/slot0 HTTP/1.1\r\n" + HOST, {404}),
    (b"GET /static/%00 HTTP/1.1\r\n" + HOST, {400, 403, 404}),
    (b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\n" + HOST, {403, 404}),
    (b"GET /static/....//app.py HTTP/1.1\r\n" + HOST, {403, 404}),
    (b"GET /static/" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST, {403, 404}),
    (b"GET /%ff%fe HTTP/1.1\r\n" + HOST, {400}),
    (b"GET /\xff\xfe HTTP/1.1\r\n" + HOST, {400}),
    (b"GET /devices/%ff HTTP/1.1\r\n" + HOST, {400}),
    (b"GET /devices?q=%ff&show=%00 HTTP/1.1\r\n" + HOST, {200}),
    (b"GET /api/v1/history?kind=%ff%00 HTTP/1.1\r\n" + HOST, {200}),
    (b"GET /api/v1/history?kind=" + b"a" * 4091 + b" HTTP/1.1\r\n" + HOST, {200}),
    (b"GET /api/v1/history?kind=" + b"a" * 4092 + b" HTTP/1.1\r\n" + HOST, {414}),
    (b"GET /nothing?" + b"&" * 5000 + b" HTTP/1.1\r\n" + HOST, {414}),
    (b"GET /api/v1/notifications/%ff?wait=nan HTTP/1.1\r\n" + HOST, {400, 404}),
    (b"GET / HTTP/1.1\x00\r\n" + HOST, {400}),
    (b"GET / HTTP/1.1\r\nX: a\x00b\r\n" + HOST, {200, 400}),
    (b"GET / HTTP/1.1\r\nX: \xff\xfe\r\nAccept: text/html, \xff\r\n" + HOST, {200}),
    (b"GET / HTTP/1.1\r\nNo colon\r\n" + HOST, {400}),
    (b"GET / HTTP/1.1\r\n X: folded\r\n" + HOST, {400}),
    (b"GET / HTTP/1.1\nHost: localhost\n", {400}),
    (b"GET / HTTP/9.9\r\n" + HOST, {200, 400}),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n" + HOST, {431}),
    (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n" + HOST, {431}),
    (b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(2000)) + HOST, {200}),
    (b"POST /notify HTTP/1.1\r\nContent-Length: -1\r\n" + HOST, {400}),
    (b"POST /notify HTTP/1.1\r\nContent-Length: 1e3\r\n" + HOST, {400}),
    (b"POST /notify HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n" + HOST, {400}),
    (b"POST /notify HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n" + HOST, {0, 400}),
    (b"POST /notify HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + HOST, {501}),
    (b"POST /notify HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 0\r\n" + HOST, {400}),
    (b"POST /notify HTTP/1.1\r\nContent-Type: \xff/\x80; charset=\xff\r\nContent-Length: 0\r\n" + HOST, {400}),
    (b"PUT /publish HTTP/1.1\r\nContent-Length: 0\r\n" + HOST, {405}),
    (b"GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: x.example\r\n" + HOST, {200}),
    (b"GET / HTTP/1.1\r\nX-Forwarded-For: ,\r\nX-Forwarded-Proto: x,y\r\nForwarded: ;=;\r\n" + HOST, {200}),
    (b"GET / HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4\r\nota_server.proxied: 1\r\n" + HOST, {200}),
])  # fmt: skip
def test_it_is_answered_and_the_next_one_too(server: Server, head: bytes, wanted: set[int]) -> None:
    answer = send(server, head + END)
    assert status(answer) in wanted, answer[:400]
    headers, _, body = answer.partition(b"\r\n\r\n")
    if status(answer) >= 400 and body:
        assert b"Content-Type: application/json" in headers, answer[:400]
        assert b"X-Content-Type-Options: nosniff" in headers
    assert requests.get(f"{server.url}/healthz", timeout=60).ok


@pytest.mark.parametrize("path", [b"kep%fft", b"%ffkept", b"kept\xc3", b"kep%c0%80t", b"kep%ed%a0%80t"])
def test_bytes_that_are_no_text_do_not_name_another_release(server: Server, path: bytes) -> None:
    answer = send(server, b"DELETE /api/v1/releases/" + path + b" HTTP/1.1\r\n" + HOST + END)
    assert status(answer) == 400, answer
    assert server.state_of("kept") == "ready"


def test_random_damage_makes_no_fault(server: Server) -> None:
    random_ = random.Random(7)
    whole = (
        b"POST /publish HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nContent-Type: multipart/form-data; boundary=zz\r\n"
        b"Content-Length: 66\r\nConnection: close\r\n\r\n"
        b'--zz\r\nContent-Disposition: form-data; name="publish_id"\r\n\r\na\r\n--zz--'
    )
    damage = (b"", b"\0", b"\xff", b"\r\n", b" ", b":", b"%", b"/", b"9", b'"')
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(random_.randrange(1, 6)):
            at = random_.randrange(len(data))
            data[at : at + random_.randrange(3)] = random_.choice(damage)
        answer = send(server, bytes(data))
        assert status(answer) < 500 or status(answer) in (501, 505), (bytes(data), answer[:300])
    assert requests.get(f"{server.url}/healthz", timeout=60).ok
