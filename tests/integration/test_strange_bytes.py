"""Requests made to keep the server busy or full are refused in words, and ordinary ones are read as waitress reads them."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

from server.web.door import listener
from server.web.door.connections import Connections
from server.web.door.parser import Parser
from server.web.door.serving import Serving
from server.web.door.spool import Spool
from tests.waiting import wait_until

MIB = 1 << 20
LIMIT = 36 << 10
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Page:
    """The real listener in a thread. The application answers with what it was given, as JSON."""

    def __init__(self, may_send: bool) -> None:
        self.sock = listener.open_socket("127.0.0.1", 0)
        self.address = self.sock.getsockname()
        self.spool = Spool(MIB, MIB)
        connections = Connections()
        self.serving = Serving(
            listener.create(self._app, self.sock, self.spool, lambda _: may_send, connections), self.sock, connections.look
        )

    @staticmethod
    def _app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = {name: value for name, value in environ.items() if isinstance(value, str)}
        body = json.dumps(found | {"body": environ["wsgi.input"].read().decode("latin-1")}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, 60)

    def ask(self, head: bytes, body: bytes = b"") -> tuple[int, dict[str, Any], bytes]:
        """Status, JSON and headers of the answer to a request whose end nobody sees: the connection stays open for sending."""
        with self.connect() as sock:
            sock.sendall(head + b"Connection: close\r\n\r\n" + body)
            return read(sock)


def read(sock: socket.socket) -> tuple[int, dict[str, Any], bytes]:
    data = b""
    while more := sock.recv(65536):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head


@contextmanager
def page(may_send: bool = True) -> Iterator[Page]:
    running = Page(may_send)

    def run() -> None:
        running.serving.run()
        running.serving.stop(60.0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield running
    finally:
        running.serving.interrupt()
        thread.join()


@pytest.fixture(scope="module")
def there() -> Iterator[Page]:
    with page() as running:
        yield running


@pytest.fixture(scope="module")
def unknown() -> Iterator[Page]:
    """A page whose askers may not send a body."""
    with page(may_send=False) as running:
        yield running


def parsed(kind: Callable[[Adjustments], HTTPRequestParser], data: bytes) -> HTTPRequestParser:
    parser = kind(Adjustments(clear_untrusted_proxy_headers=False))
    parser.received(data)
    return parser


def ours(adj: Adjustments) -> Parser:
    return Parser(Spool(MIB, MIB), lambda _: True, adj)


@pytest.mark.parametrize(("data", "status"), [
    (b"GET a://" + b"1" * 250_000 + b" HTTP/1.1x\r\n\r\n", 400),
    (b"GET a://" + b"1" * 250_000 + b" b HTTP/1.1\r\n\r\n", 400),
    (b"GET a://" + b"1" * 250_000 + b" HTTP/1.1\r\n\r\n", 0),
    (b"GET " + b"a://" * 60_000 + b"\x00 HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nX:" + b" " * 250_000 + b"a\r\n\r\n", 0),
    (b"GET / HTTP/1.1\r\nX:" + b" \t" * 125_000 + b"\x00\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nX: a" + b" " * 250_000 + b"\x00\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nX: " + b"a " * 125_000 + b"\x00\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nX" + b"X" * 250_000 + b"\r\n\r\n", 400),
], ids=["version", "blank", "host", "schemes", "blanks", "blanks-nul", "blanks-within", "words", "no-colon"])  # fmt: skip
def test_a_header_of_any_shape_is_read_in_time_that_grows_with_its_length(data: bytes, status: int) -> None:
    """With waitress' patterns alone several of them take hours, in which no other thread runs."""
    parser = parsed(ours, data)
    assert (parser.completed, getattr(parser.error, "code", 0)) == (True, status)


LINE = st.text("abcXYZ019-._~!$&'()*+,;=:@/?%[]#<>\xe4\xff", max_size=20)
NAMES = st.sampled_from(["Host", "X-Y", "x-y", "X_Y", "Cookie", "Connection", "Expect", "Content-Length", "!#$%&'*+.^`|~"])
BLANKS = st.text(" \t", max_size=3)
KNOWN = st.sampled_from(["", "close", "0", "5", "keep-alive", "100-continue"])
VALUES = st.one_of(KNOWN, st.lists(LINE, max_size=4).map(" ".join), LINE.map("a\t".join))
FIELDS = st.tuples(NAMES, BLANKS, VALUES, BLANKS).map(lambda field: f"{field[0]}:{field[1]}{field[2]}{field[3]}\r\n")


@given(
    st.sampled_from(["GET", "POST", "M-SEARCH", "P~"]),
    st.tuples(st.sampled_from(["/", "//", "*", "http://localhost/", "http://localhost", "a://1"]), LINE).map("".join),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from(["", " "]),
    st.lists(FIELDS, max_size=5),
)
def test_ordinary_requests_are_read_as_waitress_reads_them(
    method: str, address: str, version: str, blank: str, fields: list[str]
) -> None:
    data = f"{method} {address} HTTP/{version}{blank}\r\n{''.join(fields)}\r\n".encode("latin-1")
    try:
        waitress = parsed(HTTPRequestParser, data)
    except ValueError:
        assert parsed(ours, data).error.code == 400
        return
    mended = parsed(ours, data)
    names = ("headers", "command", "request_uri", "path", "query", "fragment", "version", "connection_close", "content_length")
    assert getattr(mended.error, "code", 0) == getattr(waitress.error, "code", 0)
    if waitress.error is None:
        assert [getattr(mended, name) for name in names] == [getattr(waitress, name) for name in names]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_header_over_the_limit_is_431_in_words_once_it_has_ended(there: Page, pieces: int) -> None:
    data = b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a" * 500_000 + b"\r\n\r\n"
    size = len(data) // pieces
    with there.connect() as sock:
        for at in range(0, len(data), size):
            sock.sendall(data[at : at + size])
        status, found, head = read(sock)
    assert (status, found["error"]) == (431, "request-header-fields-too-large")
    assert str(LIMIT) in found["message"]
    assert "delete the cookies" in found["message"]
    assert b"Content-Type: application/json" in head


