"""A SUIT envelope's bytes -> what it says of a release. Its bytes are never changed.

Two dialects are read: draft-ietf-suit-manifest-09, which RIOT writes (an untagged map), and the current
draft (tag 107). Signatures are read here and checked in signature.py.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cbor2

from common.errors import InvalidManifest

MAX_BYTES = 16 * 1024
"""A manifest over this is not looked into. A RIOT device takes 640 bytes."""
_ENVELOPE_TAG = 107
_AUTHENTICATION, _MANIFEST = 2, 3
_SEQUENCE_NUMBER, _COMMON, _SHARED_SEQUENCE = 2, 3, 4
_INSTALL = {9: "draft-09", 20: "current"}
_TRY_EACH, _SET_PARAMETERS, _OVERRIDE_PARAMETERS = 15, 19, 20
_VENDOR_ID, _CLASS_ID, _DIGEST, _SLOT, _SIZE, _URI = 1, 2, 3, 5, 14, 21
_SHA256 = (2, -16)
_MAX_DEPTH = 8
_MAX_DECODED = 256
"""CBOR items within byte strings that are looked into: shared values could name one of them a million times."""
_UUID_BYTES, _SHA256_BYTES = 16, 32


class Dialect(StrEnum):
    """Which form of the SUIT manifest it is."""

    DRAFT_09 = "draft-09"
    """As RIOT writes it: no tag, draft-ietf-suit-manifest-09."""
    CURRENT = "current"
    """The current draft: tag 107."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One COSE_Sign1 of the authentication block (RFC 9052, 4.2), unchecked."""

    algorithm: str
    """"EdDSA", "ES256", or COSE's number of another one as text; "" where none is named."""
    key_id: str | None
    """Lower-case hex, where the signer named its key."""
    protected: bytes
    """The protected header as it was signed."""
    payload: bytes
    """The digest that was signed, encoded; attached, or the one that stands before it in the block."""
    value: bytes
    """The signature itself; of ES256 r and s, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class ImageClaim:
    """What the manifest says of one image: where it goes, what it hashes to, where it is fetched from."""

    offset: int | None
    """Bytes from the start of the flash; None where the manifest names no slot."""
    sha256: str | None
    """Lower-case hex; None where there is no digest or another algorithm is used."""
    size: int | None
    """Bytes."""
    uri: str | None
    algorithm: str | None = None
    """The digest's: "sha-256", "sha-384", or COSE's number as text; None where there is no digest."""
    component: int = 0
    """Its place in the manifest's list of components."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a SUIT manifest that decide whether, and for whom, a release works."""

    sequence_number: int
    vendor_id: str | None
    class_id: str | None
    """UUIDs in their usual text form."""
    images: tuple[ImageClaim, ...]
    """By component and rising offset: the first is slot0's. An image that lies in the envelope itself is not among them."""
    dialect: Dialect = Dialect.DRAFT_09
    components: tuple[str, ...] = ()
    """Each one's identifier: its segments in lower-case hex, joined by `/`; RIOT's is "00"."""
    signatures: tuple[Signature, ...] = ()
    digest_fits: bool | None = None
    """Whether the digest in the authentication block is the manifest's; None where there is none or its algorithm is unknown."""
    encrypted: bool = False
    """The files are not the images: they are encrypted (or compressed), so their digests and sizes tell nothing."""

    @property
    def signed(self) -> bool:
        """Whether there is any signature."""
        return bool(self.signatures)


def parse(data: bytes) -> Manifest | None:
    """Read an envelope; None when the bytes are no SUIT envelope at all (an opaque manifest).

    They are one when the first CBOR item is tag 107 or a map with key 2 or 3; when it is and the rest
    cannot be read, InvalidManifest says so.
    """
    if len(data) > MAX_BYTES or not data:
        return None
    reader = _Reader()
    try:
        envelope = reader.decode(data)
    except Exception:  # a decoder on hostile bytes raises what it likes
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
        return reader.manifest(envelope)
    except Exception:
        raise InvalidManifest(
            "The manifest is a SUIT envelope whose content cannot be read: it is damaged, or of a dialect other than"
            " draft-09 (as RIOT writes it) or the current draft."
        ) from None


