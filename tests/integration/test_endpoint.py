"""The CoAP endpoint over real sockets, with hand-made datagrams."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.coap import datagram
from server.coap.datagram import Datagram
from server.coap.service import CoapService
from tests.support import coap
from tests.support.coap import ask, block2, fetch, get, make_parts, peer, serving
from tests.support.releases import riot_release, write_release


@pytest.fixture
def parts(tmp_path: Path) -> coap.Parts:
    riot_release(tmp_path / "fw" / "version_42")
    write_release(tmp_path / "fw" / "app" / "board" / "7", size=64 * 100)
    (tmp_path / "fw" / "extra").mkdir()
    (tmp_path / "fw" / "extra" / "any file.dat").write_bytes(b"whatever")
    return make_parts(tmp_path / "fw")


@pytest.fixture
def server(parts: coap.Parts) -> Iterator[CoapService]:
    with serving(parts) as endpoint:
        yield endpoint


@pytest.mark.parametrize("szx", range(7))
def test_every_file_comes_byte_for_byte_at_every_block_size(server: CoapService, tmp_path: Path, szx: int) -> None:
    with peer(server.port) as sock:
        for path in ("version_42/manifest", "version_42/slot0", "version_42/slot1", "app/board/7/slot0"):
            assert fetch(sock, path, szx) == (tmp_path / "fw" / path).read_bytes()


def test_a_file_is_served_at_its_own_path(server: CoapService) -> None:
    with peer(server.port) as sock:
        answer = ask(sock, get("extra/any file.dat"))
        assert (answer.dotted_code, answer.payload) == ("2.05", b"whatever")


def test_slot1_is_really_slot1(server: CoapService, tmp_path: Path) -> None:
    with peer(server.port) as sock:
        slot0, slot1 = fetch(sock, "version_42/slot0"), fetch(sock, "version_42/slot1")
    assert slot0 != slot1
    assert slot1 == (tmp_path / "fw" / "version_42" / "slot1").read_bytes()


def test_without_a_token_any_block_in_any_order_from_one_port(server: CoapService, tmp_path: Path) -> None:
    """CoAPthon3 gives other bytes under the right number here: its state counts on, by token and port."""
    slot0, slot1 = ((tmp_path / "fw" / "version_42" / name).read_bytes() for name in ("slot0", "slot1"))
    mids = itertools.count(1)
    with peer(server.port) as sock:
        for number in (0, 5, 5, 3, 0, 468, 1):
            for path, data in (("version_42/slot0", slot0), ("version_42/slot1", slot1)):
                answer = ask(sock, get(path, block2(number, 2), mid=next(mids)))
                assert answer.payload == data[64 * number : 64 * number + 64]
                assert answer.block2 == datagram.Block(number, 64 * number + 64 < len(data), 2)


def test_a_body_of_whole_blocks_ends_with_the_last_of_them(server: CoapService) -> None:
    with peer(server.port) as sock:
        last = ask(sock, get("app/board/7/slot0", block2(99, 2), mid=1))
        assert (last.dotted_code, len(last.payload)) == ("2.05", 64)
        assert last.block2 == datagram.Block(99, False, 2)
        assert ask(sock, get("app/board/7/slot0", block2(100, 2), mid=2)).dotted_code == "4.00"


def test_options_of_an_answer(server: CoapService, parts: coap.Parts) -> None:
    image = parts.live.current.images["version_42/slot0"]
    with peer(server.port) as sock:
        answer = ask(sock, get("version_42/slot0", (datagram.SIZE2, b""), mid=1, token=b"12345678"))
        assert answer.token == b"12345678"
        assert len(answer.payload) == 1024
        assert answer.options == (
            (datagram.ETAG, bytes.fromhex(image.sha256)[:8]),
            (datagram.CONTENT_FORMAT, b"\x2a"),
            (datagram.BLOCK2, b"\x0e"),
            (datagram.SIZE2, datagram.uint(30000)),
        )
        small = ask(sock, get("version_42/manifest", mid=2))
        assert small.block2 is None
        assert small.values(datagram.SIZE2) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (get("version_42/nothing"), "4.04"),
        (get("version_42"), "4.04"),
        (get("version_42/../version_42/slot0"), "4.04"),
        (get(""), "4.04"),
        (get("version_42/slot0/"), "4.04"),
        (datagram.encode(Datagram(0, 1, 1, b"", ((11, b"version_42/slot0"),))), "4.04"),
        (datagram.encode(Datagram(0, 1, 1, b"", ((11, b"\xff\xfe"),))), "4.04"),
        (get(".staging/x"), "4.04"),
        (get("version_42/slot0", code=2), "4.05"),
        (get("version_42/slot0", code=3), "4.05"),
        (get("version_42/slot0", code=4), "4.05"),
        (get("version_42/slot0", code=5), "4.05"),
        (get("nothing/here", code=2), "4.04"),
        (get("nothing/here", code=3), "4.04"),
        (get("version_42/slot0", block2(0, 7)), "4.00"),
        (get("version_42/slot0", block2(30, 6)), "4.00"),
        (get("version_42/slot0", block2(0xFFFFF, 6)), "4.00"),
        (get("version_42/slot0", (9, b"")), "4.02"),
        (get("version_42/slot0", (datagram.BLOCK2, b"\0"), (datagram.BLOCK2, b"\0")), "4.02"),
        (get("version_42/slot0", (datagram.BLOCK2, b"\0\0\0\0")), "4.02"),
        (get("version_42/slot0", (datagram.PROXY_URI, b"coap://x/")), "5.05"),
        (get("version_42/slot0", (datagram.ACCEPT, b"\x2a")), "2.05"),
        (get("version_42/slot0", (datagram.ACCEPT, b"\x3c")), "4.06"),
        (get("version_42/slot0", (datagram.IF_NONE_MATCH, b"")), "4.12"),
        (get("version_42/slot0", (datagram.IF_MATCH, b"12345678")), "4.12"),
        (get("version_42/slot0", (datagram.IF_MATCH, b"")), "2.05"),
        (get("version_42/slot0", (datagram.URI_HOST, b"gateway"), (datagram.URI_PORT, b"\x16\x33"), (2048, b"elective")), "2.05"),
    ],
)
def test_codes(server: CoapService, request_: bytes, code: str) -> None:
    with peer(server.port) as sock:
        answer = ask(sock, request_)
        assert (answer.type, answer.dotted_code) == (datagram.ACK, code)


def test_etag(server: CoapService, parts: coap.Parts) -> None:
    etag = parts.live.current.images["version_42/slot0"].etag
    with peer(server.port) as sock:
        answer = ask(sock, get("version_42/slot0", (datagram.ETAG, b"other"), (datagram.ETAG, etag)))
        assert (answer.dotted_code, answer.payload, answer.values(datagram.ETAG)) == ("2.03", b"", [etag])


def test_non_is_answered_by_non_and_an_unknown_critical_option_by_silence(server: CoapService) -> None:
    with peer(server.port) as sock:
        sock.send(get("version_42/slot0", (9, b""), kind=datagram.NON, mid=1))
        answer = ask(sock, get("version_42/slot0", kind=datagram.NON, mid=2, token=b"t"))
        assert (answer.type, answer.dotted_code, answer.token) == (datagram.NON, "2.05", b"t")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (bytes.fromhex("40000001"), bytes.fromhex("70000001")),  # a ping
        (bytes.fromhex("40010001d1"), bytes.fromhex("70000001")),  # breaks off; ends a plain CoAPthon3 server
        (bytes.fromhex("49010007"), bytes.fromhex("70000007")),  # a token of 9 bytes
        (bytes.fromhex("40010007ff"), bytes.fromhex("70000007")),  # a marker without a payload
        (bytes.fromhex("40e10007"), bytes.fromhex("70000007")),  # a reserved code class
        (bytes.fromhex("40450009"), bytes.fromhex("70000009")),  # a response that nobody asked for
        (bytes.fromhex("4000000100"), bytes.fromhex("70000001")),  # an empty message that is not empty
    ],
)
def test_what_is_no_request_gets_a_reset(server: CoapService, data: bytes, answer: bytes) -> None:
    with peer(server.port) as sock:
        sock.send(data)
        assert sock.recv(100) == answer


_SILENCE = ("", "40", "400100", "80010001", "50010001d1", "60000001", "70000001", "60010001", b"GET / HTTP/1.1".hex())


@pytest.mark.parametrize("data", [bytes.fromhex(text) for text in _SILENCE])
def test_what_deserves_silence_gets_it(server: CoapService, data: bytes) -> None:
    with peer(server.port) as sock:
        sock.send(data)
        assert ask(sock, get("version_42/manifest", mid=0x1234)).mid == 0x1234


def test_a_repeated_elective_option_is_no_reason_to_stop(server: CoapService) -> None:
    """`40010007c12a012a` ends a plain CoAPthon3 server: TypeError."""
    with peer(server.port) as sock:
        answer = ask(sock, bytes.fromhex("40010007c12a012a"))
        assert answer.dotted_code == "4.04"


def test_no_request_starts_a_thread(server: CoapService) -> None:
    with peer(server.port) as sock:
        before = {t.name for t in threading.enumerate()}
        for n in range(200):
            ask(sock, get("version_42/slot0", block2(n, 2), mid=1000 + n))
            ask(sock, get(".well-known/core", mid=2000 + n))
        assert {t.name for t in threading.enumerate()} - before == set()


@pytest.mark.parametrize("host", ["::1", "127.0.0.1", "127.0.0.5"])
def test_the_answer_leaves_from_the_address_that_was_asked(server: CoapService, host: str) -> None:
    with peer(server.port, host) as sock:  # connected: the kernel drops what comes from elsewhere
        assert ask(sock, get("version_42/manifest")).dotted_code == "2.05"


def test_an_ipv4_socket_does_it_too(parts: coap.Parts) -> None:
    with serving(make_parts(parts.store.root, host="0.0.0.0")) as endpoint, peer(endpoint.port, "127.0.0.7") as sock:
        assert ask(sock, get("version_42/manifest")).dotted_code == "2.05"


def test_one_load_an_image_however_many_ask(parts: coap.Parts, tmp_path: Path) -> None:
    reads = []
    gate = threading.Event()

    def read(image: object) -> bytes:
        gate.wait(60)
        reads.append(image)
        return parts.store.read(image)  # type: ignore[arg-type]

    parts.cache._read = read
    data = (tmp_path / "fw" / "version_42" / "slot0").read_bytes()
    with serving(parts) as endpoint:
        peers = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(20)]
        for sock in peers:
            sock.settimeout(60)
            sock.connect(("::1", endpoint.port))
            sock.send(get("version_42/slot0", block2(0, 6)))
        with peer(endpoint.port) as other:  # the loop goes on meanwhile
            assert ask(other, get("nothing")).dotted_code == "4.04"
        gate.set()
        for sock in peers:
            answer = datagram.parse(sock.recv(2000))
            assert answer is not None
            assert answer.payload == data[:1024]
            sock.close()
    assert len(reads) == 1


def test_a_file_that_changed_under_the_catalogue_is_never_mixed_in(parts: coap.Parts, tmp_path: Path) -> None:
    """Silence, so that the device asks again; by then the catalogue knows."""
    path = tmp_path / "fw" / "version_42" / "slot0"
    path.write_bytes(b"x" * 30000)
    with serving(parts) as endpoint, peer(endpoint.port) as sock:
        sock.send(get("version_42/slot0", block2(0, 6), mid=77))
        assert ask(sock, get("version_42/slot1", block2(0, 6), mid=78)).mid == 78


def test_discovery_lists_the_releases_in_blocks_and_by_filter(server: CoapService) -> None:
    with peer(server.port) as sock:
        whole = fetch(sock, ".well-known/core", 0).decode()
        links = whole.split(",")
        assert len(links) == 8
        assert any(line.startswith("</version_42/manifest>;") and ";ct=42" in line and ";sz=489" in line for line in links)
        filters = (
            (b"rt=suit.manifest", 4), (b"rt=suit.*", 8), (b"href=/app/*", 4), (b"href=/app/board/7/slot0", 1), (b"sz=489", 2),
            (b"title=version_42", 4), (b"title=version*", 4), (b"rt=nothing", 0), (b"nothing=*", 0),
        )  # fmt: skip
        for mid, (query, count) in enumerate(filters, 9000):
            answer = ask(sock, get(".well-known/core", (datagram.URI_QUERY, query), mid=mid))
            assert answer.dotted_code == "2.05"
            assert len([x for x in answer.payload.decode().split(",") if x]) == count
            assert answer.values(datagram.CONTENT_FORMAT) == [b"\x28"]


def test_a_duplicate_gets_the_same_answer(server: CoapService) -> None:
    with peer(server.port) as sock:
        for request in (get("no/such", mid=9), get("version_42/slot0", block2(7, 3), mid=10)):
            sock.send(request)
            first = sock.recv(2000)
            sock.send(request)
            assert sock.recv(2000) == first


def test_an_empty_listing_and_an_empty_file_are_two_things(parts: coap.Parts) -> None:
    (parts.store.root / "extra" / "nothing").write_bytes(b"")
    coap.settle(parts.live)
    nothing = get(".well-known/core", (datagram.URI_QUERY, b"rt=nothing"))
    for request, kind in ((nothing, b"\x28"), (get("extra/nothing", mid=2), b"\x2a"), (nothing, b"\x28")):
        answer = datagram.parse(parts.answer(request) or b"")
        assert answer is not None
        assert answer.values(datagram.CONTENT_FORMAT) == [kind]
