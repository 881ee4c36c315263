"""Blocks against a slow reference, and one transfer against a folder that changes under it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.coap import datagram
from server.coap.blocks import Missing
from server.coap.pins import EXCHANGE_LIFETIME, Pins
from server.coap.source import Address, Received, source_of
from server.firmware.images import Content
from tests.reference import strategies
from tests.reference.coap_reference import Reference, same
from tests.support.coap import Parts, block2, get, make_parts, settle
from tests.support.releases import write_release

PEER = ("::1", 1000, 0, 0)
OTHER = ("::1", 1000, 0, 7)
FILES = strategies.sample_files()
ZONES = sorted({zone for _, _, zone in strategies.DEVICES})
EXAMPLES = settings(max_examples=300)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    folder = tmp_path_factory.mktemp("fw")
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return make_parts(folder)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(FILES)


def socket_address(device: strategies.Device) -> Address:
    host, port, zone = device
    return (host if ":" in host else f"::ffff:{host}", port, 0, ZONES.index(zone))


@EXAMPLES
@given(strategies.conversations(FILES))
def test_any_conversation_of_any_devices_is_answered_as_the_reference_says(
    parts: Parts, reference: Reference, conversation: list[strategies.Step]
) -> None:
    for device, data in conversation:
        assert same(reference.answer(data), parts.answer(data, socket_address(device))) is None, data.hex()


@settings(EXAMPLES, max_examples=800)
@given(strategies.datagrams(FILES), strategies.devices())
def test_any_datagram_is_answered_as_the_reference_says(
    parts: Parts, reference: Reference, data: bytes, device: strategies.Device
) -> None:
    first, again = (parts.answer(data, socket_address(device)) for _ in range(2))
    assert same(reference.answer(data), first) is None, data.hex()
    assert same(reference.answer(data), again) is None, data.hex()


@EXAMPLES
@given(st.sampled_from(sorted(FILES)), st.integers(0, 6), st.integers(1, 70_000), st.binary(max_size=8), st.integers(0, 0xFFFF))
def test_an_answer_from_memory_is_the_one_that_would_be_made(
    parts: Parts, path: str, szx: int, number: int, token: bytes, mid: int
) -> None:
    """The first device has the answer made, the second one in its transfer gets it from memory, with its own token and id."""
    request = get(path, block2(number, szx), token=token, mid=mid)
    parts.answer(get(path, block2(0, szx), mid=1), PEER)
    made = parts.answer(get(path, block2(number, szx), token=b"first", mid=7), PEER)
    parts.answer(get(path, block2(0, szx), mid=1), OTHER)
    recalled = parts.service.blocks.recall(request, source_of(OTHER), parts.pins.clock())
    assert made is not None
    if made[1] != datagram.CONTENT:
        assert recalled is None
    else:
        assert recalled == bytes((0x60 | len(token), made[1])) + request[2 : 4 + len(token)] + made[9:]


def test_a_transfer_whose_bytes_had_to_go_is_never_mixed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    parts = make_parts(tmp_path, cache_limit=50, pins=Pins(lambda: 0.0, 10, 150))

    def ask(name: str, number: int, mid: int, port: int) -> bytes:
        message = datagram.parse(parts.answer(get(name, block2(number, 0), mid=mid), ("::1", port, 0, 0)) or b"")
        assert message is not None
        return message.payload if message.dotted_code == "2.05" else message.dotted_code.encode()

    assert ask("a", 0, 1, 1) == b"a" * 16
    assert ask("b", 0, 1, 2) == b"b" * 16  # the bytes of a's pin go
    assert ask("a", 1, 2, 1) == b"a" * 16  # and are loaded again: it is the same image
    assert ask("b", 1, 2, 2) == b"b" * 16
    (tmp_path / "a").write_bytes(b"A" * 100)
    parts.live.refresh()
    assert ask("a", 2, 3, 1) == b"4.04"  # no others may follow them
    assert ask("a", 0, 4, 1) == b"A" * 16


def test_a_miss_names_the_image_and_the_loaded_content_answers(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    parts = make_parts(tmp_path, cache_limit=10)
    def ask(number: int, loaded: Content | None = None) -> bytes | Missing | None:
        data = get("f", block2(number, 0), mid=number)
        message = datagram.parse(data)
        assert message is not None
        return parts.service.blocks.answer(Received(data, source_of(PEER), []), message, loaded)

    missing = ask(1)
    assert isinstance(missing, Missing)
    assert isinstance(ask(1, parts.cache.load(missing.image)), bytes)
    assert isinstance(ask(2), bytes)  # pinned: no second load


@pytest.mark.parametrize("size", [100, 5000])
def test_a_device_that_polls_gets_the_new_image_and_one_in_the_middle_keeps_the_old(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1" * size)
    now = [0.0]
    parts = make_parts(tmp_path, clock=lambda: now[0])

    def ask(number: int, mid: int, peer: Address = PEER) -> bytes:
        answer = parts.answer(get("f", block2(number, 0), mid=mid), peer)
        message = datagram.parse(answer or b"")
        assert message is not None
        return message.payload[:1] or message.dotted_code.encode()

    assert ask(0, 1) == b"1"
    path.write_bytes(b"2" * size)
    parts.live.refresh()
    assert ask(1, 2) == b"1"
    assert ask(0, 1) == b"1"  # the same message id: a retransmission
    assert ask(1, 7) == b"1"  # from memory by now
    assert ask(0, 9, OTHER) == b"2"
    assert ask(1, 10, OTHER) == b"2"
    assert ask(1, 11) == b"1"
    now[0] = EXCHANGE_LIFETIME
    assert ask(2, 12) == b"1"
    now[0] += EXCHANGE_LIFETIME + 1
    assert ask(2, 13) == b"2"  # after so long a silence it is another transfer
    assert ask(0, 3) == b"2"
    assert ask(1, 4) == b"2"
    path.unlink()
    parts.live.refresh()
    assert ask(2, 5) == b"2"
    assert ask(5, 14, OTHER) == b"2.05" if size < 80 else b"2"
    assert ask(0, 6) == b"4.04"
    assert ask(0, 1, ("::1", 4, 0, 0)) == b"4.04"


def test_more_images_at_once_than_memory_holds_are_all_exact(tmp_path: Path) -> None:
    count, size = 40, 4096
    for n in range(count):
        (tmp_path / f"f{n}").write_bytes(bytes((n,)) * size)
    parts = make_parts(tmp_path, cache_limit=3 * size, pins=Pins(lambda: 0.0, 1000, 5 * size))
    for number in range(size // 256):
        for n in range(count):
            message = datagram.parse(parts.answer(get(f"f{n}", block2(number, 4), mid=number), ("::1", 1000 + n, 0, 0)) or b"")
            assert message is not None
            assert message.payload == bytes((n,)) * 256
    assert parts.pins.held <= 5 * size
    assert parts.cache.held <= 3 * size


def test_two_transfers_in_turn_from_one_port_where_one_has_the_bytes_that_the_other_path_had(tmp_path: Path) -> None:
    """What is remembered of a path's old image is not given to a transfer of its new one."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1" * 100)
    parts = make_parts(tmp_path)

    def ask(name: str, number: int, mid: int) -> bytes:
        message = datagram.parse(parts.answer(get(name, block2(number, 0), mid=mid), PEER) or b"")
        assert message is not None
        return message.payload[:1] or message.dotted_code.encode()

    assert [ask("a", number, number + 1) for number in range(3)] == [b"1"] * 3
    (tmp_path / "a").write_bytes(b"2" * 100)
    parts.live.refresh()
    assert [ask("a", 0, 10), ask("a", 1, 11)] == [b"2", b"2"]
    assert [ask("b", 0, 12), ask("b", 1, 13)] == [b"1", b"1"]
    assert ask("a", 2, 14) == b"2"
    assert ask("b", 2, 15) == b"1"
    (tmp_path / "a").unlink()
    parts.live.refresh()
    assert ask("a", 0, 16) == b"4.04"


