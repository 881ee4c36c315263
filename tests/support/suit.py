"""SUIT envelopes in both dialects, signed with keys of one's own, in the shapes that RIOT's tools and taylor-suit write."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from common.manifest import Manifest, parse

HASHES = {2: "sha256", -16: "sha256", -43: "sha384", -44: "sha512"}
DRAFT_09_SHA256, CURRENT_SHA256 = 2, -16
TAG = 107
ONE_COMPONENT = ((b"\x00",),)
"""RIOT's list of components."""


def read(data: bytes) -> Manifest:
    """What the bytes say, which are known to be an envelope."""
    manifest = parse(data)
    assert manifest is not None
    return manifest


@dataclass(frozen=True)
class Signer:
    """A key, and how it signs."""

    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    @property
    def algorithm(self) -> int:
        """COSE's number: EdDSA or ES256."""
        return -8 if isinstance(self.key, ed25519.Ed25519PrivateKey) else -7

    @property
    def public_pem(self) -> bytes:
        """What belongs into a folder of trusted keys."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def private_pem(self) -> bytes:
        """What does not belong there."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, data: bytes) -> bytes:
        """The signature as COSE has it: of ES256 r and s, 32 bytes each."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign1(self, payload: bytes, attached: bool = True, key_id: bytes | None = None, **changes: Any) -> list[Any]:
        """A COSE_Sign1 without its tag. `changes`: `protected` and `unprotected`, maps to be put in place of the usual ones."""
        protected = changes.get("protected", {1: self.algorithm})
        encoded = cbor2.dumps(protected) if protected else b""
        unprotected = changes.get("unprotected", {} if key_id is None else {4: key_id})
        value = self.sign(cbor2.dumps(["Signature1", encoded, b"", payload]))
        return [encoded, unprotected, payload if attached else None, value]


def eddsa(seed: int = 1) -> Signer:
    """An Ed25519 key, the same for the same seed."""
    return Signer(ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % seed).digest()))


def es256(seed: int = 1) -> Signer:
    """A P-256 key, the same for the same seed."""
    return Signer(ec.derive_private_key(10_000 + seed, ec.SECP256R1()))


@dataclass(frozen=True)
class Slot:
    """One image of a manifest."""

    data: bytes
    offset: int | None = None
    uri: str | None = None


def digest(data: bytes, algorithm: int = CURRENT_SHA256) -> bytes:
    """A SUIT_Digest of `data`, encoded; of an algorithm without a hash here the digest is that of SHA-256."""
    return cbor2.dumps([algorithm, hashlib.new(HASHES.get(algorithm, "sha256"), data).digest()])


def sequence(*commands: Any) -> bytes:
    """A command sequence: each command followed by its argument."""
    return cbor2.dumps(list(commands))


def ids(board: str = "samr21-xpro", vendor: str = "riot-os.org") -> dict[int, bytes]:
    """The parameters vendor id and class id."""
    vendor_id = uuid.uuid5(uuid.NAMESPACE_DNS, vendor)
    return {1: vendor_id.bytes, 2: uuid.uuid5(vendor_id, board).bytes}


def body(
    shared: bytes,
    members: Mapping[int, Any] | None = None,
    number: Any = 1,
    components: Sequence[Sequence[bytes]] = ((b"\x00",),),
) -> bytes:
    """A manifest, not yet in its byte string. `members` are those beside version, sequence number and common section."""
    common = cbor2.dumps({2: [list(identifier) for identifier in components], 4: shared})
    return cbor2.dumps({1: 1, 2: number, 3: common, **(members or {})})


def draft_09(manifest: bytes, *signers: Signer, key_id: bytes | None = None, members: Mapping[Any, Any] | None = None) -> bytes:
    """An envelope as RIOT writes it: no tag, the digest within each signature."""
    payload = digest(cbor2.dumps(manifest), DRAFT_09_SHA256)
    block = [cbor2.dumps(cbor2.CBORTag(18, signer.sign1(payload, key_id=key_id))) for signer in signers]
    return cbor2.dumps({2: cbor2.dumps(block), 3: manifest, **(members or {})})


def current(
    manifest: bytes,
    *signers: Signer,
    algorithm: int = CURRENT_SHA256,
    attached: bool = False,
    told: bool = True,
    tagged: bool = True,
    key_id: bytes | None = None,
    members: Mapping[Any, Any] | None = None,
) -> bytes:
    """An envelope of the current draft. Its digest stands first in the authentication block (`told`) or in each signature."""
    payload = digest(cbor2.dumps(manifest), algorithm)
    block = [payload] if told else []
    block += [cbor2.dumps(cbor2.CBORTag(18, signer.sign1(payload, attached, key_id))) for signer in signers]
    return enveloped(block, manifest, tagged, members)


def enveloped(block: Sequence[bytes], manifest: bytes, tagged: bool = True, members: Mapping[Any, Any] | None = None) -> bytes:
    """An envelope around any authentication block."""
    envelope = {2: cbor2.dumps(list(block)), 3: manifest, **(members or {})}
    return cbor2.dumps(cbor2.CBORTag(TAG, envelope) if tagged else envelope)


def riot_body(slots: Sequence[Slot], number: int = 1, board: str = "samr21-xpro", vendor: str = "riot-os.org") -> bytes:
    """The manifest of RIOT's suit-manifest-generator: slots in a try-each of the shared sequence, URIs in one of install."""
    identified = ids(board, vendor)
    images = [{3: digest(slot.data, DRAFT_09_SHA256), 14: len(slot.data)} for slot in slots]
    if len(slots) == 1:
        place = {} if slots[0].offset is None else {5: slots[0].offset}
        check = [] if slots[0].offset is None else [5, 5]
        shared = sequence(20, {**identified, **images[0], **place}, 1, 15, 2, 15, *check)
        install = sequence(19, {21: slots[0].uri}, 21, 2, 3, 15)
    else:
        told = [sequence(20, {5: slot.offset}, 5, 5, 20, image) for slot, image in zip(slots, images, strict=True)]
        shared = sequence(20, identified, 15, told, 1, 15, 2, 15)
        install = sequence(15, [sequence(19, {5: slot.offset}, 5, 5, 19, {21: slot.uri}) for slot in slots], 21, 2, 3, 15)
    return body(shared, {9: install, 10: sequence(3, 15)}, number)


def current_body(
    slots: Sequence[Slot],
    number: int = 1,
    board: str = "samr21-xpro",
    vendor: str = "riot-os.org",
    algorithm: int = CURRENT_SHA256,
) -> bytes:
    """A manifest of the current draft: each slot with all its parameters in a try-each of the shared sequence."""

    def told(slot: Slot) -> bytes:
        place = {} if slot.offset is None else {5: slot.offset}
        uri = {} if slot.uri is None else {21: slot.uri}
        parameters = {3: digest(slot.data, algorithm), 14: len(slot.data), **place, **uri}
        return sequence(20, parameters, *([] if slot.offset is None else [5, 5]))

    shared = sequence(20, ids(board, vendor), 1, 15, 2, 15, 15, [told(slot) for slot in slots])
    return body(shared, {7: sequence(3, 15), 20: sequence(21, 2, 3, 15)}, number)
