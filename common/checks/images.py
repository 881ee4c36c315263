"""The images as a whole: is each there that the manifest names, is it that one, and does the server take it?"""

from __future__ import annotations

from collections.abc import Sequence

from common.checks.codes import error, info, warning
from common.checks.facts import SLOTS
from common.checks.placing import Placed, are_same, claims_by_role, is_claimed
from common.finding import Finding, Role
from common.manifest import ImageClaim, Manifest

_CONSOLE = "with -1 (size) or -7 (digest) on its serial console"
_AGAIN = "Build manifest and images again, together (RIOT: make suit/publish), and publish them again."


def too_big(placed: Sequence[Placed], limit: int | None) -> list[Finding]:
    """Images over the server's limit in bytes."""
    return [
        error(
            "image-too-big",
            f"{p.label} has {p.file.size} bytes, and this server takes {limit} at most."
            " If devices have room for it, start the server with a higher --max-image-size.",
            p.role,
        )
        for p in placed
        if limit is not None and p.file.size > limit
    ]


def missing(roles: Sequence[Role], manifest: Manifest) -> list[Finding]:
    """What to say of images that the manifest names and that are not there."""
    claims = claims_by_role(manifest)
    sizes = {role: "" if (size := claims[role].size) is None else f" of {size} bytes" for role in roles}
    return [
        error(
            "image-missing",
            f"The manifest names an image{sizes[role]} for {role}, and there is no {role} file: a device that has to write"
            f" {role} finds nothing to fetch. Add the {role} file of the same build.",
            role,
        )
        for role in roles
    ]


def not_named(placed: Sequence[Placed], manifest: Manifest) -> list[Finding]:
    """Images of which the manifest says nothing. `placed` are not swapped."""
    names = "names only one image, slot0's" if claims_by_role(manifest) else "names no image"
    return [
        warning(
            "image-not-named",
            f"The manifest {names}, so no device asks for {p.label}."
            " Leave it out, or build a manifest that names it and publish that.",
            p.role,
        )
        for p in placed
        if p.claim is None
    ]


def same_twice(placed: Sequence[Placed], manifest: Manifest | None) -> list[Finding]:
    """What to say where slot0 and slot1 are one and the same file. `manifest` is None where it is opaque."""
    if not are_same(placed):
        return []
    first, second = placed
    text = f"{first.label} and {second.label} are the same file (SHA-256 {first.file.sha256[:12]}…)"
    if manifest is None:
        advice = "If devices have two slots, give each the image that was built for it; if they have one, leave the other out."
        return [warning("same-image-twice", f"{text}, and most images run only in the slot for which they were built. {advice}")]
    text += ", and an image runs only in the slot for which it was built"
    strays = [p for p in placed if not is_claimed(p.file, p.claim)]
    if len(strays) == 1:
        [stray] = strays
        other = first if stray is second else second
        text += f". It is {other.slot}'s: a device that writes {stray.slot} refuses it {_CONSOLE}"
        return [error("same-image-twice", f"{text}. Give as {stray.slot} the {stray.slot} file of the same build.", stray.role)]
    return [error("same-image-twice", f"{text}. Give each slot the file that was built for it.")]


def swapped(placed: Sequence[Placed]) -> list[Finding]:
    """What to say, once for both, of images that stand in each other's place. `placed` are swapped."""
    crossed = sorted((p for p in placed if is_claimed(p.file, p.claim)), key=lambda p: p.role)
    first = crossed[0]
    text = f"{first.label} is the image that the manifest names for {first.slot}"
    if len(crossed) == len(SLOTS):
        second = crossed[1]
        text = f"The slots are swapped: {text}, and {second.label} the one for {second.slot}."
        return [error("slots-swapped", f"{text} A device refuses either {_CONSOLE}. Exchange the two files.")]
    others = [p for p in placed if p is not first]
    text += f", and {others[0].label} is not the one for {others[0].slot}" if others else ""
    advice = f"Give it as {first.slot}, and as {first.role} the {first.role} file of the same build."
    return [error("slots-swapped", f"{text}: a device refuses it {_CONSOLE}. {advice}", first.role)]


def mismatches(placed: Sequence[Placed]) -> list[Finding]:
    """Images that are not what the manifest says of their slots. `placed` are not swapped."""
    if are_same(placed) and any(is_claimed(p.file, p.claim) for p in placed):
        return []
    claimed = [(p, p.claim) for p in placed if p.claim is not None]
    wrong = [(p, found) for p, claim in claimed if (found := _mismatch(p, claim)) is not None]
    return [
        error(code, f"{text} on its serial console. {_reason(p, len(wrong), len(claimed))} {_AGAIN}", p.role)
        for p, (code, text) in wrong
    ]


def _mismatch(placed: Placed, claim: ImageClaim) -> tuple[str, str] | None:
    """The code, and the first half of the sentence; None where the image is the one that is claimed."""
    size, sha256 = placed.file.size, placed.file.sha256
    if claim.size not in (None, size):
        text = f"{placed.label} has {size} bytes, and the manifest says {claim.size}"
        return "size-mismatch", f"{text}: a device refuses it with -1 (truncated or oversized image)"
    if claim.sha256 is not None and claim.sha256 != sha256:
        text = f"{placed.label} has the SHA-256 {sha256[:12]}…, and the manifest says {claim.sha256[:12]}…"
        return "digest-mismatch", f"{text}: a device refuses it with -7 (digest mismatch)"
    return None


def _reason(placed: Placed, wrong: int, claimed: int) -> str:
    if claimed == 1:
        return "Manifest and image are not of the same build, or the image is damaged."
    if wrong == claimed:
        return "Neither image is the manifest's, so the manifest is likely of another build."
    return f"The other image is the manifest's, so {placed.role} is likely of another build, or damaged."


def not_checked(placed: Sequence[Placed]) -> list[Finding]:
    """Images whose bytes cannot be held against the manifest, since it has no SHA-256 of them."""
    return [
        info(
            "digest-not-checked",
            f"The manifest has {_other_digest(p.claim)} for {p.label}, and here"
            " only SHA-256 is checked: whether this is the image that it means is for you to know.",
            p.role,
        )
        for p in placed
        if p.claim is not None and p.claim.sha256 is None
    ]


def _other_digest(claim: ImageClaim) -> str:
    return f"a digest of another algorithm ({claim.algorithm})" if claim.algorithm else "no digest"
