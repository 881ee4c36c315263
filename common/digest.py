"""A SUIT_Digest: which algorithm, which value, and whether bytes hash to it (draft-ietf-suit-manifest, SUIT_Digest)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from common.cbor import Malformed, byte_string, decode, describe

SHA256 = "sha-256"
_NAMES = {2: SHA256, -16: SHA256, -43: "sha-384", -44: "sha-512"}
"""2 is draft-09's number, the others are COSE's (RFC 9054)."""
_HASHES = {SHA256: hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Digest:
    """What some bytes are said to hash to."""

    algorithm: str
    """"sha-256", "sha-384", "sha-512", or the number of one that is not known here as text."""
    value: bytes

    @property
    def known(self) -> bool:
        """Whether anything can be held against it."""
        return self.algorithm in _HASHES

    @property
    def sha256(self) -> str | None:
        """Lower-case hex; None where it is of another algorithm."""
        return self.value.hex() if self.algorithm == SHA256 else None

    def fits(self, data: bytes) -> bool:
        """Whether the bytes hash to it; False where the algorithm is not known."""
        return self.known and _HASHES[self.algorithm](data).digest() == self.value

    def fits_wrapped_or_bare(self, content: bytes) -> bool:
        """Whether it is that of the content, or of the content as a CBOR byte string: both are in use for severed members."""
        return self.fits(byte_string(content)) or self.fits(content)


def is_digest(value: Any) -> bool:
    """Whether a decoded item has a digest's shape: [algorithm, bytes], with or without extensions."""
    return isinstance(value, list) and len(value) >= 2 and type(value[0]) is int and isinstance(value[1], bytes)


def read_digest(value: Any, what: str) -> Digest:
    """A digest from its decoded array or from the byte string around it; Malformed where it is none, or of a wrong length."""
    if isinstance(value, bytes):
        value = decode(value, what)
    if not is_digest(value):
        raise Malformed(f"{what} is {describe(value)}, and not an array of an algorithm's number and a hash")
    digest = Digest(_NAMES.get(value[0], str(value[0])), value[1])
    if digest.known and len(digest.value) != (size := _HASHES[digest.algorithm]().digest_size):
        raise Malformed(f"{what} is a {digest.algorithm} of {len(digest.value)} bytes, and not of {size}")
    return digest
