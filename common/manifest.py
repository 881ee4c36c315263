"""A SUIT envelope's bytes -> what it says of a release. Its bytes are never changed.

Two dialects are read: draft-ietf-suit-manifest-09, which RIOT writes (an untagged map), and the current draft
(tag 107). Signatures are read here and checked in signature.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.cbor import Key, Malformed, Truncated, decode, describe
from common.claims import ImageClaim, claims_of
from common.digest import is_digest, read_digest
from common.envelope import MAX_BYTES, Dialect, Envelope, Signature, read_envelope
from common.errors import InvalidManifest
from common.sequences import MAX_COMPONENTS, Interpreter, number

__all__ = ["MAX_BYTES", "Dialect", "ImageClaim", "Manifest", "Signature", "parse"]

_VERSION, _SEQUENCE_NUMBER, _COMMON = 1, 2, 3
_COMPONENTS, _SHARED_SEQUENCE = 2, 4
_SEQUENCES = (16, 20, 17, 8, 9, 15, 7, 18, 10, 11, 12)
"""Those that fetch come first: what they tell of an image goes before what is told elsewhere.

Draft-09: 7 dependency resolution, 8 payload fetch, 9 install, 10 validate, 11 load, 12 run. Current: 7 validate, 8 load,
9 invoke, 15 dependency resolution, 16 payload fetch, 18 candidate verification, 20 install (17 in drafts between them).
"""
_ENCRYPTING = {Dialect.DRAFT_09: frozenset((18, 19, 20)), Dialect.CURRENT: frozenset((19, 20))}
"""The parameters encryption, compression and unpack info; in the current draft 18 is a content that needs no file."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a SUIT manifest that decide whether, and for whom, a release works."""

    sequence_number: int
    vendor_id: str | None
    class_id: str | None
    """UUIDs in their usual text form; the first ones where it names several."""
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
    try:
        envelope = read_envelope(data)
    except Truncated as error:
        raise InvalidManifest(
            f"The manifest is a SUIT envelope that is damaged or incomplete: {error}. Copy or upload the whole file again."
        ) from None
    except Malformed as error:
        raise _unreadable(error) from None
    if envelope is None:
        return None
    try:
        return _read(envelope)
    except Malformed as error:
        raise _unreadable(error) from None


def _unreadable(error: Malformed) -> InvalidManifest:
    return InvalidManifest(
        f"The manifest is a SUIT envelope that cannot be read: {error}."
        " Build it again, as draft-09 (as RIOT does) or the current draft has it."
    )


def _read(envelope: Envelope) -> Manifest:
    manifest = _map(envelope.manifest, "the manifest")
    if (version := number(manifest.get(_VERSION, 1), "its version")) != 1:
        raise Malformed(f"its version is {version}, and not 1")
    common = _map(manifest.get(_COMMON), "the manifest's common section (member 3)")
    components = _components(common.get(_COMPONENTS, []))
    interpreter = Interpreter(len(components), _ENCRYPTING[envelope.dialect])
    shared = interpreter.begin()
    if _SHARED_SEQUENCE in common:
        shared = interpreter.run(common[_SHARED_SEQUENCE], shared)
    sequences = [s for key in _SEQUENCES if (s := _sequence(key, manifest, envelope.members)) is not None]
    ends = [end for sequence in sequences for end in interpreter.run(sequence, shared)]
    return Manifest(
        sequence_number=number(manifest.get(_SEQUENCE_NUMBER), "the sequence number"),
        vendor_id=next((told.vendor_id for end in (*shared, *ends) for told in end.told if told.vendor_id), None),
        class_id=next((told.class_id for end in (*shared, *ends) for told in end.told if told.class_id), None),
        images=claims_of((*ends, *shared)),
        dialect=envelope.dialect,
        components=components,
        signatures=envelope.signatures,
        digest_fits=envelope.digest_fits,
        encrypted=interpreter.encrypted,
    )


def _map(data: Any, what: str) -> Mapping[Key, Any]:
    """The map in a byte string."""
    value = decode(data, what) if isinstance(data, bytes) else data
    if not isinstance(data, bytes) or not isinstance(value, dict):
        raise Malformed(f"{what} is {describe(value)}, and not a map in a byte string")
    return value


def _components(value: Any) -> tuple[str, ...]:
    """Their identifiers as text."""
    if not isinstance(value, list) or len(value) > MAX_COMPONENTS:
        raise Malformed(f"the list of components is {describe(value)}, and not an array of {MAX_COMPONENTS} at most")
    for identifier in value:
        if not isinstance(identifier, list) or not all(isinstance(segment, bytes) for segment in identifier):
            raise Malformed(f"a component's identifier is {describe(identifier)}, and not an array of byte strings")
    return tuple("/".join(segment.hex() for segment in identifier) for identifier in value)


def _sequence(key: int, manifest: Mapping[Key, Any], members: Mapping[Key, Any]) -> Any:
    """One of the command sequences; a severed one from the envelope, where the manifest has but its digest."""
    sequence = manifest.get(key)
    if not is_digest(sequence):
        return sequence
    if key not in members:
        raise Malformed(f"its member {key} was severed, and the envelope does not hold it, so that no device could carry it out")
    severed = members[key]
    digest = read_digest(sequence, f"the digest of the severed member {key}")
    if not isinstance(severed, bytes) or not digest.fits_wrapped_or_bare(severed):
        raise Malformed(f"the envelope's severed member {key} does not hash to the digest that the manifest has of it")
    return severed
