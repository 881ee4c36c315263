"""How the command line puts things: sizes, findings, what a manifest says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.checked import CheckedImage, CheckedManifest
from common.finding import Finding, Severity
from common.release import Release, State

_STATES = {
    State.READY: "ready: devices can fetch it",
    State.INCOMPLETE: "incomplete: devices do not get it yet",
    State.REJECTED: "rejected: devices do not get it",
    State.WITHDRAWN: "withdrawn: devices do not get it",
}


def state(release: Release) -> str:
    """The release's state, and what it means."""
    return f"forced, and {_STATES[release.state]}" if release.forced else _STATES[release.state]


def published_in_vain(release: Release, created: bool) -> str:
    """Of a release that is on the server, and that devices cannot fetch."""
    name = release.publish_id
    done = "is published" if created else "is already published with the same bytes"
    hint = f" --restore {name} gives it back to them." if release.state is State.WITHDRAWN else ""
    return f"{name} {done}, and is {state(release)}.{hint}"


def size(amount: int) -> str:
    """Bytes for a person, in decimal units: 60.5 kB."""
    if amount < 1000:
        return f"{amount} B"
    value = float(amount)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"


def count(number: int, what: str) -> str:
    """`2 errors`, `1 error`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def files(number: int, amount: int) -> str:
    """`3 files, 60.5 kB`."""
    return f"{count(number, 'file')}, {size(amount)}"


def finding(found: Finding) -> str:
    """One line, with the code by which programs and people look it up."""
    return f"{found.severity} ({found.code}): {found.message}"


def tally(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`; "" where there is neither."""
    severities = [f.severity for f in findings]
    amounts = [(severities.count(s), s.value) for s in (Severity.ERROR, Severity.WARNING)]
    return ", ".join(count(number, what) for number, what in amounts if number)


_UNCHECKED = frozenset({"not-suit", "encrypted", "digest-not-checked", "signature-unverified"})


def verdict(findings: Sequence[Finding]) -> str:
    """The last line of a check."""
    tallied = tally(findings)
    if any(f.severity is Severity.ERROR for f in findings):
        return f"{tallied}: devices cannot take this, and a server refuses it."
    if tallied:
        return f"No errors, {tallied}: devices can take this, unless a warning says otherwise."
    if any(f.code in _UNCHECKED for f in findings):
        return "No errors in what could be checked here: the notes above say what only a device, or you, can tell."
    return "No errors: devices can take this."


def manifest(said: CheckedManifest) -> list[str]:
    """What the manifest says, a line for each thing."""
    rows = [("manifest", f"{said.dialect}, sequence number {said.sequence_number}")]
    if said.board:
        rows.append(("board", said.board))
    elif said.class_id:
        rows.append(("class", said.class_id))
    elif said.vendor_id:
        rows.append(("vendor", said.vendor_id))
    signers = [f"{s.algorithm}, key {s.key_id}" if s.key_id else s.algorithm for s in said.signatures]
    rows.append(("signature", f"{said.signature} ({'; '.join(signers)})" if any(signers) else said.signature))
    rows += [(str(image.role or "image"), _image(image)) for image in said.images]
    width = max(len(label) for label, _ in rows)
    return [f"{label:{width}}  {text}" for label, text in rows]


def _image(image: CheckedImage) -> str:
    parts = [
        None if image.size is None else f"{image.size} bytes",
        None if image.offset is None else f"offset {image.offset:#x}",
        image.uri,
    ]
    return ", ".join(part for part in parts if part) or "nothing is said of it"
