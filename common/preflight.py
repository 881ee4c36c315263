"""Do these files fit together? What a manifest claims, held against the images and against what the server knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.errors import InvalidManifest
from common.finding import Finding, Role, Severity
from common.manifest import ImageClaim, Manifest
from common.manifest import parse as parse_manifest
from common.release import Kind
from common.signature import Keys, SignatureState, state_of

SLOTS: tuple[Role, ...] = (Role.SLOT0, Role.SLOT1)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a check needs to know of an image."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
    head: bytes = b""
    """Its first 16 bytes (riotboot.HEADER_BYTES), fewer where the file is shorter."""
    name: str = ""
    """The file's name, for people; "" where it is that of its role."""


@dataclass(frozen=True, slots=True)
class Files:
    """One release's files, before anybody decided anything about them."""

    manifest: bytes | None
    images: Mapping[Role, FileFacts]
    manifest_name: str = ""
    """The file's name, for people; "" where it is that of its role."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What only a server knows. What is None or empty is not checked."""

    max_image_size: int | None = None
    """Bytes."""
    hosts: frozenset[str] | None = None
    """The addresses at which devices reach the server, without brackets and zones."""
    port: int = 5683
    """The UDP port for devices."""
    host: str = ""
    """The one of `hosts` that a manifest had best name."""
    newest: Mapping[Kind, tuple[str, int]] = field(default_factory=dict)
    """Vendor and class -> publish id and sequence number of the newest ready release, but for the one that is checked."""
    holders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """CoAP path (no leading slash) -> who is served there (a publish id, or a file's path) and the SHA-256 of what is."""
    publish_id: str = ""
    """Of the release that is checked, where it is known."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was read and what was found, errors first."""

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


def check(files: Files, facts: ServerFacts | None = None, keys: Keys | None = None) -> Check:  # noqa: ARG001
    """Hold the manifest's claims against the images. Pure; an opaque manifest claims nothing."""
    manifest, images = files.manifest, files.images
    if manifest is None:
        return Check(None, (_error("no-manifest", "There is no manifest file; a release has one, and at least one image."),))
    try:
        read = parse_manifest(manifest)
    except InvalidManifest as error:
        return Check(None, (_error("unreadable-manifest", str(error), Role.MANIFEST),))
    if not images:
        return Check(read, (_error("no-image", "There is no image: a release has a slot0 or a slot1 file beside its manifest."),))
    if read is None:
        return Check(None, ())
    claims = dict(zip(SLOTS, read.images, strict=False)) if len(read.images) <= len(SLOTS) else {}
    findings = [f for role, claim in claims.items() if role in images for f in _compare(role, claim, images[role])]
    missing = tuple(role for role in claims if role not in images)
    findings += [
        Finding(
            Severity.WARNING,
            "image-missing",
            f"The manifest names an image for {role}, and there is no {role} file:"
            f" a device that has to write {role} will find nothing to fetch.",
            role,
        )
        for role in missing
    ]
    return Check(read, tuple(findings), missing, state_of(read, keys))


def _compare(role: Role, claim: ImageClaim, image: FileFacts) -> list[Finding]:
    if claim.size is not None and claim.size != image.size:
        text = f"{role} has {image.size} bytes, and the manifest says {claim.size}"
        code = "size-mismatch"
    elif claim.sha256 is not None and claim.sha256 != image.sha256:
        text = f"{role} has the SHA-256 {image.sha256[:12]}…, and the manifest says {claim.sha256[:12]}…"
        code = "digest-mismatch"
    else:
        return []
    return [_error(code, f"{text}: manifest and image are not of the same build. Build both again, together.", role)]


def _error(code: str, message: str, file: Role | None = None) -> Finding:
    return Finding(Severity.ERROR, code, message, file)
