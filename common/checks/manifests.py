"""The manifest by itself: what it is, who signed it, whether it is newer, whether a device takes it."""

from __future__ import annotations

from collections.abc import Mapping

from common.checks.codes import error, info, warning
from common.checks.facts import SLOTS, label, short
from common.finding import Finding, Role
from common.manifest import Manifest
from common.manifest import Signature as Found
from common.release import Kind
from common.signature import SignatureState

_MAX_BYTES = 640
"""What a RIOT device takes."""
_SIGN = "Build and sign it again (RIOT: make suit/publish)."


def opaque(name: str) -> Finding:
    """`name` is the manifest's file name, "" where it is that of its role; so in all of this module."""
    text = f"The {label(Role.MANIFEST, name)} is no SUIT envelope that is read here."
    text += " It is served as it is, and no image can be held against it"
    return info("not-suit", f"{text}: whether they belong together is for you to know.", Role.MANIFEST)


def unreadable(why: str, name: str) -> Finding:
    """`why` is InvalidManifest's sentences, which also tell what to do."""
    file = f" (The file is {short(name)}.)" if name and name != Role.MANIFEST else ""
    return error("unreadable-manifest", f"{why}{file}", Role.MANIFEST)


def content(manifest: Manifest, size: int, name: str) -> list[Finding]:
    """What its content and its size in bytes mean for devices and for the checks."""
    findings = []
    file = f"The {label(Role.MANIFEST, name)}"
    if size > _MAX_BYTES:
        text = f"{file} has {size} bytes, and a RIOT device takes {_MAX_BYTES} at most."
        advice = "Build it with a shorter SUIT_COAP_ROOT, or the devices' firmware with a larger buffer."
        findings.append(warning("manifest-too-big", f"{text} {advice}", Role.MANIFEST))
    if len(manifest.images) > len(SLOTS):
        text = f"{file} names {len(manifest.images)} images, and a release has {len(SLOTS)} at most"
        advice = (
            "the first two are taken for slot0 and slot1. Put the others into the firmware folder, where their URIs ask for them."
        )
        findings.append(warning("more-images", f"{text}: {advice}", Role.MANIFEST))
    if manifest.encrypted:
        text = f"{file} says that its images are encrypted or compressed, so that digests and sizes are not those of the files"
        findings.append(info("encrypted", f"{text}. Only a device can tell whether they fit.", Role.MANIFEST))
    return findings


def signature(manifest: Manifest, state: SignatureState, name: str, trusting: bool) -> list[Finding]:
    """What there is to say of its signatures, which can be trusted as far as `state` says; `trusting`: keys are trusted."""
    file = label(Role.MANIFEST, name)
    findings = []
    if manifest.digest_fits is False:
        text = f"The {file} was changed after it was made: the digest beside its signature is not that of its content"
        text += ". A device refuses it with -6 (signature) on its serial console"
        findings.append(error("manifest-digest-mismatch", f"{text}. {_SIGN}", Role.MANIFEST))
    if trusting and state is SignatureState.INVALID:
        changed = manifest.digest_fits is False
        what = "signed this content: the signature is for another one, in" if changed else "made the signature of"
        text = f"No trusted key {what} the {file} ({_signers(manifest)})"
        text += ". A device that trusts the same keys refuses it with -6 (signature) on its serial console"
        advice = "Sign it with a trusted key, or add its public key to those of --trust-keys."
        findings.append(error("signature-invalid", f"{text}. {advice}", Role.MANIFEST))
    if state is SignatureState.ABSENT:
        text = f"The {file} is not signed: a RIOT device refuses it with -6 (signature) on its serial console"
        findings.append(warning("signature-absent", f"{text}. {_SIGN}", Role.MANIFEST))
    elif state is SignatureState.UNVERIFIED:
        text = f"The {file} is signed ({_signers(manifest)}), and whether by the right key was not checked: no keys are trusted"
        findings.append(info("signature-unverified", f"{text}. Name a folder of public keys with --trust-keys.", Role.MANIFEST))
    return findings


def _signers(manifest: Manifest) -> str:
    return "; ".join(_signer(found) for found in manifest.signatures)


def _signer(found: Found) -> str:
    return f"{found.algorithm or 'no algorithm'}, {'no key id' if found.key_id is None else f'key id {short(found.key_id)}'}"


def sequence(manifest: Manifest, newest: Mapping[Kind, tuple[str, int]]) -> list[Finding]:
    """Whether it is newer than the newest for its vendor and class; the shape of `newest` is ServerFacts'."""
    publish_id, number = newest.get((manifest.vendor_id, manifest.class_id), ("", -1))
    return [sequence_not_newer(manifest.sequence_number, publish_id, number)] if manifest.sequence_number <= number else []


def sequence_not_newer(number: int, other_id: str, other_number: int) -> Finding:
    """What to say of a manifest with `number` beside the release `other_id` with `other_number`, which is not lower."""
    has = "the same" if number == other_number else f"{other_number}, which is higher"
    return warning(
        "sequence-not-newer",
        f"The manifest has sequence number {number}, and the release {short(other_id)} for the same vendor and class has {has}:"
        " a device that runs that one refuses this one with -5 on its serial console."
        " Build it again with a higher APP_VER (or EPOCH).",
        Role.MANIFEST,
    )
