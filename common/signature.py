"""How far a manifest's signature can be trusted."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from common.manifest import Manifest, Signature


class SignatureState(StrEnum):
    """valid: a trusted key made it. unverified: there are no trusted keys. invalid: there are, and none fits."""

    VALID = "valid"
    UNVERIFIED = "unverified"
    ABSENT = "absent"
    INVALID = "invalid"

    @property
    def rank(self) -> int:
        """Higher is better."""
        return (SignatureState.INVALID, SignatureState.ABSENT, SignatureState.UNVERIFIED, SignatureState.VALID).index(self)


class Keys(Protocol):
    """The public keys that are trusted."""

    def fits(self, signature: Signature) -> bool:
        """Whether one of the keys made this signature over its payload."""


def state_of(manifest: Manifest | None, keys: Keys | None) -> SignatureState:
    """The state of a manifest's signatures; of an opaque one (None), none can be read.

    `keys` is None where no key is trusted.
    """
    if manifest is None or not manifest.signatures:
        return SignatureState.ABSENT
    if manifest.digest_fits is False:
        return SignatureState.INVALID
    if keys is None:
        return SignatureState.UNVERIFIED
    return SignatureState.VALID if any(keys.fits(s) for s in manifest.signatures) else SignatureState.INVALID
