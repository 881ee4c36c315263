"""A SUIT envelope's bytes -> what it says of a release. Its bytes are never changed.

Two dialects are read: draft-ietf-suit-manifest-09, which RIOT writes (an untagged map), and the current
draft (tag 107). Signatures are not checked here.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2

from common.errors import InvalidManifest

MAX_BYTES = 64 * 1024
"""A manifest over this is not looked into. A RIOT device takes 640 bytes."""
_ENVELOPE_TAG = 107
_AUTHENTICATION, _MANIFEST = 2, 3
_SEQUENCE_NUMBER, _COMMON, _SHARED_SEQUENCE = 2, 3, 4
_INSTALL = {9: "draft-09", 20: "current"}
_TRY_EACH, _SET_PARAMETERS, _OVERRIDE_PARAMETERS = 15, 19, 20
_VENDOR_ID, _CLASS_ID, _DIGEST, _SLOT, _SIZE, _URI = 1, 2, 3, 5, 14, 21
_SHA256 = (2, -16)
_MAX_DEPTH = 8
_BROKEN = (cbor2.CBORDecodeError, ValueError, TypeError, KeyError, IndexError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True)
class ImageClaim:
    """What the manifest says of one image: where it goes, what it hashes to, where it is fetched from."""

    offset: int | None
    """Bytes from the start of the flash; None where the manifest names no slot."""
    sha256: str | None
    """Lower-case hex; None where another algorithm is used."""
    size: int | None
    """Bytes."""
    uri: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a SUIT manifest that decide whether, and for whom, a release works."""

    sequence_number: int
    vendor_id: str | None
    class_id: str | None
    """UUIDs in their usual text form."""
    signed: bool
    images: tuple[ImageClaim, ...]
    """By rising offset: the first is slot0's."""


def parse(data: bytes) -> Manifest | None:
    """Read an envelope; None when the bytes are no SUIT envelope at all (an opaque manifest).

    They are one when the first CBOR item is tag 107 or a map with key 2 or 3; when it is and the rest
    cannot be read, InvalidManifest says so.
    """
    if len(data) > MAX_BYTES or not data:
        return None
    try:
        envelope = _decode(data)
    except _BROKEN:
        if data[:2] == b"\xd8\x6b" or (data[0] >> 5 == 5 and data[1:2] in (b"\x02", b"\x03")):
            raise InvalidManifest("The manifest begins as a SUIT envelope and breaks off: it is damaged or incomplete.") from None
        return None
    if isinstance(envelope, cbor2.CBORTag):
        if envelope.tag != _ENVELOPE_TAG:
            return None
        envelope = envelope.value
    if not isinstance(envelope, Mapping) or not (_AUTHENTICATION in envelope or _MANIFEST in envelope):
        return None
    try:
        return _read(envelope)
    except _BROKEN:
        raise InvalidManifest(
            "The manifest is a SUIT envelope whose content cannot be read: it is damaged, or of a dialect other than"
            " draft-09 (as RIOT writes it) or the current draft."
        ) from None


def _decode(data: bytes) -> Any:
    stream = io.BytesIO(data)
    value = cbor2.CBORDecoder(stream).decode()
    if stream.tell() != len(data):
        raise ValueError("bytes follow the CBOR item")
    return value


def _read(envelope: Mapping[Any, Any]) -> Manifest:
    manifest = _decode(envelope[_MANIFEST])
    common = _decode(manifest[_COMMON])
    sequences = [common.get(_SHARED_SEQUENCE), *(manifest.get(key) for key in _INSTALL)]
    leaves = [leaf for s in sequences if s is not None for leaf in _leaves(_decode(s), {}, 0)]
    number = manifest[_SEQUENCE_NUMBER]
    if not isinstance(number, int) or number < 0:
        raise ValueError("the sequence number is no number")
    authentication = envelope.get(_AUTHENTICATION)
    wrappers = _decode(authentication) if isinstance(authentication, bytes) else ()
    return Manifest(
        sequence_number=number,
        vendor_id=_uuid(leaves, _VENDOR_ID),
        class_id=_uuid(leaves, _CLASS_ID),
        signed=any(isinstance(_decode(w), cbor2.CBORTag) for w in wrappers),
        images=_claims(leaves),
    )


def _leaves(sequence: Any, inherited: Mapping[int, Any], depth: int) -> Iterator[Mapping[int, Any]]:
    """The parameters that hold at the end of each branch of a command sequence."""
    if depth > _MAX_DEPTH or not isinstance(sequence, Sequence) or len(sequence) % 2:
        raise ValueError("no command sequence")
    parameters = dict(inherited)
    for command, argument in zip(sequence[::2], sequence[1::2], strict=True):
        if command in (_SET_PARAMETERS, _OVERRIDE_PARAMETERS):
            parameters.update(argument)
        elif command == _TRY_EACH:
            for branch in argument:
                if branch is not None:
                    yield from _leaves(_decode(branch), parameters, depth + 1)
    yield parameters


def _claims(leaves: Sequence[Mapping[int, Any]]) -> tuple[ImageClaim, ...]:
    by_offset: dict[int | None, dict[int, Any]] = {}
    for leaf in leaves:
        told = {key: leaf[key] for key in (_DIGEST, _SIZE, _URI) if key in leaf}
        if told:
            by_offset.setdefault(leaf.get(_SLOT), {}).update(told)
    ordered = sorted(by_offset.items(), key=lambda item: -1 if item[0] is None else int(item[0]))
    return tuple(ImageClaim(offset, _sha256(told.get(_DIGEST)), told.get(_SIZE), told.get(_URI)) for offset, told in ordered)


def _sha256(digest: Any) -> str | None:
    if isinstance(digest, bytes):
        digest = _decode(digest)
    if digest is None:
        return None
    algorithm, value = digest
    return bytes(value).hex() if algorithm in _SHA256 else None


def _uuid(leaves: Sequence[Mapping[int, Any]], key: int) -> str | None:
    for leaf in leaves:
        if isinstance(leaf.get(key), bytes):
            return str(uuid.UUID(bytes=leaf[key]))
    return None
