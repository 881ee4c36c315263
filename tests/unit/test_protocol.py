"""Each mended defect of CoAPthon3 1.0.2: what the library alone does, and what ours does."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from coapthon.layers.blocklayer import BlockLayer
from coapthon.layers.messagelayer import MessageLayer
from coapthon.messages.request import Request
from coapthon.messages.response import Response
from coapthon.resources.resource import Resource
from coapthon.serializer import Serializer
from coapthon.server.coap import CoAP
from coapthon.transaction import Transaction
from coapthon.utils import Tree

from server.coap import datagram
from server.coap.datagram import Datagram, parse
from server.coap.mended import CatalogueTree, RememberingMessages, StatelessBlocks, WholeSerializer
from server.coap.pins import EXCHANGE_LIFETIME
from server.coap.protocol import Protocol
from server.coap.resources import Discovery
from tests.support.coap import Parts, block2, get, make_parts
from tests.support.releases import write_release

PEER = ("fe80::1", 5683, 0, 3)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    write_release(tmp_path / "a" / "b" / "c")
    return make_parts(tmp_path)


def transaction(kind: type[BlockLayer], layer: Any, number: int, szx: int, body: bytes) -> Any:
    """One GET through a block layer; the response that it makes of `body`."""
    message = parse(get("x", block2(number, szx)))
    assert message is not None
    if kind is BlockLayer:
        request = Serializer.deserialize(get("x", block2(number, szx)), ("::1", 1))
    else:
        request = WholeSerializer.from_datagram(message, ("::1", 1, 0, 0))
    made = Transaction(request=request)
    layer.receive_request(made)
    made.response = Response()
    made.response.destination, made.response.code, made.response.payload = ("::1", 1), 69, body
    return layer.send_response(made).response


def test_blocks_do_not_count_on() -> None:
    body = bytes(range(64))
    library, ours = BlockLayer(), StatelessBlocks()
    assert [transaction(BlockLayer, library, n, 0, body).payload for n in (1, 1)] == [body[16:32], body[32:48]]
    assert [transaction(StatelessBlocks, ours, n, 0, body).payload for n in (1, 1)] == [body[16:32]] * 2


def test_no_empty_block_behind_a_whole_number_of_them() -> None:
    body = bytes(32)
    assert transaction(BlockLayer, BlockLayer(), 1, 0, body).block2 == (1, 1, 16)
    assert transaction(StatelessBlocks, StatelessBlocks(), 1, 0, body).block2 == (1, 0, 16)
    past = transaction(StatelessBlocks, StatelessBlocks(), 2, 0, body)
    assert (past.code, past.payload) == (datagram.BAD_REQUEST, None)


def test_block_0_of_size_16_is_no_type_error() -> None:
    with pytest.raises(TypeError):
        transaction(BlockLayer, BlockLayer(), 0, 0, bytes(32))
    assert transaction(StatelessBlocks, StatelessBlocks(), 0, 0, bytes(32)).block2 == (0, 1, 16)


def test_what_deserialize_raises_never_comes_out(parts: Parts) -> None:
    with pytest.raises(TypeError):
        Serializer.deserialize(bytes.fromhex("40010007c12a012a"), ("::1", 1))
    with pytest.raises(IndexError):
        Serializer.deserialize(bytes.fromhex("40010001d1"), ("::1", 1))
    assert parts.answer(bytes.fromhex("40010007c12a012a"), PEER) == bytes.fromhex("60840007")
    assert parts.answer(bytes.fromhex("40010001d1"), PEER) == bytes.fromhex("70000001")


def test_a_payload_need_not_be_text(parts: Parts) -> None:
    post = get("a/b/c/slot0", code=2) + b"\xff\xc3\x28"
    assert Serializer.deserialize(post, ("::1", 1)) == 128
    answer = parse(parts.answer(post, PEER) or b"")
    assert answer is not None
    assert answer.dotted_code == "4.05"


def test_the_zone_is_kept() -> None:
    message = parse(get("x"))
    assert message is not None
    assert WholeSerializer.from_datagram(message, PEER).source == ("fe80::1%3", 5683)


def test_a_resource_is_at_its_own_path_only(parts: Parts) -> None:
    library = Tree()
    server = CoAP.__new__(CoAP)
    server.root = library
    server.add_resource("a/b/c", Resource("c"))
    assert library.dump() == ["/a", "/a/b", "/a/b/c"]
    ours = CatalogueTree(parts.live, Discovery(parts.live, parts.pins, time.monotonic))
    assert [path in ours for path in ("/a", "/a/b", "/a/b/c", "/a/b/c/slot0")] == [False, False, False, True]
    with pytest.raises(KeyError):
        ours["/a"]


def test_no_resource_object_is_shared(parts: Parts) -> None:
    tree = CatalogueTree(parts.live, Discovery(parts.live, parts.pins, time.monotonic))
    assert tree["/a/b/c/slot0"] is not tree["/a/b/c/slot0"]


def test_post_to_an_unknown_path_is_not_answered_by_the_one_above(parts: Parts) -> None:
    answer = parse(parts.answer(get("a/b/c/slot0/deeper", code=2), PEER) or b"")
    assert answer is not None
    assert answer.dotted_code == "4.04"


def test_a_repeated_message_gets_the_first_answer_and_is_forgotten_in_time() -> None:
    now = [0.0]
    messages = RememberingMessages(itertools.count(), lambda: now[0])
    message = parse(get("x", mid=7))
    assert message is not None
    request = WholeSerializer.from_datagram(message, PEER)
    other_zone = WholeSerializer.from_datagram(message, ("fe80::1", 5683, 0, 4))
    first = messages.receive_request(request)
    assert messages.receive_request(request) is first
    assert messages.receive_request(other_zone) is not first
    now[0] = EXCHANGE_LIFETIME + 1
    assert messages.receive_request(request) is not first


def test_what_is_remembered_is_bounded() -> None:
    messages = RememberingMessages(itertools.count(), lambda: 0.0)
    library = MessageLayer(0)
    for mid in range(3000):
        message = Datagram(0, 1, mid, b"", ((11, b"x"),))
        messages.receive_request(WholeSerializer.from_datagram(message, PEER))
        request = Request()
        request.source, request.mid, request.type, request.code, request.token = ("::1", 1), mid, 0, 1, b""
        library.receive_request(request)
    assert len(library._transactions) == 3000
    assert len(messages._recent) <= 1024


def test_neither_a_thread_nor_a_timer_a_request(parts: Parts) -> None:
    before = set(threading.enumerate())
    for mid in range(50):
        assert parts.answer(get("no/such", mid=mid), PEER)
    assert set(threading.enumerate()) == before


def test_no_purge_thread_holds_the_process(parts: Parts) -> None:
    Protocol(parts.live, Discovery(parts.live, parts.pins, time.monotonic), itertools.count(), time.monotonic)
    assert not [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon and t.is_alive()]


def test_messages_are_not_put_into_words(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coapthon.messages.message.Message.line_print", property(lambda _: pytest.fail("put into words")))
    assert parts.answer(get(".well-known/core"), PEER)
    assert parts.answer(get("a/b/c/slot0", code=3), PEER)


def test_an_unknown_method_is_not_allowed(parts: Parts) -> None:
    for code in (5, 6, 7, 31):
        answer = parse(parts.answer(get("a/b/c/slot0", code=code), PEER) or b"")
        assert answer is not None
        assert answer.dotted_code == "4.05"


@pytest.mark.expects_log("no answer could be made")
def test_a_bug_is_a_5_00_and_not_the_end(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Discovery, "listing", lambda *_: 1 / 0)
    answer = parse(parts.answer(get(".well-known/core"), PEER) or b"")
    assert answer is not None
    assert answer.dotted_code == "5.00"
