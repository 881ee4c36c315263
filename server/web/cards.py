"""What one release looks like to a person: the words for its state, its facts, its files, its findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from bottle import html_escape

from common.finding import Finding, Role, Severity, worst_first
from common.release import Release, ReleaseFile, State

_STATES = {
    State.READY: ("Ready", "Devices can fetch this release."),
    State.INCOMPLETE: ("Incomplete", "Its files are not all there or do not fit together yet; devices cannot fetch it."),
    State.REJECTED: ("Rejected", "The checks found errors; devices cannot fetch this release."),
    State.WITHDRAWN: ("Withdrawn", "Taken out of service by a person; devices do not get this release."),
}
_SIGNATURES = {
    "valid": ("Signature valid", "good", "A key that this server trusts signed the manifest"),
    "invalid": ("Signature invalid", "bad", "No key that this server trusts signed the manifest as it is"),
    "unverified": ("Signature not checked", "", "The manifest is signed; this server has no key to check it with"),
    "absent": ("Not signed", "warn", "Nobody signed the manifest"),
}
_SEVERITIES = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
_ROLES = list(Role)


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding in words."""

    severity: str
    word: str
    code: str
    file: str
    """The role, or ""."""
    message: str


def shown(findings: Iterable[Finding]) -> list[ShownFinding]:
    """Worst first."""
    return [
        ShownFinding(f.severity.value, _SEVERITIES[f.severity], f.code, f.file.value if f.file else "", f.message)
        for f in worst_first(findings)
    ]


def open_and_folded(release: Release) -> tuple[list[ShownFinding], list[ShownFinding]]:
    """What is wrong or missing, and what is only to be known."""
    found = shown(release.findings)
    notes = [f for f in found if f.severity == Severity.INFO]
    if len(notes) == len(found) and release.state is State.INCOMPLETE:
        return found, []  # they say what the release waits for
    return found[: len(found) - len(notes)], notes


def state_words(release: Release, restorable: bool) -> tuple[str, str]:
    """The state, and what it means for devices."""
    word, meaning = _STATES[release.state]
    if release.state is State.WITHDRAWN and restorable:
        meaning += " Restore brings it back."
    return word, meaning


@dataclass(frozen=True, slots=True)
class Row:
    """One file of a card."""

    role: str
    name: str
    """Of the file, where it is not that of its role."""
    size: str
    exact_size: str
    sha256: str
    href: str
    url: str | None
    also: tuple[str, ...]
    mark: str
    """"error" or "warning", where a finding is of this file."""


def rows(release: Release) -> list[Row]:
    """The manifest first, then the images."""
    marks: dict[Role | None, str] = {}
    for finding in release.findings:
        if finding.severity is Severity.ERROR or (finding.severity is Severity.WARNING and finding.file not in marks):
            marks[finding.file] = finding.severity.value
    files = sorted(release.files, key=lambda f: _ROLES.index(f.role))
    return [_row(file, marks.get(file.role, "")) for file in files]


def _row(file: ReleaseFile, mark: str) -> Row:
    href = "files/" + quote(file.path, safe="/~+")
    also = tuple(path for path in file.also_served_at if path != file.path)
    name = "" if file.name == file.role.value else file.name
    return Row(file.role.value, name, human_size(file.size), f"{file.size:,} bytes", file.sha256, href, file.url, also, mark)


def facts(release: Release) -> list[tuple[str, str, str]]:
    """(words, title, kind) of what is known beyond the name."""
    found: list[tuple[str, str, str]] = []
    if release.sequence_number is not None:
        found.append((f"Sequence {release.sequence_number}", "The manifest's sequence number", ""))
    if release.board:
        found.append((release.board, "The board that this release is for", ""))
    elif release.class_id:
        found.append((f"Class {release.class_id[:8]}…", f"Class id {release.class_id}", ""))
    if release.sequence_number is not None or release.signature != "absent":
        words, kind, title = _SIGNATURES.get(release.signature, (release.signature, "", "The manifest's signature"))
        found.append((words, title, kind))
    count = len(release.files)
    found.append((f"{count} file{'' if count == 1 else 's'}, {human_size(release.size)}", f"{release.size:,} bytes in all", ""))
    return found


def when(time: dt.datetime) -> tuple[str, str]:
    """For programs, for people."""
    utc = time.astimezone(dt.UTC)
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z"), f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def human_size(size: int) -> str:
    """Bytes in three figures: 489 bytes, 30 kB, 96.3 kB, 1.2 MB."""
    if size < 1000:
        return "1 byte" if size == 1 else f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            break
    text = f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def breakable(text: str) -> str:
    """As HTML, with leave to break a long line behind a slash that does not begin a path."""
    html = str(html_escape(text)).replace("/", "/<wbr>")
    return html.replace("/<wbr>/", "//").replace(" /<wbr>", " /").replace("=/<wbr>", "=/")


def can_be_notified(release: Release) -> bool:
    """Whether devices may be told of it."""
    return release.state is State.READY and release.file(Role.MANIFEST) is not None