def test_a_device_that_uses_its_message_id_again_later_gets_the_new_image(tmp_path: Path) -> None:
    """One that was reset counts from the same id; a message is sent again for 45 s at most (RFC 7252, 4.8.2)."""
    (tmp_path / "f").write_bytes(b"1" * 100)
    now = [0.0]
    parts = make_parts(tmp_path, clock=lambda: now[0])

    def ask() -> bytes:
        message = datagram.parse(parts.answer(get("f", block2(0, 0), mid=1), PEER) or b"")
        assert message is not None
        return message.payload[:1]

    assert ask() == b"1"
    (tmp_path / "f").write_bytes(b"2" * 100)
    parts.live.refresh()
    now[0] = 40.0
    assert ask() == b"1"
    now[0] = 80.0
    assert ask() == b"2"


def test_a_listing_whose_bytes_had_to_go_is_never_mixed(tmp_path: Path) -> None:
    write_release(tmp_path / "v" / "1")
    parts = make_parts(tmp_path, pins=Pins(lambda: 0.0, 10, 500), clock=lambda: 0.0)

    def ask(number: int, mid: int, port: int = 1) -> datagram.Datagram:
        answer = parts.answer(get(".well-known/core", block2(number, 0), mid=mid), ("::1", port, 0, 0))
        message = datagram.parse(answer or b"")
        assert message is not None
        return message

    first = ask(0, 1)
    write_release(tmp_path / "v" / "2")
    settle(parts.live)
    assert ask(1, 2).values(datagram.ETAG) == first.values(datagram.ETAG)
    other = ask(0, 1, port=2)  # the bytes of the first go
    assert other.values(datagram.ETAG) != first.values(datagram.ETAG)
    assert ask(2, 3).dotted_code == "5.03"
    assert ask(0, 4).values(datagram.ETAG) == other.values(datagram.ETAG)


def test_more_filters_than_four_are_refused(tmp_path: Path) -> None:
    write_release(tmp_path / "v" / "1")
    parts = make_parts(tmp_path)
    for count, code in ((4, "2.05"), (5, "4.00"), (400, "4.00")):
        queries = [(datagram.URI_QUERY, b"rt=*")] * count
        message = datagram.parse(parts.answer(get(".well-known/core", *queries, mid=count)) or b"")
        assert message is not None
        assert message.dotted_code == code
