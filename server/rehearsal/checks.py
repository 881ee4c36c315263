"""What a device checks before it installs, in RIOT's order and with RIOT's numbers (sys/include/suit.h, sys/suit)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from common import riotboot
from common.boards import RIOT, class_id
from common.claims import ImageClaim
from common.errors import InvalidManifest
from common.manifest import Manifest, Signature, parse

MANIFEST_BYTES = 640
"""SUIT_MANIFEST_BUFSIZE."""
INVALID, CONDITION, SEQUENCE, SIGNATURE, DIGEST, MEMORY = -1, -4, -5, -6, -7, -9
VENDOR_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, RIOT))


class Unfit(Exception):
    """The device does not take it. `number` is the one on its serial console; `why` is what it would say, had it the room."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"{why} ({number})")
        self.number = number
        self.why = why


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a device accepts."""

    board: str
    offset: int
    """Of the slot that the update goes to, in bytes."""
    above: int
    """The sequence number must be higher."""
    trusts: Callable[[Signature], bool] | None = None
    """Whether its key made a signature; None takes any, as a device whose key is not known here."""


def check_manifest(data: bytes, wanted: Wanted) -> tuple[Manifest, ImageClaim]:
    """The manifest and the image in it that is for this device; Unfit where there is none."""
    if len(data) > MANIFEST_BYTES:
        raise Unfit(INVALID, f"the manifest is over {MANIFEST_BYTES} bytes")
    try:
        manifest = parse(data)
    except InvalidManifest:
        manifest = None
    if manifest is None:
        raise Unfit(INVALID, "the manifest cannot be read")
    if not manifest.signatures or manifest.digest_fits is False:
        raise Unfit(SIGNATURE, "the manifest is not signed, or was changed after it was")
    if wanted.trusts is not None and not any(wanted.trusts(signature) for signature in manifest.signatures):
        raise Unfit(SIGNATURE, "the device's key did not sign the manifest")
    if manifest.sequence_number <= wanted.above:
        raise Unfit(SEQUENCE, f"sequence number {manifest.sequence_number} is not higher than {wanted.above}")
    if manifest.vendor_id != VENDOR_ID:
        raise Unfit(CONDITION, "the vendor id is another one")
    if manifest.class_id != class_id(wanted.board):
        raise Unfit(CONDITION, f"the class id is not that of {wanted.board}")
    image = next((image for image in manifest.images if image.offset in (None, wanted.offset)), None)
    if image is None:
        raise Unfit(CONDITION, f"no image goes to offset {wanted.offset:#x}")
    if image.uri is None or image.size is None or image.sha256 is None:
        raise Unfit(INVALID, "an image has no URI, size or SHA-256 digest")
    return manifest, image


def check_image(data: bytes, manifest: Manifest, image: ImageClaim) -> None:
    """Unfit where these bytes are not the image, or would not be started with this manifest."""
    if len(data) != image.size:
        raise Unfit(INVALID, f"the image has {len(data)} bytes, and {image.size} were told")
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise Unfit(DIGEST, "the image's digest is another one")
    header = riotboot.parse(data[: riotboot.HEADER_BYTES])
    if header is None or not header.intact:
        raise Unfit(DIGEST, "the image has no valid slot header")
    if header.version != manifest.sequence_number:
        raise Unfit(DIGEST, f"the slot header's version {header.version} is not the sequence number")
