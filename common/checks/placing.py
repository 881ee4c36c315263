"""Which image goes to which slot: what the manifest claims, and what was given for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.checks.facts import SLOTS, FileFacts, label
from common.finding import Role
from common.manifest import ImageClaim, Manifest


@dataclass(frozen=True, slots=True)
class Placed:
    """One image beside the slot that it is for, which is not the one as which it was given where the two are swapped."""

    slot: Role
    """The one whose claim it fits, else the one as which it was given."""
    role: Role
    """As which it was given."""
    file: FileFacts
    claim: ImageClaim | None
    """What the manifest says of `slot`; None where it says nothing."""

    @property
    def label(self) -> str:
        """How a message names it."""
        return label(self.role, self.file.name)

    @property
    def swapped(self) -> bool:
        """Whether it was given for the wrong slot."""
        return self.slot is not self.role


def claims_by_role(manifest: Manifest | None) -> Mapping[Role, ImageClaim]:
    """The first two images that the manifest names, by the slot that they are for; none of an opaque one."""
    return dict(zip(SLOTS, manifest.images, strict=False)) if manifest is not None else {}


def place(images: Mapping[Role, FileFacts], manifest: Manifest | None) -> tuple[Placed, ...]:
    """Each image beside its slot, in the order of the slots.

    Images are swapped when at least one is, by its SHA-256, what the manifest names for the other slot, and none what it
    names for its own. Of encrypted images that cannot be told.
    """
    claims = claims_by_role(manifest)
    swapped = manifest is not None and not manifest.encrypted and _swapped(images, claims)
    placed = [
        Placed(slot, role, images[role], claims.get(slot))
        for slot in SLOTS
        for role in ([r for r in SLOTS if r is not slot] if swapped else [slot])
        if role in images
    ]
    return tuple(placed)


def is_claimed(file: FileFacts, claim: ImageClaim | None) -> bool:
    """Whether this is, by its SHA-256, the image that is claimed."""
    return claim is not None and claim.sha256 is not None and claim.sha256 == file.sha256


def are_same(placed: Sequence[Placed]) -> bool:
    """Whether there are two images and they are the same bytes."""
    return len(placed) == len(SLOTS) and placed[0].file.sha256 == placed[1].file.sha256


def _swapped(images: Mapping[Role, FileFacts], claims: Mapping[Role, ImageClaim]) -> bool:
    if len({image.sha256 for image in images.values()}) < len(images):
        return False
    other = dict(zip(SLOTS, reversed(SLOTS), strict=True))
    crossed = any(is_claimed(image, claims.get(other[role])) for role, image in images.items())
    return crossed and not any(is_claimed(image, claims.get(role)) for role, image in images.items())
