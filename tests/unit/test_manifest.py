"""SUIT manifests: what they say of a release, in both dialects, from RIOT's tools and taylor-suit's; and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cbor2
import pytest

from common.errors import InvalidManifest
from common.manifest import Dialect, ImageClaim, Manifest, parse
from common.signature import SignatureState, state_of
from common.trust import TrustedKeys
from tests.support import suit
from tests.support.suit import read, sequence

SAMPLES = Path(__file__).parents[1] / "samples" / "riot"
BOARD = SAMPLES / "fw" / "sample" / "samr21-xpro"
SLOTS = [suit.Slot(b"a" * 100, 4096, "coap://[::1]/slot0"), suit.Slot(b"b" * 101, 8192, "coap://[::1]/slot1")]
SHA256 = hashlib.sha256(b"image").hexdigest()


def claims(slots: list[suit.Slot]) -> tuple[ImageClaim, ...]:
    return tuple(
        ImageClaim(slot.offset, hashlib.sha256(slot.data).hexdigest(), len(slot.data), slot.uri, "sha-256", 0) for slot in slots
    )


# Real ones


@pytest.mark.parametrize(
    ("name", "version", "signatures"),
    [
        ("fw/sample/samr21-xpro/riot.suit.1700000100.bin", 1700000100, 1),
        ("fw/sample/samr21-xpro/riot.suit.1700000200.bin", 1700000200, 1),
        ("fw/sample/samr21-xpro/riot.suit.latest.bin", 1700000200, 1),
        ("other-key-1700000200.suit", 1700000200, 1),
        ("unsigned-1700000200.suit", 1700000200, 0),
    ],
)
def test_riots_own(name: str, version: int, signatures: int) -> None:
    manifest = read((SAMPLES / name).read_bytes())
    images = [(BOARD / f"slot{number}.{version}.bin").read_bytes() for number in (0, 1)]
    places = zip((4096, 133120), images, (0, 1), strict=True)
    assert manifest == Manifest(
        version,
        "547d0d74-6d3a-5a92-9662-4881afd9407b",
        "8818989e-a257-5994-ac9a-554b77898083",
        tuple(
            ImageClaim(
                offset,
                hashlib.sha256(data).hexdigest(),
                len(data),
                f"coap://[fd00:dead:beef::1]/fw/sample/samr21-xpro/slot{number}.{version}.bin",
                "sha-256",
            )
            for offset, data, number in places
        ),
        Dialect.DRAFT_09,
        ("00",),
        manifest.signatures,
        True if signatures else None,
        False,
    )
    assert [(s.algorithm, s.key_id, len(s.value)) for s in manifest.signatures] == [("EdDSA", None, 64)] * signatures
    assert manifest.signed is bool(signatures)


@pytest.mark.parametrize("slots", [SLOTS, SLOTS[::-1], SLOTS[:1], [suit.Slot(b"x", None, "coap://[::1]/x")]])
def test_made_ones(slots: list[suit.Slot]) -> None:
    expected = claims(sorted(slots, key=lambda slot: slot.offset or 0))
    vendor_id, class_id = "547d0d74-6d3a-5a92-9662-4881afd9407b", "8818989e-a257-5994-ac9a-554b77898083"
    for data in (suit.draft_09(suit.riot_body(slots, 5)), suit.current(suit.current_body(slots, 5))):
        manifest = read(data)
        assert (manifest.sequence_number, manifest.vendor_id, manifest.class_id) == (5, vendor_id, class_id)
        assert (manifest.images, manifest.components, manifest.encrypted) == (expected, ("00",), False)


def taylors(slots: list[dict[str, Any]], digest: str = "sha256", **arguments: Any) -> bytes:
    """What taylor-suit 0.2.2 writes."""
    taylor = pytest.importorskip("taylor")
    ids = {"vendor-id": "547d0d74-6d3a-5a92-9662-4881afd9407b", "class-id": "8818989e-a257-5994-ac9a-554b77898083"}
    checks = [{"suit-condition-vendor-identifier": 15}, {"suit-condition-class-identifier": 15}]
    if len(slots) == 1:
        told = [{"suit-directive-override-parameters": slots[0]}]
    else:
        told = [
            {
                "suit-directive-try-each": [
                    [{"suit-directive-override-parameters": slot}, {"suit-condition-component-slot": 5}] for slot in slots
                ]
            }
        ]
    envelope = taylor.build_envelope(
        {
            "version": 1,
            "sequence-number": 1700000100,
            "suit-common": {
                "suit-components": [["00"]],
                "suit-shared-sequence": [{"suit-directive-override-parameters": ids}, *checks, *told],
            },
            "sequence": {
                "payload-installation": [{"suit-directive-fetch": 2}, {"suit-condition-image-match": 15}],
                "image-validation": [{"suit-condition-image-match": 15}],
            },
        },
        manifest_digest=digest,
        **arguments,
    )
    assert isinstance(envelope, bytes)
    return envelope


def taylors_slot(**more: Any) -> dict[str, Any]:
    return {"image-digest": {"algorithm": "sha256", "digest": SHA256}, "image-size": 5, "uri": "coap://[::1]/image", **more}


@pytest.mark.parametrize("digest", ["sha256", "sha384"])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("offsets", [[None], [4096], [4096, 8192]])
def test_taylors(digest: str, signed: bool, offsets: list[int | None]) -> None:
    slots = [taylors_slot(**({} if offset is None else {"component-slot": offset})) for offset in offsets]
    signer = suit.es256()
    manifest = read(taylors(slots, digest, **({"key_pem": signer.private_pem} if signed else {})))
    assert (manifest.sequence_number, manifest.dialect, manifest.components) == (1700000100, Dialect.CURRENT, ("00",))
    assert (manifest.vendor_id, manifest.class_id) == (
        "547d0d74-6d3a-5a92-9662-4881afd9407b",
        "8818989e-a257-5994-ac9a-554b77898083",
    )
    assert manifest.images == tuple(ImageClaim(offset, SHA256, 5, "coap://[::1]/image", "sha-256") for offset in offsets)
    assert manifest.digest_fits is True
    for key, state in ((signer, SignatureState.VALID), (suit.es256(2), SignatureState.INVALID)):
        trusted = TrustedKeys((key.key.public_key(),), ("key.pem",))
        assert state_of(manifest, trusted) is (state if signed else SignatureState.ABSENT)


# Fields


def shared(*commands: Any, **more: Any) -> bytes:
    return suit.current(suit.body(sequence(*commands), **more))


def images(*commands: Any, **more: Any) -> list[tuple[Any, ...]]:
    """Component, offset, size and URI of the images that this shared sequence, and these members, tell of."""
    return [(c.component, c.offset, c.size, c.uri) for c in read(shared(*commands, **more)).images]


TWO: dict[str, Any] = {"components": [[b"\x00"], [b"\x01", b"\xab"]]}


@pytest.mark.parametrize("number", [0, 1, 1 << 32, (1 << 64) - 1])
def test_numbers(number: int) -> None:
    manifest = read(shared(20, {5: number, 14: number, 21: "u"}, number=number))
    assert (manifest.sequence_number, manifest.images) == (number, (ImageClaim(number, None, number, "u"),))


@pytest.mark.parametrize(
    ("algorithm", "name", "hexadecimal"),
    [(2, "sha-256", True), (-16, "sha-256", True), (-43, "sha-384", False), (-44, "sha-512", False), (-45, "-45", False)],
)
def test_digests_of_images(algorithm: int, name: str, hexadecimal: bool) -> None:
    for digest in (suit.digest(b"image", algorithm), cbor2.loads(suit.digest(b"image", algorithm))):
        [claim] = read(shared(20, {3: digest})).images
        assert (claim.algorithm, claim.sha256) == (name, SHA256 if hexadecimal else None)


def test_components() -> None:
    manifest = read(shared(12, 1, 20, {14: 5}, **TWO))
    assert manifest.components == ("00", "01/ab")
    assert [claim.component for claim in manifest.images] == [1]
    assert read(shared(20, {14: 5}, components=[])).components == ()
    assert read(shared(20, {14: 5}, components=[[], [b""]])).components == ("", "")


def test_a_severed_or_missing_text_does_not_matter() -> None:
    for key in (4, 13, 14, 23, 24):
        assert images(20, {14: 1}, members={key: 0}) == [(0, None, 1, None)]


@pytest.mark.parametrize(
    ("parameter", "draft_09", "current"),
    [(18, True, False), (19, True, True), (20, True, True), (17, False, False), (21, False, False)],
)
def test_encrypted(parameter: int, draft_09: bool, current: bool) -> None:
    """The current draft's parameter 18 is content that stands in the manifest itself."""
    value = "u" if parameter == 21 else b""
    for body in (suit.body(sequence(20, {parameter: value})), suit.body(sequence(), {20: sequence(19, {parameter: value})})):
        assert read(suit.draft_09(body)).encrypted is draft_09
        assert read(suit.current(body)).encrypted is current