def test_a_header_without_end_is_431_too(there: Page) -> None:
    with there.connect() as sock:
        sock.sendall((b"GET / HTTP/1.1\r\nX: ").ljust(MIB, b"a"))
        assert read(sock)[0] == 431


def test_a_header_below_the_limit_is_taken(there: Page) -> None:
    cookies = b"; ".join(b"c%d=%s" % (n, b"x" * 4000) for n in range(8))
    status, found, _ = there.ask(b"GET /a%20b?q=1+2 HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookies + b"\r\n")
    assert (status, found["HTTP_COOKIE"]) == (200, cookies.decode())
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/a b", "q=1+2")


def test_curl_is_answered(there: Page) -> None:
    done = subprocess.run(
        ["curl", "-s", "-H", "X-Y:   blanks  ", "-H", "Transfer-Encoding: chunked", "-d", "body", f"http://127.0.0.1:{there.address[1]}/"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["HTTP_X_Y"], found["body"], found["CONTENT_LENGTH"]) == ("blanks", "body", "4")


@pytest.mark.parametrize(("head", "says"), [
    (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n", "begins with a blank"),
    (b"GET / HTTP/1.1\r\nX: a\r\n\t\r\n", "begins with a blank"),
    (b"GET /\r\n", "the version are needed"),
    (b"GET / a HTTP/1.1\r\n", "an address without blanks"),
    (b"GET /\x7f HTTP/1.1\r\n", "an address without blanks"),
    (b"get / HTTP/1.1\r\n", "a method in capitals"),
    (b"GET http://[ HTTP/1.1\r\n", "no address that can be read"),
    (b"POST / HTTP/1.1\r\nContent-Length: " + b"1" * 5000 + b"\r\n", "too large"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(there: Page, head: bytes, says: str) -> None:
    status, found, _ = there.ask(head)
    assert (status, says in found["message"]) in ((400, True), (413, True)), found


def test_a_header_that_is_refused_is_not_asked_for_its_body(there: Page) -> None:
    """waitress says 100, forgets that the request was refused, and waits."""
    status, _, _ = there.ask(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: -1\r\n")
    assert status == 400


@pytest.mark.parametrize(("body", "says"), [
    (b"1" * 300, "size of a chunk"),
    (b"4\r\nbody\r\n1;" + b"a" * 300, "size of a chunk"),
    (b"4\r\nbody\r\n0\r\nX: " + b"a" * 5000, "trailer"),
    (b"0\r\n" + b"X: a\r\n" * 900, "trailer"),
])  # fmt: skip
def test_a_line_between_chunks_that_does_not_end_is_refused(there: Page, body: bytes, says: str) -> None:
    status, found, _ = there.ask(b"POST / HTTP/1.1\r\n" + CHUNKED, body)
    assert (status, says in found["message"], "Content-Length" in found["message"]) == (400, True, True), found


def test_chunks_with_extensions_and_a_trailer_are_taken(there: Page) -> None:
    trailer = b"".join(b"X-%d: a\r\n" % n for n in range(300))
    with there.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nConnection: close\r\n" + CHUNKED + b"\r\n4;a=" + b"b" * 200)
        sock.sendall(b"\r\nbody\r\n0\r\n" + trailer[:1000])
        sock.sendall(trailer[1000:] + b"\r\n")
        status, found, _ = read(sock)
    assert (status, found["body"]) == (200, "body")


def test_a_login_form_may_come_in_chunks(unknown: Page) -> None:
    form = b"token=" + b"a" * 60
    head = b"POST /login HTTP/1.1\r\n"
    status, found, _ = unknown.ask(head + CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form))
    assert (status, found["body"], found["CONTENT_LENGTH"]) == (200, form.decode(), str(len(form)))
    status, found, _ = unknown.ask(b"POST /publish HTTP/1.1\r\n" + CHUNKED, b"4\r\nbody\r\n0\r\n\r\n")
    assert (status, found["body"]) == (200, "")
    for large in (
        unknown.ask(head + CHUNKED, b"1388\r\n" + b"a" * 5000),
        unknown.ask(head + b"Content-Length: 5000\r\n", b"a" * 5000),
    ):
        assert (large[0], large[1]["error"], "login form" in large[1]["message"]) == (413, "too-large", True)


def test_an_upload_waits_for_the_others(there: Page) -> None:
    """A spool that others have filled is no full disk."""
    head = b"POST / HTTP/1.1\r\nContent-Length: 700000\r\n"
    with there.connect() as first:
        first.sendall(head + b"\r\n" + b"a" * 600_000)
        wait_until(lambda: there.spool.held == 600_000, what="the first one's bytes in the spool")
        status, found, answer = there.ask(head, b"a" * 700_000)
        assert (status, found["error"]) == (503, "busy")
        assert "Other uploads are under way" in found["message"]
        assert b"\r\nRetry-After: 30\r\n" in answer + b"\r\n"
        first.sendall(b"a" * 100_000)
        assert first.recv(12) == b"HTTP/1.1 200"
