"""Do these files fit together? What a manifest claims, held against the images and against what the server knows.

The rules are in common/checks; this composes them, and is what others import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.checks import addresses, headers, images, manifests, roles
from common.checks.addresses import uri_claimed, uri_kept, uri_shared
from common.checks.codes import error
from common.checks.facts import SLOTS, FileFacts, Files, ServerFacts
from common.checks.manifests import sequence_not_newer
from common.checks.placing import Placed, claims_by_role, place
from common.checks.uris import served_path
from common.errors import InvalidManifest
from common.finding import Finding, Role, Severity, worst_first
from common.manifest import Manifest
from common.manifest import parse as parse_manifest
from common.signature import Keys, SignatureState, state_of

__all__ = [
    "SLOTS",
    "Check",
    "FileFacts",
    "Files",
    "ServerFacts",
    "check",
    "claims_by_role",
    "sequence_not_newer",
    "served_path",
    "uri_claimed",
    "uri_kept",
    "uri_shared",
]


@dataclass(frozen=True, slots=True)
class Check:
    """What was read and what was found, the worst first."""

    manifest: Manifest | None
    """None where it is opaque, missing or unreadable."""
    findings: tuple[Finding, ...]
    missing: tuple[Role, ...] = ()
    """Images that the manifest names and that are not there."""
    signature: SignatureState = SignatureState.ABSENT

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that block a release."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


def check(files: Files, facts: ServerFacts | None = None, keys: Keys | None = None) -> Check:
    """Everything that can be said of these files. Pure; raises nothing.

    Without `facts` nothing is said that only a server knows; without `keys` (None: none are trusted) signatures are not checked.
    """
    facts = facts or ServerFacts()
    manifest, findings = _read(files, facts)
    state = state_of(manifest, keys)
    given = [role for role in SLOTS if role in files.images]
    mixed_up = roles.images_that_are_manifests(files, manifest)
    unread = [Placed(role, role, files.images[role], None) for role in given if not files.images[role].sha256]
    left_out = mixed_up.keys() | {p.role for p in unread}
    placed = place({role: files.images[role] for role in given if role not in left_out}, manifest)
    missing = tuple(role for role in claims_by_role(manifest) if role not in left_out and role not in {p.slot for p in placed})
    findings += mixed_up.values()
    if not given:
        findings.append(error("no-image", "There is no image: a release has a slot0 or a slot1 file with its manifest. Add it."))
    if manifest is not None:
        findings += manifests.signature(manifest, state, files.manifest_name, keys is not None)
        findings += _held_against(manifest, placed, missing if given else ())
    findings += images.same_twice(placed, manifest)
    findings += headers.check(placed, manifest)
    findings += images.too_big((*placed, *unread), facts.max_image_size)
    if manifest is not None:
        findings += addresses.too_long(manifest)
        findings += addresses.not_served(manifest, facts)
        findings += addresses.claimed(placed, facts.holders)
        findings += manifests.sequence(manifest, facts.newest)
    return Check(manifest, worst_first(findings), missing, state)


def _read(files: Files, facts: ServerFacts) -> tuple[Manifest | None, list[Finding]]:
    """The manifest, unless it is opaque or none, and what there is to say of it alone."""
    data, name = files.manifest, files.manifest_name
    if data is None:
        return None, [error("no-manifest", "There is no manifest: a release has one, and at least one image beside it. Add it.")]
    mixed_up = roles.manifest_is_an_image(files)
    if mixed_up is not None:
        return None, [mixed_up]
    try:
        manifest = parse_manifest(data)
    except InvalidManifest as reason:
        return None, [manifests.unreadable(str(reason), name)]
    about = [manifests.opaque(name)] if manifest is None else manifests.content(manifest, len(data), name)
    return manifest, [*about, *addresses.own_url_too_long(facts)]


def _held_against(manifest: Manifest, placed: Sequence[Placed], missing: Sequence[Role]) -> list[Finding]:
    """What the manifest claims of the images, held against them; where they are swapped, that is all there is to say."""
    if any(p.swapped for p in placed):
        return images.swapped(placed)
    findings = images.missing(missing, manifest)
    if not manifest.encrypted:
        findings += images.mismatches(placed) + images.not_checked(placed)
    return findings + images.not_named(placed, manifest)