def test_the_number_of_an_enterprise_in_place_of_a_vendor_id() -> None:
    manifest = read(shared(20, {1: cbor2.CBORTag(112, b"\x19\x01\x02"), 2: bytes(16)}))
    assert (manifest.vendor_id, manifest.class_id) == (None, "00000000-0000-0000-0000-000000000000")


def test_the_first_of_several_classes() -> None:
    ids = [sequence(20, {2: bytes([number]) * 16}) for number in (1, 2)]
    assert read(shared(15, ids)).class_id == "01010101-0101-0101-0101-010101010101"


# What is refused


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (shared(20, {14: 1}, number=1 << 64), r"number is (an item with tag 2|a number of 65 bits), and not .* 0 to 2\^64-1"),
        (shared(20, {14: 1}, number=True), "sequence number is true"),
        (shared(20, {14: 1}, number=-1), "sequence number is the number -1"),
        (shared(20, {14: 1}, number="many"), "sequence number is the text 'many'"),
        (suit.current(cbor2.dumps({3: cbor2.dumps({})})), "sequence number is null"),
        (suit.current(cbor2.dumps({1: 2, 2: 1, 3: cbor2.dumps({})})), "version is 2, and not 1"),
        (suit.current(cbor2.dumps({1: True, 2: 1, 3: cbor2.dumps({})})), "version is true"),
        (suit.current(cbor2.dumps({1: 1, 2: 1})), "common section .* is null"),
        (suit.current(cbor2.dumps({1: 1, 2: 1, 3: {}})), "common section .* is a map of 0, and not a map in a byte string"),
        (suit.current(cbor2.dumps({1: 1, 2: 1, 3: cbor2.dumps([1, 2])})), "common section .* is an array of 2"),
        (suit.current(b""), "in the manifest, the bytes end at 0"),
        (suit.current(cbor2.dumps([])), "the manifest is an array of 0"),
        (cbor2.dumps({2: cbor2.dumps([])}), r"manifest \(member 3\) is missing"),
        (cbor2.dumps({3: 5}), r"manifest \(member 3\) is the number 5"),
        (cbor2.dumps(cbor2.CBORTag(107, 5)), "there is no CBOR map"),
        (shared(20, {14: -1}), "size is the number -1"),
        (shared(20, {14: 1 << 64}), "size is (an item with tag 2|a number of 65 bits)"),
        (shared(20, {14: 1 << 60_000}), "size is (an item with tag 2|a number of 60001 bits)"),
        (shared(20, {14: 1.5}), "size is a value of another kind"),
        (shared(20, {5: "x", 14: 1}), "offset is the text 'x'"),
        (shared(20, {3: [-16, 900_000_000]}), "digest is an array of 2"),
        (shared(20, {3: [-16, b"short"]}), "digest is a sha-256 of 5 bytes, and not of 32"),
        (shared(20, {3: suit.digest(b"", -43)[:-1]}), "in an image's digest, the bytes end at 52, and more belong to them"),
        (shared(20, {21: 7}), "URI is the number 7"),
        (shared(20, {1: bytes(15)}), "vendor id is a byte string of 15 bytes, and not a UUID of 16"),
        (shared(20, {2: bytes(17)}), "class id is a byte string of 17 bytes"),
        (shared(20, {2: cbor2.CBORTag(6, b"")}), "class id is an item with tag 6"),
        (shared(20, 7), "parameters of a component are the number 7"),
        (shared(20), "command sequence is an array of 1"),
        (shared("x", 7), "command is the text 'x'"),
        (shared(False, 7), "command is false"),
        (suit.current(suit.body(cbor2.dumps({}))), "command sequence is a map of 0"),
        (suit.current(suit.body(sequence(), {20: 7})), "command sequence is the number 7"),
        (suit.current(suit.body(sequence(), {20: [7, 7]})), "command sequence is an array of 2"),
        (shared(15, 7), "alternatives of a try-each are the number 7"),
        (shared(15, []), "alternatives of a try-each are an array of 0"),
        (shared(15, [7]), "command sequence is the number 7"),
        (shared(32, None), "command sequence is null"),
        (shared(12, 2, **TWO), "component index is the number 2, and there are 2 components"),
        (shared(12, [0, True], **TWO), "component index is true"),
        (shared(12, -1, **TWO), "component index is the number -1"),
        (shared(12, "x", **TWO), "component index is the text 'x'"),
        (shared(components=[[b""]] * 65), "list of components is an array of 65, and not an array of 64 at most"),
        (shared(components=[b"x"]), "component's identifier is an array of 1, and not"),
        (suit.current(cbor2.dumps({1: 1, 2: 1, 3: cbor2.dumps({2: 5})})), "list of components is the number 5"),
        (suit.current(cbor2.dumps({1: 1, 2: 1, 3: cbor2.dumps({2: [5]})})), "component's identifier is the number 5"),
    ],
)
def test_what_is_found_and_what_was_expected_is_said(data: bytes, said: str) -> None:
    with pytest.raises(InvalidManifest, match=f"^The manifest is a SUIT envelope that cannot be read: .*{said}") as caught:
        parse(data)
    assert str(caught.value).endswith("Build it again, as draft-09 (as RIOT does) or the current draft has it.")
    assert len(str(caught.value)) < 400
