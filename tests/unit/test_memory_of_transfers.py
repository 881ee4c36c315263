"""Pins, answers and images in memory: a clock that the test moves, and bounds that it goes beyond."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from server.coap.answers import Answers
from server.coap.datagram import Block
from server.coap.pins import EXCHANGE_LIFETIME, Pins
from server.coap.progress import code_of
from server.coap.source import source_of
from server.firmware.image import Image, Stamp
from server.firmware.images import Content, ImageCache
from tests.waiting import wait_until

PEER = source_of(("::1", 1000, 0, 0))
BLOCK = Block(3, False, 2)


def port(number: int, zone: int = 0) -> bytes:
    return source_of(("::1", number, 0, zone))


def content(number: int, size: int = 10) -> Content:
    return Content(bytes([number]) * size, f"{number:064x}", bytes([number]) * 8)


def test_a_pin_ends_after_its_peers_silence_and_not_before() -> None:
    now = [0.0]
    pins = Pins(lambda: now[0], 10, 1000)
    pins.set(PEER, "a", content(1), 5)
    now[0] = EXCHANGE_LIFETIME
    pin = pins.get(PEER, "a")
    assert pin is not None
    assert pins.resume(PEER, "a", BLOCK, 6) is pin
    assert pins.latest[PEER] is pin
    now[0] += EXCHANGE_LIFETIME
    assert pins.get(PEER, "a") is pin
    now[0] += 1
    assert pins.get(PEER, "a") is None
    assert (len(pins), pins.held, len(pins.latest)) == (0, 0, 0)


def test_pins_of_silent_peers_go_when_others_come() -> None:
    now = [0.0]
    pins = Pins(lambda: now[0], 100, 1000)
    for number in range(10):
        pins.set(port(number), "a", content(number), 5)
    now[0] = 200.0
    assert pins.resume(port(3), "a", BLOCK, 6) is not None
    now[0] = EXCHANGE_LIFETIME + 1
    pins.set(PEER, "a", content(99), 5)
    assert (len(pins), pins.held, set(pins.latest)) == (2, 20, {port(3), PEER})


def test_pins_are_for_one_zone_one_port_one_path() -> None:
    pins = Pins(lambda: 0.0, 10, 1000)
    pins.set(PEER, "a", content(1), 5)
    assert pins.get(port(1000, zone=7), "a") is None
    assert pins.get(port(1001), "a") is None
    assert pins.get(PEER, "b") is None


def test_pins_are_bounded_in_number_and_in_bytes() -> None:
    pins = Pins(lambda: 0.0, 5, 35)
    for number in range(100):
        pins.set(port(number), "a", content(1), 0)
    assert (len(pins), pins.held, len(pins.latest)) == (5, 10, 5)
    for number in range(2, 7):
        pins.set(port(number), "b", content(number), 0)
    assert (len(pins), pins.held) == (5, 30)
    oldest = pins.get(port(2), "b")
    assert oldest is not None
    assert pins.content(oldest.sha256) is None
    assert pins.content(f"{6:064x}") is not None


def test_the_bytes_that_go_are_those_that_were_longest_not_asked_for() -> None:
    now = [0.0]
    pins = Pins(lambda: now[0], 10, 35)
    for number in range(1, 4):
        pins.set(port(number), "a", content(number), 0)
    now[0] = 1.0
    pins.latest[port(1)].seen = 1.0  # what the receive loop does
    pins.set(port(4), "a", content(4), 0)
    assert [pins.content(f"{n:064x}") is not None for n in range(1, 5)] == [True, False, True, True]


def test_a_pin_that_went_meanwhile_holds_nothing_when_its_bytes_come() -> None:
    pins = Pins(lambda: 0.0, 10, 1000)
    gone = pins.set(port(1), "a", content(1), 0)
    stays = pins.set(port(2), "a", content(1), 0)
    pins.set(port(1), "a", content(2), 1)
    pins.hold(gone, content(1))
    pins.set(port(2), "a", content(2), 1)
    pins.hold(stays, content(1))
    assert (len(pins), pins.held, pins.content(content(1).sha256)) == (2, 10, None)


def test_a_flood_of_single_requests_ends_no_transfer() -> None:
    now = [0.0]
    pins = Pins(lambda: now[0], 64, 1 << 20)
    for number in range(8):
        pins.set(port(number), "a", content(1), 0)
    for flood in range(100_000):
        now[0] += 0.0001
        pins.set(source_of(("::2", flood % 65536, 0, flood // 65536)), "a", content(2), 0)
        if flood % 20 == 0:
            for number in range(8):
                pin = pins.get(port(number), "a")
                assert pin is not None
                pin.seen = now[0]
    assert len(pins) == 64
    assert len(pins.latest) <= 64
    for number in range(8):  # by now nobody has asked for half of the flood's time
        assert pins.get(port(number), "a") is not None


def test_answers_are_bounded_and_junk_pushes_out_nothing_that_is_asked_for() -> None:
    limit = 1 << 20
    answers = Answers(limit)
    hot = {b"hot%d" % n: (code_of(n, 2), bytes(64)) for n in range(200)}
    for key, answer in hot.items():
        answers.put(key, answer)
    for junk in range(100_000):
        answers.put(b"junk%d" % junk, (code_of(3, 2), bytes(64)))
        assert answers.held <= limit
        key = b"hot%d" % (junk % 200)
        assert (answers.young.get(key) or answers.recall(key)) == hot[key]
    assert answers.recall(b"junk1") is None
    assert answers.recall(b"never") is None
    answers.put(b"large", (code_of(3, 2), bytes(limit)))
    assert answers.held <= limit
    assert answers.recall(b"large") is None


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


def test_an_image_that_many_ask_for_at_once_is_read_once() -> None:
    reading, go_on, reads = threading.Event(), threading.Event(), itertools.count()

    def read(image: Image) -> bytes:
        next(reads)
        reading.set()
        assert go_on.wait(60)
        return bytes(image.size)

    cache = ImageCache(read, 100)
    one = Image("one", Stamp(1, 40, 0, 0), "1" * 64)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.load, one)
        assert reading.wait(60)
        others = [pool.submit(cache.load, one) for _ in range(3)]
        wait_until(lambda: sum(other.running() for other in others) == 3)
        go_on.set()
        assert all(other.result() is first.result() for other in others)
    assert next(reads) == 1


def test_the_image_cache_lets_go_of_what_is_no_longer_served() -> None:
    cache = ImageCache(lambda image: bytes(image.size), 1000)
    one, two = (Image(f"i{n}", Stamp(n, 40, 0, 0), f"{n:064x}") for n in range(2))
    for image in (one, two):
        cache.load(image)
    served = {"i0": one, "also/i0": one, "i1": two}
    cache.keep(served)
    assert cache.held == 80
    cache.keep({"also/i0": one})
    assert (cache.get(one) is None, cache.get(two), cache.held) == (False, None, 40)
    cache.load(two)  # begun before it went
    cache.keep({"also/i0": one})
    assert cache.held == 40
