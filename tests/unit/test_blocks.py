"""Blocks against a slow reference, pins against a clock that the test moves, caches beyond their bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.coap import datagram
from server.coap.blocks import Missing
from server.coap.pins import EXCHANGE_LIFETIME, Pins
from server.firmware.image import Image, Stamp
from server.firmware.images import Content, ImageCache
from tests.support.coap import Parts, block2, get, make_parts
from tests.support.releases import image

PEER = ("::1", 1000, 0, 0)
OTHER = ("::1", 1000, 0, 7)
LENGTHS = (0, 1, 15, 16, 17, 64 * 9 - 1, 64 * 9, 64 * 9 + 1, 1024 * 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fw")
    for length in LENGTHS:
        (folder / f"f{length}").write_bytes(image(length, length))
    return folder


@pytest.fixture(scope="module")
def parts(files: Path) -> Parts:
    parts = make_parts(files)
    for served in parts.live.current.images.values():
        parts.cache.load(served)
    return parts


def reference(data: bytes, number: int, szx: int) -> tuple[str, bytes, datagram.Block | None]:
    """RFC 7959, 2.2 and 2.4, word by word."""
    size = 2 ** (szx + 4)
    if szx == 7 or (number > 0 and number * size >= len(data)):
        return "4.00", b"", None
    chunks = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    return "2.05", chunks[number], datagram.Block(number, number + 1 < len(chunks), szx)


requests = st.tuples(
    st.sampled_from(LENGTHS), st.integers(0, 60), st.integers(0, 7), st.binary(max_size=8), st.integers(0, 0xFFFF),
    st.sampled_from([PEER, OTHER, ("::ffff:10.0.0.1", 5, 0, 0)]), st.booleans(),
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(requests, max_size=30))
def test_any_sequence_of_requests_is_answered_as_the_reference_says(parts: Parts, sequence: list[Any]) -> None:
    for length, number, szx, token, mid, peer, size2 in sequence:
        options = [block2(number, szx), *([(datagram.SIZE2, b"")] if size2 else [])]
        answer = parts.blocks.answer(get(f"f{length}", *options, token=token, mid=mid), peer)
        assert isinstance(answer, bytes)
        message = datagram.parse(answer)
        assert message is not None
        code, payload, block = reference(image(length, length), number, szx)
        assert (message.dotted_code, message.payload, message.block2) == (code, payload, block)
        assert (message.type, message.mid, message.token) == (datagram.ACK, mid, token)
        if code == "2.05":
            assert message.values(datagram.SIZE2) == ([datagram.uint(length)] if size2 else [])


def content(number: int, size: int = 10) -> Content:
    return Content(bytes([number]) * size, f"{number:064x}", bytes([number]) * 8)


def test_a_pin_ends_after_its_peers_silence_and_not_before() -> None:
    now = [0.0]
    pins = Pins(lambda: now[0], 10, 1000)
    pins.set(PEER, "a", content(1), 5, 0)
    now[0] = EXCHANGE_LIFETIME
    pin = pins.get(PEER, "a")
    assert pin is not None
    pins.touch(PEER, "a", pin, 3)
    now[0] += EXCHANGE_LIFETIME
    assert pins.get(PEER, "a") is pin
    now[0] += 1
    assert pins.get(PEER, "a") is None
    assert (len(pins), pins.held) == (0, 0)


def test_pins_are_for_one_zone_one_port_one_path() -> None:
    pins = Pins(lambda: 0.0, 10, 1000)
    pins.set(PEER, "a", content(1), 5, 0)
    assert pins.get(OTHER, "a") is None
    assert pins.get(("::1", 1001, 0, 0), "a") is None
    assert pins.get(PEER, "b") is None


def test_pins_are_bounded_in_number_and_in_bytes() -> None:
    pins = Pins(lambda: 0.0, 5, 35)
    for port in range(100):
        pins.set(("::1", port, 0, 0), "a", content(1), 0, 0)
    assert (len(pins), pins.held) == (5, 10)
    for number in range(2, 7):
        pins.set(("::1", number, 0, 0), "b", content(number), 0, 0)
    assert (len(pins), pins.held) == (5, 30)
    oldest = pins.get(("::1", 2, 0, 0), "b")
    assert oldest is not None
    assert pins.content(oldest.sha256) is None
    assert pins.content(f"{6:064x}") is not None


def test_a_transfer_whose_bytes_had_to_go_is_never_mixed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    parts = make_parts(tmp_path, cache_limit=50, pins=Pins(lambda: 0.0, 10, 150))

    def ask(name: str, number: int, mid: int, port: int) -> bytes | None:
        request, peer = get(name, block2(number, 0), mid=mid), ("::1", port, 0, 0)
        answer = parts.blocks.answer(request, peer)
        if isinstance(answer, Missing):
            answer = parts.blocks.answer(request, peer, parts.cache.load(answer.image))
        assert not isinstance(answer, Missing)
        message = datagram.parse(answer) if answer else None
        return message.payload if message else None

    assert ask("a", 0, 1, 1) == b"a" * 16
    assert ask("b", 0, 1, 2) == b"b" * 16  # the bytes of a's pin go
    assert ask("a", 1, 2, 1) == b"a" * 16  # and are loaded again: it is the same image
    assert ask("b", 1, 2, 2) == b"b" * 16
    (tmp_path / "a").write_bytes(b"A" * 100)
    parts.live.refresh()
    assert ask("a", 2, 3, 1) is None  # no others may follow them
    assert ask("a", 0, 4, 1) == b"A" * 16


def test_the_image_cache_is_bounded_and_an_image_over_the_bound_is_served() -> None:
    reads: list[str] = []

    def read(image: Image) -> bytes:
        reads.append(image.path)
        return bytes(image.size)

    cache = ImageCache(read, 100)
    images = [Image(f"i{n}", Stamp(n, 40, 0, 0), f"{n:064x}") for n in range(5)]
    for one in images:
        assert len(cache.load(one).data) == 40
        assert cache.held <= 100
    assert cache.get(images[4]) is not None
    assert cache.get(images[0]) is None
    large = Image("large", Stamp(9, 101, 0, 0), "f" * 64)
    assert len(cache.load(large).data) == 101
    assert cache.get(large) is None
    assert cache.held <= 100
    cache.load(images[4])
    assert reads.count("i4") == 1


def test_a_miss_names_the_image_and_the_loaded_content_answers(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    parts = make_parts(tmp_path, cache_limit=10)
    request = get("f", block2(1, 0))
    missing = parts.blocks.answer(request, PEER)
    assert isinstance(missing, Missing)
    answer = parts.blocks.answer(request, PEER, parts.cache.load(missing.image))
    assert isinstance(answer, bytes)
    assert parts.blocks.answer(get("f", block2(2, 0), mid=2), PEER) != missing  # pinned: no second load


def test_a_device_that_polls_gets_the_new_image_and_one_in_the_middle_keeps_the_old(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1" * 100)
    parts = make_parts(tmp_path)
    parts.cache.load(parts.live.current.images["f"])

    def ask(number: int, mid: int, peer: tuple[str, int, int, int]) -> bytes:
        answer = parts.blocks.answer(get("f", block2(number, 0), mid=mid), peer)
        if isinstance(answer, Missing):
            answer = parts.blocks.answer(get("f", block2(number, 0), mid=mid), peer, parts.cache.load(answer.image))
        assert isinstance(answer, bytes)
        message = datagram.parse(answer)
        assert message is not None
        return message.payload[:1]

    assert ask(0, 1, PEER) == b"1"
    path.write_bytes(b"2" * 100)
    parts.live.refresh()
    assert ask(1, 2, PEER) == b"1"
    assert ask(0, 1, PEER) == b"1"  # the same message id: a retransmission
    assert ask(0, 9, OTHER) == b"2"
    assert ask(0, 3, PEER) == b"2"
    assert ask(1, 4, PEER) == b"2"
    path.unlink()
    parts.live.refresh()
    assert ask(2, 5, PEER) == b"2"
    assert parts.blocks.answer(get("f", block2(0, 0), mid=6), PEER) is None
