"""CBOR through cbor2: plain values, and refused where Python would mix them up or they are made to be endless."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import cbor

QUIETLY = settings(max_examples=150)

SCALARS = st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=40) | st.text(max_size=20)
ITEMS = st.recursive(
    SCALARS | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-100, 100) | st.text(max_size=5), inner, max_size=5)
        | st.builds(cbor.Tag, st.integers(6000, 7000), inner)
    ),
    max_leaves=15,
)


def tagged(value: Any) -> Any:
    """With cbor2's own tags."""
    match value:
        case cbor.Tag(number, inner):
            return cbor2.CBORTag(number, tagged(inner))
        case list():
            return [tagged(item) for item in value]
        case dict():
            return {key: tagged(item) for key, item in value.items()}
    return value


@QUIETLY
@given(ITEMS)
def test_what_cbor2_writes_is_read(value: Any) -> None:
    assert cbor.decode(cbor2.dumps(tagged(value)), "it") == value


@QUIETLY
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        cbor.decode(data, "it")
    except cbor.Malformed:
        pass


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65535, 65536])
def test_a_byte_string_is_written_in_its_shortest_form(size: int) -> None:
    assert cbor.byte_string(bytes(size)) == cbor2.dumps(bytes(size))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("9fff", []),
        ("bf01ff", None),
        ("bf0102ff", {1: 2}),
        ("5f41614162ff", b"ab"),
        ("7f61616162ff", "ab"),
        ("1800", 0),
        ("1b0000000000000000", 0),
        ("5800", b""),
        ("f93c00", 1.0),
        ("fa3f800000", 1.0),
        ("3bffffffffffffffff", -(1 << 64)),
        ("", None),
        ("a1", None),
        ("a2010101", None),
        ("a1f500", None),
        ("a1f93c0000", None),
        ("a18000", None),
        ("0000", None),
        ("1c", None),
        ("1f", None),
        ("df00", None),
        ("5f00ff", None),
        ("5f5f4161ffff", None),
        ("7f4161ff", None),
        ("7f61c361a9ff", None),
        ("61ff", None),
        ("5bffffffffffffffff00", None),
        ("9bffffffffffffffff00", None),
        ("81" * 33 + "00", None),
    ],
)
def test_forms(data: str, value: Any) -> None:
    if value is None:
        with pytest.raises(cbor.Malformed):
            cbor.decode(bytes.fromhex(data), "it")
        return
    read = cbor.decode(bytes.fromhex(data), "it")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("data", ["a201010102", "81a201010102", "c6a201010102", "bf01010102ff", "f800", "ff", "81ff", "dfff"])
def test_what_only_a_strict_decoder_refuses(data: str) -> None:
    with pytest.raises(cbor.Malformed):
        cbor.decode(bytes.fromhex(data), "it")


def test_tags_stay_tags() -> None:
    """cbor2 5.4 makes a date, a large number and a regular expression of these, or fails to."""
    for number in (0, 1, 2, 4, 30, 35, 37, 258):
        assert cbor.decode(cbor2.dumps(cbor2.CBORTag(number, [b"("])), "it") == cbor.Tag(number, [b"("])


def test_shared_values_are_not_multiplied() -> None:
    """Tags 28 and 29: each level names the one below it twice, and one names itself."""
    data = b"\xd8\x1c\x81\x00"
    for number in range(12):
        data = b"\xd8\x1c\x82" + data + b"\xd8\x1d" + bytes([12 - number])
    for hostile in (data, b"\xd8\x1c\x81\xd8\x1d\x00"):
        assert isinstance(cbor.decode(hostile, "it"), cbor.Tag)


def test_what_was_found_is_said_shortly() -> None:
    values = [None, True, False, -5, b"abc", "x" * 100_000, [1, 2], {1: 2}, cbor.Tag(18, 0), 1.5, 1 << 99_999]
    told = [cbor.describe(value) for value in values]
    assert told[:5] == ["null", "true", "false", "the number -5", "a byte string of 3 bytes"]
    assert told[6:9] == ["an array of 2", "a map of 1", "an item with tag 18"]
    assert max(map(len, told)) < 60
