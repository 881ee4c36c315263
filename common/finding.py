"""What a check says of a release, and of which of its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a file is in its release."""

    MANIFEST = "manifest"
    SLOT0 = "slot0"
    SLOT1 = "slot1"


class Severity(StrEnum):
    """An error blocks, a warning asks, an info tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of a release: a stable code for programs, a sentence for people."""

    severity: Severity
    code: str
    message: str
    file: Role | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a finding."""
        return {"severity": self.severity.value, "code": self.code, "message": self.message, "file": self.file}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of `to_json`."""
        file = data.get("file")
        return cls(Severity(data["severity"]), data["code"], data["message"], Role(file) if file else None)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors before warnings before infos, and otherwise as they were."""
    return tuple(sorted(findings, key=lambda finding: _RANKS[finding.severity]))
