"""What a manifest says of each image, put together from all the ways through its command sequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.sequences import Branch, Told


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


def claims_of(ends: Iterable[Branch]) -> tuple[ImageClaim, ...]:
    """The union of what is told at the ends, by component and offset; where two differ on the same image, the earlier one holds.

    No claims are: a component without a URI where others have one (it is copied or loaded from them); a payload that lies
    in the envelope (its URI is `#` and a name); and what is told before a slot is known, once a slot is told to get just that.
    """
    images: dict[tuple[int, int | None], Told] = {}
    for end in ends:
        for component, told in enumerate(end.told):
            place = (component, told.slot)
            images[place] = _filled(images[place], told) if place in images else told
    fetched = {component for (component, _), told in images.items() if told.uri is not None}
    slotted = {(c, told.digest, told.size) for (c, slot), told in images.items() if told.uri is not None and slot is not None}

    def is_claim(component: int, told: Told) -> bool:
        if told.uri is not None:
            return not told.uri.startswith("#")
        if told.slot is None and (component, told.digest, told.size) in slotted:
            return False
        return (told.digest is not None or told.size is not None) and (component in fetched or not fetched)

    claims = [_claim(component, told) for (component, _), told in images.items() if is_claim(component, told)]
    return tuple(sorted(claims, key=lambda claim: (claim.component, -1 if claim.offset is None else claim.offset)))


def _filled(told: Told, other: Told) -> Told:
    return Told(
        digest=told.digest or other.digest,
        slot=told.slot,
        size=other.size if told.size is None else told.size,
        uri=other.uri if told.uri is None else told.uri,
    )


def _claim(component: int, told: Told) -> ImageClaim:
    digest = told.digest
    return ImageClaim(
        told.slot, digest.sha256 if digest else None, told.size, told.uri, digest.algorithm if digest else None, component
    )
