"""SUIT envelopes: RIOT's samples, the current draft's shape, and bytes that mean harm."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import manifest
from common.errors import InvalidManifest
from common.finding import Role
from common.preflight import FileFacts, Files, check

SAMPLES = Path(__file__).parents[1] / "samples" / "riot"
BOARD = SAMPLES / "fw" / "sample" / "samr21-xpro"


def facts(data: bytes) -> FileFacts:
    return FileFacts(len(data), hashlib.sha256(data).hexdigest())


def current_draft(digest: bytes, tagged: bool = True) -> bytes:
    """The structure of the current draft: tag 107, a digest in the authentication block, install at 20."""
    seq = cbor2.dumps
    branches = [seq([20, {5: 4096 * n, 3: seq([-16, digest]), 14: 5 + n, 21: f"coap://[::1]/slot{n}"}, 5, 5]) for n in (0, 1)]
    common = seq({2: [[b"\x00"]], 4: seq([20, {1: bytes(16), 2: bytes(range(16))}, 1, 15, 2, 15, 15, branches])})
    body = {1: 1, 2: 42, 3: common, 7: seq([3, 15]), 20: seq([21, 2, 3, 15])}
    envelope = {2: seq([seq([-16, bytes(32)])]), 3: seq(body)}
    return seq(cbor2.CBORTag(107, envelope) if tagged else envelope)


@pytest.mark.parametrize("version", [1700000100, 1700000200])
def test_riots_own(version: int) -> None:
    read = manifest.parse((BOARD / f"riot.suit.{version}.bin").read_bytes())
    assert read is not None
    assert (read.sequence_number, read.signed) == (version, True)
    assert read.vendor_id == "547d0d74-6d3a-5a92-9662-4881afd9407b"
    for number, claim in enumerate(read.images):
        data = (BOARD / f"slot{number}.{version}.bin").read_bytes()
        assert (claim.size, claim.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert claim.uri is not None
        assert claim.uri.endswith(f"/slot{number}.{version}.bin")


def test_unsigned() -> None:
    read = manifest.parse((SAMPLES / "unsigned-1700000200.suit").read_bytes())
    assert read is not None
    assert not read.signed


@pytest.mark.parametrize("tagged", [True, False])
def test_the_current_draft(tagged: bool) -> None:
    read = manifest.parse(current_draft(bytes(range(32)), tagged))
    assert read is not None
    assert (read.sequence_number, read.signed, read.class_id) == (42, False, "00010203-0405-0607-0809-0a0b0c0d0e0f")
    assert [(c.offset, c.size, c.uri) for c in read.images] == [(0, 5, "coap://[::1]/slot0"), (4096, 6, "coap://[::1]/slot1")]
    assert {c.sha256 for c in read.images} == {bytes(range(32)).hex()}


OPAQUE = [b"", b"hello", bytes(500), cbor2.dumps({7: 1}), cbor2.dumps(cbor2.CBORTag(1, 0)), b"\xa1", bytes(100_000)]


@pytest.mark.parametrize("data", OPAQUE)
def test_opaque(data: bytes) -> None:
    assert manifest.parse(data) is None


def test_cut_off_anywhere_it_is_opaque_or_unreadable_and_never_a_manifest() -> None:
    whole = (BOARD / "riot.suit.1700000100.bin").read_bytes()
    assert manifest.parse(whole[:1]) is None
    for length in range(2, len(whole)):
        with pytest.raises(InvalidManifest, match="damaged or incomplete"):
            manifest.parse(whole[:length])


def told(**parameters: Any) -> bytes:
    """A manifest whose shared sequence sets these parameters (by name p3 for parameter 3)."""
    values = {int(name[1:]): value for name, value in parameters.items()}
    return enveloped(cbor2.dumps([20, values]))


def enveloped(sequence: bytes, number: Any = 1) -> bytes:
    return cbor2.dumps({2: cbor2.dumps([]), 3: cbor2.dumps({2: number, 3: cbor2.dumps({4: sequence})})})


def bomb(depth: int, width: int) -> bytes:
    """Branches that repeat one byte string through shared values (CBOR tags 28 and 29)."""
    inner = cbor2.dumps([20, {14: 1}])
    for _ in range(depth):
        shared = b"\xd8\x1c" + cbor2.dumps(inner)
        branches = b"\x99" + (width + 1).to_bytes(2, "big") + shared + b"\xd8\x1d\x00" * width
        inner = b"\x82\x0f" + branches
    return enveloped(inner)


def nested(depth: int) -> bytes:
    inner = cbor2.dumps([20, {14: 1}])
    for _ in range(depth):
        inner = cbor2.dumps([15, [inner]])
    return cbor2.dumps({2: cbor2.dumps([]), 3: cbor2.dumps({2: 1, 3: cbor2.dumps({4: inner})})})


@pytest.mark.parametrize(
    "data",
    [
        b"\xa1\x03" + b"\x81" * 3000,
        b"\xd8\x6b\xa1\x03\x5b" + b"\xff" * 8,
        b"\xa1\x03\x5a\xff\xff\xff\xff",
        nested(30),
        bomb(4, 200),
        enveloped(cbor2.dumps([20, {14: 1}]), number=1 << 64),
        enveloped(cbor2.dumps([20, {14: 1}]), number=True),
        cbor2.dumps({2: cbor2.dumps([]), 3: cbor2.dumps({1: 1, 2: 5, 3: cbor2.dumps([1, 2])})}),
        told(p14=1 << 60_000),
        told(p14=-1),
        told(p3=[-16, 900_000_000]),
        told(p3=[-16, b"short"]),
        told(p5="x", p14=1),
        told(p21=7),
        cbor2.dumps({3: b""}),
        cbor2.dumps({3: cbor2.dumps({2: "many", 3: cbor2.dumps({})})}),
        cbor2.dumps({3: cbor2.dumps({2: 1, 3: cbor2.dumps({4: cbor2.dumps([20, 7])})})}),
        cbor2.dumps({3: cbor2.dumps({2: 1, 3: cbor2.dumps({4: cbor2.dumps([20, {3: b"\x01", 5: "x"}])})})}),
        cbor2.dumps({3: cbor2.dumps({2: 1, 3: cbor2.dumps({4: cbor2.dumps([20, {1: b"short"}])})})}),
    ],
)
def test_hostile(data: bytes) -> None:
    with pytest.raises(InvalidManifest):
        manifest.parse(data)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_mutations_never_raise_anything_else(data: Any) -> None:
    whole = bytearray((BOARD / "riot.suit.1700000100.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        manifest.parse(bytes(whole))
    except InvalidManifest:
        pass


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300))
def test_any_bytes_behind_an_envelopes_beginning(tail: bytes) -> None:
    for start in (b"\xd8\x6b", b"\xa2\x02", b"\xa1\x03", b""):
        try:
            manifest.parse(start + tail)
        except InvalidManifest:
            pass


def test_images_are_held_against_the_claims() -> None:
    data = (BOARD / "riot.suit.1700000100.bin").read_bytes()
    slot0, slot1 = (facts((BOARD / f"slot{n}.1700000100.bin").read_bytes()) for n in (0, 1))
    other = facts((BOARD / "slot1.1700000200.bin").read_bytes())
    assert check(Files(data, {Role.SLOT0: slot0, Role.SLOT1: slot1})).findings == ()
    assert [f.code for f in check(Files(data, {Role.SLOT0: slot1, Role.SLOT1: slot0})).errors] == ["size-mismatch"] * 2
    [mismatch] = check(Files(data, {Role.SLOT0: slot0, Role.SLOT1: other})).errors
    assert (mismatch.code, mismatch.file) == ("digest-mismatch", Role.SLOT1)
    alone = check(Files(data, {Role.SLOT1: slot1}))
    assert (alone.errors, alone.missing) == ((), (Role.SLOT0,))
    assert [f.code for f in check(Files(None, {Role.SLOT0: slot0})).errors] == ["no-manifest"]
    assert [f.code for f in check(Files(data, {})).errors] == ["no-image"]
    assert [f.code for f in check(Files(data[:100], {Role.SLOT0: slot0})).errors] == ["unreadable-manifest"]
    assert check(Files(b"opaque", {Role.SLOT0: slot0})).findings == ()
