"""The envelope: which bytes are one, its authentication block, and what was severed from its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from common.envelope import MAX_BYTES
from common.errors import InvalidManifest
from common.manifest import Dialect, parse
from common.signature import SignatureState, state_of
from common.trust import TrustedKeys
from tests.support import suit
from tests.support.suit import read

dumps = cbor2.dumps
BODY = suit.riot_body([suit.Slot(b"image", uri="coap://[::1]/image")], number=7)
WRAPPED = dumps(BODY)


def trusted(*signers: suit.Signer) -> TrustedKeys:
    return TrustedKeys(tuple(signer.key.public_key() for signer in signers), tuple("abc"[: len(signers)]))


def refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidManifest, match=said) as caught:
        parse(data)
    assert str(caught.value).startswith("The manifest is a SUIT envelope ")
    assert str(caught.value).endswith(".")


# Which bytes are one

OPAQUE = [
    b"",
    b"hello",
    bytes(500),
    dumps({7: 1}),
    dumps({"2": 1, b"\x03": 2}),
    dumps({-3: 1}),
    dumps([2, 3]),
    dumps(cbor2.CBORTag(1, 0)),
    dumps(cbor2.CBORTag(106, {2: b"", 3: b""})),
    dumps({7: 1}) + b"\x00",
    b"\xa1",
    b"\xa1\xf5\x00",
    b"\xa2\xf9\x40\x00\x00\x02",
    b"\xb8",
    b"\xbf\x07",
    b"\xd8",
    b"\xa2\x07\x5b" + b"\xff" * 8 + b"\x02\x03",
    b"\xa2\x07" + b"\x81" * 3000,
    bytes(100_000),
    b"\xa2\x07\x5a\x00\x02\x00\x00" + bytes(0x20000) + b"\x02\x00",
]


@pytest.mark.parametrize("data", OPAQUE, ids=lambda data: data[:8].hex())
def test_opaque(data: bytes) -> None:
    assert parse(data) is None


HEADS = ["a102", "a203", "b80103", "b9000103", "ba0000000103", "bb000000000000000103", "bf02", "a1190002", "a2070003"]
TAGS = ["d86b", "d9006b", "da0000006b", "db000000000000006b", "d86ba1"]


@pytest.mark.parametrize("head", [*HEADS, *TAGS, "a307820102021819"])
def test_what_begins_as_one_and_breaks_off(head: str) -> None:
    refused(bytes.fromhex(head), "damaged or incomplete: .* Copy or upload the whole file again.$")


def test_cut_off_anywhere_it_is_opaque_or_unreadable_and_never_a_manifest() -> None:
    for whole in (suit.draft_09(BODY, suit.eddsa()), suit.current(BODY, suit.eddsa())):
        for length in range(1, len(whole)):
            if whole[:length] in (b"\xa2", b"\xd8"):
                assert parse(whole[:length]) is None
            else:
                refused(whole[:length], "damaged or incomplete")


def test_bytes_behind_it() -> None:
    refused(suit.draft_09(BODY) + b"\x00", "1 bytes follow the end")
    refused(suit.current(BODY) * 2, "bytes follow the end")


def test_a_doubled_key() -> None:
    other = suit.riot_body([suit.Slot(b"other")], number=8)
    refused(b"\xa3" + suit.draft_09(BODY)[1:] + b"\x03" + dumps(other), "the key 3 stands twice")


def test_the_bound() -> None:
    room = MAX_BYTES - len(suit.current(BODY, members={"#image": b""})) - 4
    largest = suit.current(BODY, members={"#image": bytes(room + 2)})
    assert len(largest) == MAX_BYTES
    assert read(largest).sequence_number == 7
    refused(suit.current(BODY, members={"#image": bytes(room + 3)}), "of 65537 bytes, and no more than 65536 are read")
    refused(largest + b"\x00", "of 65537 bytes")
    refused(dumps({3: bytes(1_000_000)}), "of 1000007 bytes")


# Dialects


@pytest.mark.parametrize(
    ("data", "dialect"),
    [
        (suit.draft_09(BODY), Dialect.DRAFT_09),
        (suit.draft_09(BODY, suit.eddsa()), Dialect.DRAFT_09),
        (suit.current(BODY, suit.eddsa()), Dialect.CURRENT),
        (suit.current(BODY), Dialect.CURRENT),
        (suit.current(BODY, told=False), Dialect.CURRENT),
        (suit.current(BODY, suit.eddsa(), told=False, attached=True), Dialect.CURRENT),
        (suit.current(BODY, suit.eddsa(), tagged=False), Dialect.CURRENT),
        (suit.current(BODY, tagged=False), Dialect.CURRENT),
        (dumps({3: BODY}), Dialect.DRAFT_09),
        (b"\xd9\x00\x6b" + suit.draft_09(BODY), Dialect.CURRENT),
        (b"\xbf" + suit.draft_09(BODY)[1:] + b"\xff", Dialect.DRAFT_09),
    ],
)
def test_dialects(data: bytes, dialect: Dialect) -> None:
    manifest = read(data)
    assert (manifest.dialect, manifest.sequence_number) == (dialect, 7)


# Signatures


@pytest.mark.parametrize("signer", [suit.eddsa(), suit.es256()])
@pytest.mark.parametrize("form", ["draft-09", "detached", "attached", "attached alone"])
def test_signatures(signer: suit.Signer, form: str) -> None:
    name = {-8: "EdDSA", -7: "ES256"}[signer.algorithm]
    data = {
        "draft-09": suit.draft_09(BODY, signer, key_id=b"\x01\xff"),
        "detached": suit.current(BODY, signer, key_id=b"\x01\xff"),
        "attached": suit.current(BODY, signer, key_id=b"\x01\xff", attached=True),
        "attached alone": suit.current(BODY, signer, key_id=b"\x01\xff", attached=True, told=False),
    }[form]
    manifest = read(data)
    [signature] = manifest.signatures
    assert (signature.algorithm, signature.key_id, signature.protected) == (name, "01ff", dumps({1: signer.algorithm}))
    assert signature.payload == suit.digest(WRAPPED, suit.DRAFT_09_SHA256 if form == "draft-09" else suit.CURRENT_SHA256)
    assert (manifest.digest_fits, manifest.signed) == (True, True)
    assert state_of(manifest, None) is SignatureState.UNVERIFIED
    assert state_of(manifest, trusted(signer)) is SignatureState.VALID
    assert state_of(manifest, trusted(suit.eddsa(9), suit.es256(9))) is SignatureState.INVALID


def block(*items: Any, manifest: bytes = BODY) -> bytes:
    return suit.enveloped([dumps(item) for item in items], manifest)


PAYLOAD = suit.digest(WRAPPED)
TOLD = cbor2.loads(PAYLOAD)
SIGN1 = suit.eddsa().sign1(PAYLOAD)


@pytest.mark.parametrize(
    ("item", "algorithm", "key_id"),
    [
        (SIGN1, "EdDSA", None),
        (cbor2.CBORTag(18, SIGN1), "EdDSA", None),
        (suit.eddsa().sign1(PAYLOAD, protected={1: -8, 4: b"a"}, unprotected={4: b"b"}), "EdDSA", "61"),
        (suit.eddsa().sign1(PAYLOAD, protected={1: -8}, unprotected={4: b""}), "EdDSA", ""),
        (suit.eddsa().sign1(PAYLOAD, protected={}, unprotected={1: -8}), "", None),
        (suit.eddsa().sign1(PAYLOAD, protected={1: "EdDSA"}), "", None),
        (suit.eddsa().sign1(PAYLOAD, protected={1: -35}), "-35", None),
        (suit.eddsa().sign1(PAYLOAD, protected={1: -8, 2: [-7]}), "EdDSA with critical header parameters", None),
        (suit.eddsa().sign1(suit.digest(b"", -45)), "EdDSA over a digest of algorithm -45", None),
        (cbor2.CBORTag(17, SIGN1), "COSE_Mac0", None),
        (cbor2.CBORTag(98, [b"", {}, PAYLOAD, [SIGN1]]), "COSE_Sign", None),
        (cbor2.CBORTag(999, 0), "tag 999", None),
    ],
)
def test_forms_of_signatures(item: Any, algorithm: str, key_id: str | None) -> None:
    manifest = read(block(TOLD, item))
    [signature] = manifest.signatures
    assert (signature.algorithm, signature.key_id) == (algorithm, key_id)
    state = state_of(manifest, trusted(suit.eddsa()))
    assert state is (SignatureState.VALID if algorithm == "EdDSA" else SignatureState.INVALID)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([[b"", {}, None, b""]], "no payload, and no digest stands before it"),
        ([TOLD, [b"", {}, b"", b""]], "in what a signature signs, the bytes end"),
        ([TOLD, [b"", {}, dumps("x"), b""]], "what a signature signs is the text 'x'"),
        ([TOLD, [b"\x80", {}, None, b""]], "protected header is an array of 0"),
        ([TOLD, [b"\xa1", {}, None, b""]], "in a signature's protected header, the bytes end"),
        ([TOLD, [b"", {4: 5}, None, b""]], "key id is the number 5"),
        ([TOLD, [b"", {}, None]], "a signature is an array of 3"),
        ([TOLD, ["", {}, None, b""]], "a signature is an array of 4"),
        ([TOLD, cbor2.CBORTag(18, b"")], "a signature is a byte string of 0 bytes"),
        ([TOLD, TOLD], "a signature is an array of 2"),
        ([SIGN1, TOLD], "a signature is an array of 2"),
        ([[-16, bytes(31)]], "is a sha-256 of 31 bytes, and not of 32"),
        ([TOLD] * 33, "has 33 items, and no more than 32"),
        ([["sha-256", bytes(32)]], "a signature is an array of 2"),
    ],
)
def test_authentication_blocks_that_are_none(items: list[Any], said: str) -> None:
    refused(block(*items), said)


@pytest.mark.parametrize("member", [None, 5, [], dumps({}), dumps([5]), dumps([[]]), b"", b"\x81", dumps([b""])])
def test_members_2_that_are_none(member: Any) -> None:
    refused(dumps({2: member, 3: BODY}), "authentication block|signature")


# Digests


@pytest.mark.parametrize("algorithm", [2, -16, -43, -44])
def test_the_manifests_digest(algorithm: int) -> None:
    right = suit.current(BODY, suit.es256(), algorithm=algorithm)
    assert read(right).digest_fits is True
    wrong = right.replace(BODY, suit.riot_body([suit.Slot(b"imago", uri="coap://[::1]/image")], number=7))
    assert (read(wrong).digest_fits, len(wrong)) == (False, len(right))
    assert state_of(read(wrong), trusted(suit.es256())) is SignatureState.INVALID


def test_a_digest_over_the_bare_manifest_does_not_fit() -> None:
    assert read(block(cbor2.loads(suit.digest(BODY)))).digest_fits is False


def test_all_the_digests_must_fit() -> None:
    wrong = suit.digest(b"other")
    assert read(block(TOLD, suit.eddsa().sign1(wrong))).digest_fits is False
    assert read(block(cbor2.loads(wrong), SIGN1)).digest_fits is False
    assert read(block(SIGN1, suit.eddsa().sign1(wrong))).digest_fits is False
    assert read(block(TOLD, SIGN1, SIGN1)).digest_fits is True


def test_a_digest_that_nobody_can_compute_is_no_reason_to_trust() -> None:
    unknown = suit.digest(WRAPPED, -45)
    assert read(block(cbor2.loads(unknown))).digest_fits is None
    assert read(suit.draft_09(BODY)).digest_fits is None
    signed = suit.eddsa().sign1(unknown)
    for items, fits in (([cbor2.loads(unknown), signed], None), ([TOLD, signed], True)):
        manifest = read(block(*items))
        assert manifest.digest_fits is fits
        assert state_of(manifest, trusted(suit.eddsa())) is SignatureState.INVALID
    assert state_of(read(block(TOLD, signed, SIGN1)), trusted(suit.eddsa())) is SignatureState.VALID
    assert read(block(cbor2.loads(suit.digest(b"other")), suit.eddsa().sign1(unknown))).digest_fits is False


@pytest.mark.parametrize(("before", "after"), [("5900", ""), ("5a000000", ""), ("5b00000000000000", ""), ("5f58", "ff")])
def test_a_wrapper_that_is_not_the_shortest(before: str, after: str) -> None:
    assert 24 <= len(BODY) < 256
    wrapped = bytes.fromhex(before) + WRAPPED[1:] + bytes.fromhex(after)
    refused(suit.draft_09(BODY, suit.eddsa()).replace(WRAPPED, wrapped), "not in CBOR's shortest form")


# Severed members


def severed(made: Callable[[bytes], Any], content: Any, algorithm: int = -16) -> bytes:
    """An envelope whose install was severed: what `made` of it hashes to is in the manifest, and `content` in the envelope."""
    install = suit.sequence(20, {21: "coap://[::1]/severed"})
    told = cbor2.loads(suit.digest(made(install), algorithm))
    body = suit.body(suit.sequence(20, {14: 5}), {20: told})
    return suit.current(body, members={20: install if content is ... else content} if content is not None else {})


@pytest.mark.parametrize("made", [bytes, dumps])
@pytest.mark.parametrize("algorithm", [2, -16, -43, -44])
def test_a_severed_install(made: Callable[[bytes], Any], algorithm: int) -> None:
    assert [claim.uri for claim in read(severed(made, ..., algorithm)).images] == ["coap://[::1]/severed"]
    refused(severed(made, None, algorithm), "member 20 was severed, and the envelope does not hold it")


@pytest.mark.parametrize("content", [suit.sequence(20, {21: "coap://[::1]/forged"}), b"", 7, [], {}])
def test_a_severed_member_that_is_another(content: Any) -> None:
    refused(severed(bytes, content), "severed member 20 does not hash to the digest")


def test_a_severed_member_whose_digest_nobody_can_compute() -> None:
    refused(severed(bytes, ..., -45), "severed member 20 does not hash to the digest")


def test_a_member_that_the_manifest_does_not_name_is_not_heard() -> None:
    forged = suit.sequence(20, {21: "coap://[::1]/forged"})
    assert read(suit.current(suit.body(suit.sequence(20, {14: 5})), members={20: forged})).images[0].uri is None


def test_the_digest_is_that_of_riots_last_370_bytes(samples: Any) -> None:
    data = (samples / "fw/sample/samr21-xpro/riot.suit.1700000100.bin").read_bytes()
    [signature] = read(data).signatures
    assert signature.payload == b"\x82\x02\x58\x20" + hashlib.sha256(data[119:]).digest()


def test_an_envelope_of_draft_04_is_opaque() -> None:
    older = cbor2.dumps({1: cbor2.dumps(cbor2.CBORTag(98, [b"", {}, b"", []])), 2: cbor2.dumps({1: 1, 2: 42})})
    assert parse(older) is None
    for other in ({1: 1, 2: b""}, {1: b"", 2: b""}, {1: b"", 2: cbor2.dumps({7: 1})}, {2: cbor2.dumps({1: 1, 2: 42})}):
        with pytest.raises(InvalidManifest):
            parse(cbor2.dumps(other))
