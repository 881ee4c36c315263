"""Hypothesis strategies for what devices, and others, send to a CoAP file server; most of it are valid block requests."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.reference import coap_reference as coap
from tests.reference.coap_reference import Message, encode, uint

Device = tuple[str, int, str]
Option = tuple[int, bytes]

LENGTHS = (0, 1, 15, 16, 17, 63, 64, 65, 319, 320, 321, 1023, 1024, 1025, 3071, 3072, 3073, 16 * 1024 * 1024)

# The same address behind two zones, the same host on two ports: what a server must not take for one.
DEVICES: tuple[Device, ...] = (
    ("fd00::2", 49152, ""),
    ("fd00::2", 49153, ""),
    ("fe80::2", 49152, "wpan0"),
    ("fe80::2", 49152, "lowpan1"),
    ("fe80::2", 5683, "wpan0"),
    ("2001:db8::7", 61616, ""),
    ("::ffff:10.0.0.7", 49152, ""),
    ("10.0.0.7", 49152, ""),
)

_NAMES = (
    "length-{}",
    "fw/version_{}/image.bin",
    "fw/sensor/samr21-xpro/image1.{}.bin",
    "größe/日本/{}.bin",
    "a/b/c/d/e/f/g/h/{}",
    "fw/with a space & %2F/{}",
    "fw/" + "long-" * 40 + "{}",
)
_LAST_BLOCK_NUMBER = 2**20 - 1
# Those between 13 and 14, 268 and 269 change the nibble that announces a length (RFC 7252 3.1).
_EDGE_LENGTHS = (0, 1, 8, 12, 13, 14, 255, 256, 268, 269, 270, 1034, 1035)
_KNOWN_ELECTIVE = (coap.ETAG, coap.OBSERVE, coap.CONTENT_FORMAT, coap.MAX_AGE, coap.SIZE2, coap.SIZE1)


class Step(NamedTuple):
    """One datagram and who sends it."""

    device: Device
    data: bytes


def sample_files(lengths: Sequence[int] = LENGTHS) -> dict[str, bytes]:
    """Files of these lengths in bytes, whose bytes tell one block from any other, the same in each run."""
    names = [_NAMES[i % len(_NAMES)].format(length) for i, length in enumerate(lengths)]
    return {name: random.Random(name).randbytes(length) for name, length in zip(names, lengths, strict=True)}


def devices() -> SearchStrategy[Device]:
    """One of a few senders, so that two transfers often share one."""
    return st.sampled_from(DEVICES)


def tokens() -> SearchStrategy[bytes]:
    """Tokens, mostly none as RIOT sends, else 1 to 8 bytes."""
    return st.one_of(st.just(b""), st.sampled_from((b"\x01", b"\x00" * 8, b"\xff" * 4)), st.binary(max_size=8))


def message_ids() -> SearchStrategy[int]:
    """Message ids, often one of a few so that they repeat."""
    return st.one_of(st.sampled_from((0, 1, 0x7FFF, 0xFFFF)), st.integers(0, 0xFFFF))


@st.composite
def block_numbers(draw: DrawFn, length: int, size: int) -> int:
    """A block number of a file: among the first, the last, or any; one in six is past the end, or the largest there are."""
    last = max(0, (length - 1) // size)
    if _seldom(draw, 6):
        huge = st.sampled_from((2**12 - 1, 2**12, 2**16, 2**19, _LAST_BLOCK_NUMBER))
        return min(draw(st.one_of(st.integers(last + 1, last + 3), huge)), _LAST_BLOCK_NUMBER)
    return draw(st.one_of(st.integers(0, min(3, last)), st.integers(max(0, last - 2), last), st.integers(0, last)))


@st.composite
def block2_options(draw: DrawFn, length: int) -> Option:
    """A Block2 option for a file, mostly a good one; seldom with M set, zeros in front, a reserved size, too long."""
    exponent = 7 if _seldom(draw, 12) else draw(st.sampled_from((2, 6, 0, 1, 3, 4, 5)))
    number = draw(block_numbers(length, 2 ** (exponent + 4)))
    value = uint(number << 4 | _seldom(draw, 6) << 3 | exponent)
    if _seldom(draw, 5):
        value = value.rjust(draw(st.integers(1, 3)), b"\0")
    if _seldom(draw, 30):
        value = value.rjust(4, b"\0")
    return coap.BLOCK2, value


def harmless_options(etag: bytes) -> SearchStrategy[Option]:
    """Options that leave a GET to be answered with content or 2.03: known ones in order, and elective ones that are ignored."""
    etags = st.one_of(st.just(etag), st.binary(min_size=1, max_size=8), st.sampled_from((b"", etag + b"\0", etag[:7])))
    return st.one_of(
        st.tuples(st.just(coap.ETAG), etags),
        st.tuples(st.just(coap.IF_MATCH), st.sampled_from((b"", etag))),
        st.tuples(st.just(coap.ACCEPT), st.sampled_from((b"\x2a", b"\0\x2a"))),
        st.tuples(st.just(coap.SIZE2), st.sampled_from((b"", b"\0", b"\0\0\0\0", b"\x10", b"\x01\0\0\0", b"\0\0\0\0\0"))),
        st.tuples(st.just(coap.URI_HOST), st.sampled_from((b"gateway", b"[fd00::1]", b"h" * 255))),
        st.tuples(st.just(coap.URI_PORT), st.sampled_from((uint(5683), b"", b"\x07", b"\0\x07"))),
        st.tuples(st.just(coap.URI_QUERY), st.sampled_from((b"", b"a=b", b"q" * 13, b"q" * 255))),
        st.tuples(st.sampled_from((coap.OBSERVE, coap.CONTENT_FORMAT, coap.MAX_AGE, coap.SIZE1)), st.binary(max_size=5)),
        st.tuples(_unknown_numbers(0), _edge_values()),
    )


def rejected_options(etag: bytes) -> SearchStrategy[Option]:
    """Options that, alone or beside one of the same number, make a server refuse a GET."""
    any_number = st.sampled_from(sorted(coap.KNOWN))
    return st.one_of(
        st.tuples(_unknown_numbers(1), _edge_values()),
        st.tuples(any_number, _edge_values()),
        st.tuples(st.just(coap.IF_MATCH), st.one_of(st.binary(max_size=9), st.just(etag + b"\0"))),
        st.tuples(st.just(coap.IF_NONE_MATCH), st.sampled_from((b"", b"\0"))),
        st.tuples(st.just(coap.ACCEPT), st.sampled_from((b"", b"\x28", b"\x2a\x2a", b"\0\0\x2a", b"\xff\xff"))),
        st.tuples(st.just(coap.URI_HOST), st.sampled_from((b"", b"h" * 256))),
        st.tuples(st.just(coap.URI_PORT), st.just(b"\0\x16\x33")),
        st.tuples(st.just(coap.BLOCK2), st.sampled_from((b"", b"\x06", b"\x0e", b"\x07"))),
        st.tuples(st.just(coap.BLOCK1), st.sampled_from((b"", b"\x06", b"\x0e", b"\x07", b"\0\0\0\x06"))),
        st.tuples(st.just(coap.PROXY_URI), st.sampled_from((b"coap://elsewhere.example/fw", b"u" * 1034, b"u" * 1035, b""))),
        st.tuples(st.just(coap.PROXY_SCHEME), st.sampled_from((b"coap", b"s" * 255, b"s" * 256, b""))),
        # Beyond the 16 bits of an option number, and still in reach of one delta.
        st.tuples(st.integers(0x10000, 0xFFFF + 269), st.just(b"")),
    )


@st.composite
def extra_options(draw: DrawFn, etag: bytes) -> list[Option]:
    """None, one or some options beside path and block, some of them repeated; one in six lists is meant to be refused."""
    found = draw(st.lists(harmless_options(etag), max_size=draw(st.sampled_from((0, 0, 0, 1, 2, 4)))))
    # A repeated critical option is refused: where that is not wanted, one of each stays.
    single = set(coap.KNOWN) - set(coap.REPEATABLE)
    found = [option for i, option in enumerate(found) if option[0] not in single or option[0] not in dict(found[:i])]
    if _seldom(draw, 6):
        found += draw(st.lists(rejected_options(etag), min_size=1, max_size=2))
    if found and _seldom(draw, 8):
        found += [draw(st.sampled_from(found))] * draw(st.integers(1, 2))
    return found


@st.composite
def odd_paths(draw: DrawFn, name: str) -> list[Option]:
    """Uri-Path options that, nearly all of them, name no file, though some look as if they did."""
    segments = [segment.encode() for segment in name.split("/")]
    at = draw(st.integers(0, len(segments)))
    look_alikes = (b"", b".", b"..", b"\xff\xfe", b"a/b", b"\0", b"x" * 255, b"x" * 256)
    other = draw(st.one_of(st.sampled_from(look_alikes), st.binary(max_size=20)))
    inserted = [*segments[:at], other, *segments[at:]]
    escaping = [b"absent", b"..", *segments]
    upper = [segment.upper() for segment in segments]
    found = draw(st.sampled_from((inserted, [name.encode()[:255]], [b"", *segments], segments[:-1], upper, escaping, [])))
    return [(coap.URI_PATH, segment) for segment in found]


@st.composite
def requests(draw: DrawFn, files: Mapping[str, bytes]) -> bytes:
    """One request for one of these files, path to bytes: mostly a GET of one block."""
    name = draw(st.sampled_from(sorted(files)))
    body = files[name]
    options = draw(odd_paths(name)) if _seldom(draw, 12) else _path(name)
    if not _seldom(draw, 5):
        options.append(draw(block2_options(len(body))))
    options += draw(extra_options(coap.etag_of(body)))
    code = draw(st.integers(0x02, 0x1F)) if _seldom(draw, 12) else coap.GET
    payload = draw(st.binary(min_size=1, max_size=40)) if _seldom(draw, 10) else b""
    return encode(Message(draw(_types()), code, draw(message_ids()), draw(tokens()), _in_order(options), payload))


@st.composite
def messages(draw: DrawFn, files: Mapping[str, bytes]) -> bytes:
    """A well-formed message of any type and code, Empty ones too: pings, responses nobody asked for, reserved classes."""
    code = draw(st.one_of(st.sampled_from((coap.EMPTY, coap.GET, 0x20, 0x45, 0x84, 0xE1)), st.integers(0, 255)))
    kind, mid = draw(st.integers(0, 3)), draw(message_ids())
    if code == coap.EMPTY:
        return encode(Message(kind, code, mid))
    request = coap.decode(draw(requests(files)))
    return encode(Message(kind, code, mid, request.token, request.options, request.payload))


@st.composite
def garbage(draw: DrawFn, files: Mapping[str, bytes]) -> bytes:
    """Noise, noise behind a good header, and valid datagrams with bits flipped, bytes put in, left out or cut off."""
    if _seldom(draw, 4):
        return draw(st.binary(max_size=80))
    if _seldom(draw, 4):
        header = bytes([draw(st.integers(0x40, 0x7F)), draw(st.sampled_from((coap.GET, coap.EMPTY, 0x45, 0x21)))])
        return header + draw(st.binary(min_size=2, max_size=60))
    data = bytearray(draw(st.one_of(requests(files), messages(files))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(("flip", "flip", "cut", "insert", "drop", "marker")))
        if change == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del data[at:]
        elif change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif change == "drop":
            del data[at : at + draw(st.integers(1, 4))]
        elif change == "marker":
            data += b"\xff"
    return bytes(data)


def datagrams(files: Mapping[str, bytes]) -> SearchStrategy[bytes]:
    """Anything that may arrive: requests, other messages, garbage."""
    return st.one_of(requests(files), messages(files), garbage(files))


@st.composite
def transfers(draw: DrawFn, files: Mapping[str, bytes], default_size: int = 1024, max_blocks: int = 10) -> list[Step]:
    """One device fetching one file in order, from its start or near its end, with other sizes on the way and repetitions."""
    name = draw(st.sampled_from(sorted(files)))
    body = files[name]
    device, token, mid = draw(devices()), draw(tokens()), draw(message_ids())
    kind = draw(_types())
    constant = draw(extra_options(coap.etag_of(body))) if _seldom(draw, 6) else []
    exponent = draw(st.sampled_from((2, 6, 0, 1, 3, 4, 5)))
    offset = max(0, len(body) - draw(st.integers(1, 3 * 2 ** (exponent + 4)))) if _seldom(draw, 3) else 0
    bare = offset == 0 and _seldom(draw, 5)
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, max_blocks))):
        if bare:
            exponent = default_size.bit_length() - 5
        size = 2 ** (exponent + 4)
        # Where a larger size does not divide the offset, the block that holds it is asked for, some of it once more.
        number = min(offset // size, _LAST_BLOCK_NUMBER)
        block = [] if bare else [(coap.BLOCK2, uint(number << 4 | exponent))]
        data = encode(Message(kind, coap.GET, mid, token, _in_order(_path(name) + block + constant)))
        steps += [Step(device, data)] * (2 if _seldom(draw, 6) else 1)
        offset = (number + 1) * size
        if offset >= len(body):
            break
        if _seldom(draw, 6):
            exponent = draw(st.integers(0, 6))
        bare = False
        mid = (mid + 1) & 0xFFFF
    return steps


@st.composite
def conversations(draw: DrawFn, files: Mapping[str, bytes], default_size: int = 1024, max_transfers: int = 4) -> list[Step]:
    """Some transfers mixed into each other, with other datagrams between them."""
    queues = draw(st.lists(transfers(files, default_size), min_size=1, max_size=max_transfers))
    if _seldom(draw, 3):
        queues.append(draw(st.lists(st.builds(Step, devices(), datagrams(files)), min_size=1, max_size=3)))
    found: list[Step] = []
    while queues:
        queue = draw(st.sampled_from(queues)) if len(queues) > 1 else queues[0]
        found.append(queue.pop(0))
        queues = [each for each in queues if each]
    return found


def _seldom(draw: DrawFn, one_in: int) -> bool:
    """True one time in this many; False is what it shrinks to."""
    return draw(st.sampled_from([False] * (one_in - 1) + [True]))


def _types() -> SearchStrategy[int]:
    """CON three times in four."""
    return st.sampled_from((coap.CON, coap.CON, coap.CON, coap.NON))


def _path(name: str) -> list[Option]:
    """A file's path as Uri-Path options."""
    return [(coap.URI_PATH, segment.encode()) for segment in name.split("/")]


def _in_order(options: list[Option]) -> coap.Options:
    """Options by number, those of one number left as they are."""
    return tuple(sorted(options, key=lambda option: option[0]))


def _unknown_numbers(odd: int) -> SearchStrategy[int]:
    """Unknown option numbers, elective (0) or critical (1), also where the delta to a Block2 changes its nibble."""
    numbers = st.one_of(
        st.sampled_from((0, 2, 8, 16, 20, 24, 34, 36, 38, 290, 292, 2048, 65534)), st.integers(0, 0x7FFF).map(lambda n: 2 * n)
    )
    return numbers.map(lambda number: number | odd).filter(
        lambda number: number not in coap.KNOWN and number not in _KNOWN_ELECTIVE
    )


def _edge_values() -> SearchStrategy[bytes]:
    """Option values of lengths around every limit."""
    return st.one_of(st.binary(max_size=9), st.sampled_from(_EDGE_LENGTHS).map(lambda length: b"v" * length))
