"""Files that were mixed up: an image given as the manifest, a manifest given as an image."""

from __future__ import annotations

from common.checks.codes import error
from common.checks.facts import SLOTS, Files, label
from common.checks.placing import claims_by_role, is_claimed
from common.finding import Finding, Role
from common.manifest import Manifest
from common.riotboot import HEADER_BYTES
from common.riotboot import parse as parse_header

_ENVELOPES = (b"\xd8\x6b", b"\xa1\x02", b"\xa2\x02", b"\xa3\x02")
"""How a SUIT envelope begins: tag 107, or a map whose first key is that of the authentication block."""


def manifest_is_an_image(files: Files) -> Finding | None:
    """What to say where the manifest file begins with RIOT's slot header."""
    if files.manifest is None or parse_header(files.manifest[:HEADER_BYTES]) is None:
        return None
    return error(
        "wrong-role",
        f"The {label(Role.MANIFEST, files.manifest_name)} begins with a RIOT slot header, so it is an image. Give it as the"
        " slot for which it was built, and the manifest (RIOT: riot.suit.<version>.bin) as the manifest.",
        Role.MANIFEST,
    )


def images_that_are_manifests(files: Files, manifest: Manifest | None) -> dict[Role, Finding]:
    """What to say of each slot whose file begins as a SUIT envelope, but for one that is just what the manifest names."""
    claims = claims_by_role(manifest)
    mixed_up = {}
    for role in SLOTS:
        image = files.images.get(role)
        if image is not None and image.head.startswith(_ENVELOPES) and not is_claimed(image, claims.get(role)):
            mixed_up[role] = error(
                "wrong-role",
                f"{label(role, image.name)} begins as a SUIT envelope, so it is a manifest. Give it as the manifest, and as"
                f" {role} the image that was built for {role}.",
                role,
            )
    return mixed_up
