"""A check of files on this machine: what they say of each other, and of the keys that are trusted here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from common.boards import Boards
from common.checked import Checked
from common.finding import Finding, Role, Severity, worst_first
from common.hashing import facts_of
from common.preflight import Files, check
from common.signature import Keys
from common.upload import LocalFiles


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks without a server, so that nothing is said that only a server knows."""

    keys: Keys | None
    """None: no key is trusted here, and signatures are only read."""
    boards: Boards
    own_boards: bool
    """Whether the names of boards were given, and go before a server's."""

    @classmethod
    def load(cls, trust_keys: Path | None, boards: Path | None) -> Checker:
        """Reads the files that were named. Raises ConfigError."""
        return cls(None if trust_keys is None else _trusted(trust_keys), Boards.load(boards), boards is not None)

    def check(self, paths: Mapping[Role, Path]) -> Checked:
        """Any file may be missing. Raises InvalidRequest for one that cannot be read."""
        with LocalFiles(paths) as opened:
            files = {file.role: file for file in opened}
            manifest = files.pop(Role.MANIFEST, None)
            name = manifest.path.name if manifest is not None else ""
            data = manifest.read() if manifest is not None else None
            images = {role: facts_of(file.read, file.path.name) for role, file in files.items()}
        found = check(Files(data, images, name), None, self.keys)
        return Checked.of(found, self.boards.name)

    def named(self, checked: Checked) -> Checked:
        """With the board's name as it is known here, where names were given."""
        manifest = checked.manifest
        board = self.boards.name(manifest.class_id) if self.own_boards and manifest and manifest.class_id else None
        return checked if manifest is None or board is None else replace(checked, manifest=replace(manifest, board=board))


def with_signature_of(local: Checked, checked: Checked) -> Checked:
    """A server's check with what is said here of the signature."""
    manifest = checked.manifest
    refused = any(_of_signature(f) for f in checked.errors)
    if manifest is not None and local.manifest is not None and not refused:
        manifest = replace(manifest, signature=local.manifest.signature)
    return Checked(signature_findings_of(local, checked.findings), manifest)


def signature_findings_of(local: Checked, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """A server's findings, with those of the signature exchanged for the ones that were found here.

    A server's error stays: it is why the server does not take the release, whatever is trusted here.
    """
    kept = [f for f in findings if not _of_signature(f) or f.severity is Severity.ERROR]
    codes = {finding.code for finding in kept}
    return worst_first([*(f for f in local.findings if _of_signature(f) and f.code not in codes), *kept])


def _trusted(folder: Path) -> Keys:
    from common.trust import TrustedKeys  # cryptography is slow to load, and most runs need none

    return TrustedKeys.load(folder)


def _of_signature(finding: Finding) -> bool:
    return finding.code.startswith("signature-") or finding.code == "manifest-digest-mismatch"

