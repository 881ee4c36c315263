"""The outer half of a SUIT manifest: the envelope with its authentication block, its manifest and what was severed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.cbor import Key, Malformed, Reader, Tag, byte_string, decode, describe
from common.digest import Digest, is_digest, read_digest
from common.errors import InvalidManifest

MAX_BYTES = 64 * 1024
"""An envelope over this is not read. A RIOT device takes 640 bytes."""
_MAX_SIGNATURES = 32
_TAG = 107
_AUTHENTICATION, _MANIFEST = 2, 3
_OLDER_AUTHENTICATION = 1
"""In draft-04 (RIOT's "suitv4" of 2019) the manifest was member 2, behind this one: a dialect that is not read, no broken one."""
_UNSIGNED = b"\x80"
"""An empty authentication block."""
_COSE = {17: "COSE_Mac0", 18: "COSE_Sign1", 97: "COSE_Mac", 98: "COSE_Sign"}
"""RFC 9052, table 1."""
_SIGN1 = 18
_ALGORITHM, _CRITICAL, _KEY_ID = 1, 2, 4
_ALGORITHMS = {-8: "EdDSA", -7: "ES256"}
"""RFC 9053, tables 1 and 2."""


class Dialect(StrEnum):
    """Which form of the SUIT manifest it is."""

    DRAFT_09 = "draft-09"
    """As RIOT writes it: no tag and no digest before the signatures, draft-ietf-suit-manifest-09."""
    CURRENT = "current"
    """The current draft: tag 107, or a digest as the authentication block's first item."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One COSE_Sign1 of the authentication block (RFC 9052, 4.2), unchecked."""

    algorithm: str
    """"EdDSA", "ES256", or COSE's number of another one as text; "" where none is named.

    Also a word for what no key can fit: another structure than COSE_Sign1, or a signature over what cannot be checked.
    """
    key_id: str | None
    """Lower-case hex, where the signer named its key."""
    protected: bytes
    """The protected header as it was signed."""
    payload: bytes
    """The digest that was signed, encoded; attached, or the one that stands before it in the block."""
    value: bytes
    """The signature itself; of ES256 r and s, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the manifest."""

    dialect: Dialect
    manifest: bytes
    """The content of the byte string that the manifest is."""
    signatures: tuple[Signature, ...]
    digest_fits: bool | None
    """See Manifest.digest_fits."""
    members: Mapping[Key, Any]
    """All of its members, decoded once: severed members and integrated payloads among them."""


def read_envelope(data: bytes) -> Envelope | None:
    """Read it; None when the bytes are none at all. Malformed where they begin as one, InvalidManifest where it is too large."""
    reader, tagged = Reader(data[:MAX_BYTES]), False
    members: dict[Key, Any] = {}
    raw = b""
    try:
        tagged = reader.tag(_TAG)
        for key in reader.map_keys():
            members[key] = None
            start = reader.position
            members[key] = reader.item()
            if key == _MANIFEST:
                raw = data[start : reader.position]
        reader.finish()
    except Malformed:
        if not tagged and not members.keys() & {_AUTHENTICATION, _MANIFEST}:
            return None
        if len(data) <= MAX_BYTES:
            raise
    if not tagged and not members.keys() & {_AUTHENTICATION, _MANIFEST}:
        return None
    if len(data) > MAX_BYTES:
        raise InvalidManifest(
            f"The manifest is a SUIT envelope of {len(data)} bytes, and no more than {MAX_BYTES} are read."
            " Publish payloads as images of their own instead of within the envelope."
        )
    if not tagged and _is_older(members):
        return None
    manifest = members.get(_MANIFEST)
    if not isinstance(manifest, bytes):
        found = describe(manifest) if _MANIFEST in members else "missing"
        raise Malformed(f"its manifest (member 3) is {found}, and not a byte string")
    if raw != byte_string(manifest):
        raise Malformed("the byte string around its manifest (member 3) is not in CBOR's shortest form, and no digest fits it")
    digest, signatures, signed = _authentication(members.get(_AUTHENTICATION, _UNSIGNED))
    dialect = Dialect.CURRENT if tagged or digest else Dialect.DRAFT_09
    return Envelope(dialect, manifest, signatures, _fits(signed, raw), members)


def _is_older(members: Mapping[Key, Any]) -> bool:
    """Whether it is an envelope of draft-04, by its manifest: version and sequence number were members 1 and 2 then, too."""
    outer, inner = members.get(_OLDER_AUTHENTICATION, 0), members.get(_AUTHENTICATION)
    if _MANIFEST in members or not isinstance(outer, bytes | None) or not isinstance(inner, bytes):
        return False
    try:
        manifest = decode(inner, "an older manifest")
    except Malformed:
        return False
    return isinstance(manifest, dict) and manifest.keys() >= {1, 2}


def _authentication(block: Any) -> tuple[Digest | None, tuple[Signature, ...], list[Digest]]:
    """The digest that stands first, the signatures, and every digest that is told in one or the other way."""
    items = _array(block)
    first = decode(items[0], "its authentication block's first item") if items else None
    digest = read_digest(first, "the digest in its authentication block") if is_digest(first) else None
    digests = [digest] if digest else []
    signatures = []
    for item in items[1:] if digest else items:
        signature, signed = _signature(decode(item, "a signature"), items[0] if digest else None)
        signatures.append(signature)
        digests += [signed] if signed else []
    return digest, tuple(signatures), digests


def _array(block: Any) -> list[bytes]:
    """The authentication block's items, each still a byte string."""
    items = decode(block, "its authentication block (member 2)") if isinstance(block, bytes) else block
    if not isinstance(block, bytes) or not isinstance(items, list) or not all(isinstance(item, bytes) for item in items):
        raise Malformed(f"its authentication block (member 2) is {describe(items)}, and not an array of byte strings in one")
    if len(items) > _MAX_SIGNATURES:
        raise Malformed(f"its authentication block has {len(items)} items, and no more than {_MAX_SIGNATURES} are read")
    return items


def _signature(item: Any, detached: bytes | None) -> tuple[Signature, Digest | None]:
    """A COSE item, and the digest that it signs where it is a COSE_Sign1."""
    if isinstance(item, Tag):
        if item.number != _SIGN1:
            return Signature(_COSE.get(item.number, f"tag {item.number}"), None, b"", b"", b""), None
        item = item.value
    match item:
        case [bytes(protected), dict(unprotected), bytes() | None as attached, bytes(value)]:
            payload = detached if attached is None else attached
        case _:
            raise Malformed(f"a signature is {describe(item)}, and not a COSE_Sign1 of four items")
    if payload is None:
        raise Malformed("a signature has no payload, and no digest stands before it: it signs nothing")
    digest = read_digest(payload, "what a signature signs")
    header = decode(protected, "a signature's protected header") if protected else {}
    if not isinstance(header, dict):
        raise Malformed(f"a signature's protected header is {describe(header)}, and not a map")
    key_id = header.get(_KEY_ID, unprotected.get(_KEY_ID))
    if not isinstance(key_id, bytes | None):
        raise Malformed(f"a signature's key id is {describe(key_id)}, and not a byte string")
    return Signature(_algorithm(header, digest), key_id.hex() if key_id is not None else None, protected, payload, value), digest


def _algorithm(header: Mapping[Key, Any], digest: Digest) -> str:
    number = header.get(_ALGORITHM)
    name = _ALGORITHMS.get(number, str(number)) if type(number) is int else ""
    if not digest.known:
        # A key that fits it would vouch for a manifest that nobody held against what was signed.
        return f"{name} over a digest of algorithm {digest.algorithm}"
    if _CRITICAL in header:
        # RFC 9052, 3.1: who does not understand what is listed there must not accept it.
        return f"{name} with critical header parameters"
    return name


def _fits(digests: list[Digest], wrapped: bytes) -> bool | None:
    known = [digest for digest in digests if digest.known]
    return all(digest.fits(wrapped) for digest in known) if known else None