class _Reader:
    """Reads one envelope, and gives up on one that is made to be endless. It raises anything; `parse` makes sense of that."""

    def __init__(self) -> None:
        self._decoded = 0

    def decode(self, data: Any) -> Any:
        """The one CBOR item that these bytes are."""
        self._decoded += 1
        if not isinstance(data, bytes) or self._decoded > _MAX_DECODED:
            raise ValueError("no byte string, or too many of them")
        stream = io.BytesIO(data)
        value = cbor2.CBORDecoder(stream).decode()
        if stream.tell() != len(data):
            raise ValueError("bytes follow the CBOR item")
        return value

    def manifest(self, envelope: Mapping[Any, Any]) -> Manifest:
        """What the envelope says."""
        manifest = _mapping(self.decode(envelope[_MANIFEST]))
        common = _mapping(self.decode(manifest[_COMMON]))
        sequences = [common.get(_SHARED_SEQUENCE), *(manifest.get(key) for key in _INSTALL)]
        leaves = [leaf for s in sequences if s is not None for leaf in self._leaves(self.decode(s), {}, 0)]
        authentication = envelope.get(_AUTHENTICATION)
        wrappers = self.decode(authentication) if authentication is not None else ()
        return Manifest(
            sequence_number=_number(manifest[_SEQUENCE_NUMBER]),
            vendor_id=_uuid(leaves, _VENDOR_ID),
            class_id=_uuid(leaves, _CLASS_ID),
            images=self._claims(leaves),
            signatures=tuple(Signature("", None, b"", b"", b"") for w in wrappers if isinstance(self.decode(w), cbor2.CBORTag)),
        )

    def _leaves(self, sequence: Any, inherited: Mapping[Any, Any], depth: int) -> Iterator[Mapping[Any, Any]]:
        """The parameters that hold at the end of each branch of a command sequence."""
        if depth > _MAX_DEPTH or not isinstance(sequence, Sequence) or len(sequence) % 2:
            raise ValueError("no command sequence")
        parameters = dict(inherited)
        for command, argument in zip(sequence[::2], sequence[1::2], strict=True):
            if command in (_SET_PARAMETERS, _OVERRIDE_PARAMETERS):
                parameters.update(_mapping(argument))
            elif command == _TRY_EACH:
                for branch in argument:
                    if branch is not None:
                        yield from self._leaves(self.decode(branch), parameters, depth + 1)
        yield parameters

    def _claims(self, leaves: Sequence[Mapping[Any, Any]]) -> tuple[ImageClaim, ...]:
        by_offset: dict[int | None, dict[int, Any]] = {}
        for leaf in leaves:
            told = {key: leaf[key] for key in (_DIGEST, _SIZE, _URI) if key in leaf}
            if told:
                offset = _number(leaf[_SLOT]) if _SLOT in leaf else None
                by_offset.setdefault(offset, {}).update(told)
        ordered = sorted(by_offset.items(), key=lambda item: -1 if item[0] is None else item[0])
        return tuple(self._claim(offset, told) for offset, told in ordered)

    def _claim(self, offset: int | None, told: Mapping[int, Any]) -> ImageClaim:
        uri = told.get(_URI)
        if not isinstance(uri, str | None):
            raise TypeError("the URI is no text")
        return ImageClaim(offset, self._sha256(told.get(_DIGEST)), _number(told[_SIZE]) if _SIZE in told else None, uri)

    def _sha256(self, digest: Any) -> str | None:
        if digest is None:
            return None
        algorithm, value = self.decode(digest) if isinstance(digest, bytes) else digest
        if algorithm not in _SHA256:
            return None
        return _exactly(value, _SHA256_BYTES).hex()


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("no map")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise ValueError("no unsigned number of 64 bits")
    return value


def _exactly(value: Any, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise ValueError(f"no {length} bytes")
    return value


def _uuid(leaves: Sequence[Mapping[Any, Any]], key: int) -> str | None:
    for leaf in leaves:
        if key in leaf:
            return str(uuid.UUID(bytes=_exactly(leaf[key], _UUID_BYTES)))
    return None
