"""What a check says of files to whoever asked: the findings, and what stands in the manifest. The JSON shape `check`.

`Checked.to_json` and `Checked.from_json` are inverses; unknown keys are ignored, and words that a newer server may add
(a dialect, a signature's state) stay text, so that an older client reads a newer server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common.finding import Finding, Role, Severity, worst_first
from common.preflight import SLOTS, Check


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """What the manifest says of one image."""

    role: Role | None
    """None of those beyond the slots that there are."""
    offset: int | None
    """Bytes from the start of the flash."""
    algorithm: str | None
    """The digest's: "sha-256", or another one's name or number."""
    sha256: str | None
    size: int | None
    """Bytes."""
    uri: str | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckedImage:
        """The inverse of `dataclasses.asdict`."""
        return cls(
            role=Role(data["role"]) if data["role"] else None,
            offset=_number(data["offset"]),
            algorithm=data["algorithm"],
            sha256=data["sha256"],
            size=_number(data["size"]),
            uri=data["uri"],
        )


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """Who signed, as the signature itself says."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class CheckedManifest:
    """What the manifest says, as text and numbers."""

    dialect: str
    """"draft-09" or "current"."""
    sequence_number: int
    vendor_id: str | None
    class_id: str | None
    board: str | None
    """The name behind the class id, where whoever checked knows it."""
    components: tuple[str, ...]
    signature: str
    """"valid", "unverified", "invalid" or "absent"."""
    signatures: tuple[CheckedSignature, ...]
    encrypted: bool
    images: tuple[CheckedImage, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a check's manifest."""
        lists = {"components": list(self.components), "signatures": [asdict(s) for s in self.signatures]}
        return {**asdict(self), **lists, "images": [asdict(i) for i in self.images]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckedManifest:
        """The inverse of `to_json`. Raises KeyError, ValueError or TypeError for anything else."""
        return cls(
            dialect=data["dialect"],
            sequence_number=int(data["sequence_number"]),
            vendor_id=data["vendor_id"],
            class_id=data["class_id"],
            board=data["board"],
            components=tuple(data["components"]),
            signature=data["signature"],
            signatures=tuple(CheckedSignature(s["algorithm"], s["key_id"]) for s in data["signatures"]),
            encrypted=bool(data["encrypted"]),
            images=tuple(map(CheckedImage.from_json, data["images"])),
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check; nothing was published."""

    findings: tuple[Finding, ...]
    """Worst first."""
    manifest: CheckedManifest | None
    """None where it is missing, unreadable or no SUIT manifest."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that block a release."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @classmethod
    def of(cls, check: Check, board_of: Callable[[str], str | None]) -> Checked:
        """The outcome in words; `board_of` gives the name that belongs to a class id, or None."""
        manifest = check.manifest
        if manifest is None:
            return cls(check.findings, None)
        return cls(
            check.findings,
            CheckedManifest(
                dialect=manifest.dialect.value,
                sequence_number=manifest.sequence_number,
                vendor_id=manifest.vendor_id,
                class_id=manifest.class_id,
                board=board_of(manifest.class_id) if manifest.class_id else None,
                components=manifest.components,
                signature=check.signature.value,
                signatures=tuple(CheckedSignature(s.algorithm, s.key_id) for s in manifest.signatures),
                encrypted=manifest.encrypted,
                images=tuple(
                    CheckedImage(
                        SLOTS[n] if n < len(SLOTS) else None, claim.offset, claim.algorithm, claim.sha256, claim.size, claim.uri
                    )
                    for n, claim in enumerate(manifest.images)
                ),
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a check."""
        return {
            "findings": [finding.to_json() for finding in self.findings],
            "manifest": self.manifest.to_json() if self.manifest else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Checked:
        """The inverse of `to_json`. Raises KeyError, ValueError or TypeError for anything else."""
        manifest = data["manifest"]
        findings = worst_first(map(Finding.from_json, data["findings"]))
        return cls(findings, CheckedManifest.from_json(manifest) if manifest is not None else None)


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
