"""Manifests with bytes changed: whatever is still read as signed says what its signer said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidManifest
from common.manifest import Manifest, parse
from common.signature import SignatureState, state_of
from common.trust import TrustedKeys
from tests.support import suit
from tests.support.suit import read, sequence

SAMPLES = Path(__file__).parents[1] / "samples" / "riot"
SLOTS = [suit.Slot(b"a" * 100, 4096, "coap://[::1]/slot0"), suit.Slot(b"b" * 101, 8192, "coap://[::1]/slot1")]


SIGNERS = (suit.eddsa(), suit.es256())
SEVERED = sequence(20, {21: "coap://[::1]/severed"}, 21, 2)
ORIGINALS = [
    *(path.read_bytes() for path in sorted(SAMPLES.rglob("*suit*")) if path.is_file()),
    suit.draft_09(suit.riot_body(SLOTS, 3), SIGNERS[0]),
    suit.current(suit.current_body(SLOTS, 4), *SIGNERS, key_id=b"key"),
    suit.current(suit.current_body(SLOTS[:1], 5), SIGNERS[1], attached=True, told=False),
    suit.current(
        suit.body(sequence(20, suit.ids()), {20: cbor2.loads(suit.digest(SEVERED))}, 6),
        SIGNERS[0],
        members={20: SEVERED, "#x": b"x"},
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One of the originals with bytes flipped, put in, taken out, or put in place of others from another one."""
    data = bytearray(draw(st.sampled_from(ORIGINALS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("flip", "insert", "delete", "splice"))):
            case "flip" if place < len(data):
                data[place] ^= draw(st.sampled_from([1 << bit for bit in range(8)]) | st.integers(1, 255))
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del data[place : place + draw(st.integers(1, 40))]
            case _:
                other = draw(st.sampled_from(ORIGINALS))
                start = draw(st.integers(0, len(other)))
                part = other[start : start + draw(st.integers(1, 400))]
                data[place : place + draw(st.integers(0, 400))] = part
    return bytes(data)


def content(manifest: Manifest) -> tuple[Any, ...]:
    return manifest.sequence_number, manifest.vendor_id, manifest.class_id, manifest.images, manifest.components


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> TrustedKeys:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "riot.pem").write_bytes((SAMPLES / "public-key.pem").read_bytes())
    for number, signer in enumerate(SIGNERS):
        (folder / f"{number}.pem").write_bytes(signer.public_pem)
    return TrustedKeys.load(folder)


@pytest.fixture(scope="module")
def valid(keys: TrustedKeys) -> set[tuple[Any, ...]]:
    """The content of those originals that a trusted key signed."""
    found = {content(read(original)) for original in ORIGINALS if state_of(read(original), keys) is SignatureState.VALID}
    assert len(found) == 6
    return found


@settings(max_examples=800)
@given(data=mutated())
def test_a_mutation_is_never_valid_with_another_content(keys: TrustedKeys, valid: set[tuple[Any, ...]], data: bytes) -> None:
    try:
        manifest = parse(data)
    except InvalidManifest:
        return
    if state_of(manifest, keys) is SignatureState.VALID:
        assert manifest is not None
        assert content(manifest) in valid


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_behind_an_envelopes_beginning(tail: bytes) -> None:
    for start in (b"\xd8\x6b", b"\xa2\x02", b"\xa1\x03", b"\xd8\x6b\xa1\x03\x58\xff", b""):
        try:
            parse(start + tail)
        except InvalidManifest:
            pass
