"""Every code that a check can give, how severe it may be, and what it means; findings are made here only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.finding import Finding, Role, Severity


@dataclass(frozen=True, slots=True)
class Code:
    """How severe a finding of this code may be, the worst first, and what it means in one line."""

    severities: tuple[Severity, ...]
    meaning: str


_ERROR, _WARNING, _INFO = (Severity.ERROR,), (Severity.WARNING,), (Severity.INFO,)
_BOTH = (Severity.ERROR, Severity.WARNING)

CODES: Mapping[str, Code] = {
    "no-manifest": Code(_ERROR, "There is no manifest."),
    "no-image": Code(_ERROR, "There is no image."),
    "wrong-role": Code(_ERROR, "The manifest file is a RIOT image, or a slot's file is a SUIT manifest."),
    "unreadable-manifest": Code(_ERROR, "The manifest begins as a SUIT envelope and cannot be read."),
    "manifest-digest-mismatch": Code(_ERROR, "The manifest was changed after it was made: it is not what was signed."),
    "signature-invalid": Code(_ERROR, "Keys are trusted, and none of them made the manifest's signature."),
    "image-missing": Code(_ERROR, "The manifest names an image for a slot, and there is no such file."),
    "slots-swapped": Code(_ERROR, "The file of one slot is what the manifest names for the other one."),
    "same-image-twice": Code(_BOTH, "slot0 and slot1 are the same file; a warning where the manifest is opaque."),
    "size-mismatch": Code(_ERROR, "An image has another size than the manifest says."),
    "digest-mismatch": Code(_ERROR, "An image has another SHA-256 than the manifest says."),
    "image-too-big": Code(_ERROR, "An image is larger than the server takes (`--max-image-size`)."),
    "header-checksum": Code(_ERROR, "An image's RIOT header has a wrong checksum."),
    "header-version-mismatch": Code(_ERROR, "The images' header versions and the sequence number are not all equal."),
    "same-start-address": Code(_ERROR, "Both images are linked for the same address."),
    "start-address-offset": Code(_ERROR, "An image is linked for another place than the slot in which the manifest puts it."),
    "uri-too-long": Code(
        _BOTH,
        "A URI has 128 bytes or more; a warning from 93 bytes, of a path over 68 bytes, and of the manifest's own URL.",
    ),
    "uri-not-served": Code(_WARNING, "The manifest sends devices to where this server does not serve the image."),
    "uri-claimed": Code(_WARNING, "Where the manifest sends devices for an image, somebody else's bytes are served."),
    "sequence-not-newer": Code(_WARNING, "A release for the same vendor and class has this sequence number or a higher one."),
    "signature-absent": Code(_WARNING, "The SUIT manifest is not signed."),
    "manifest-too-big": Code(_WARNING, "The SUIT manifest has more than the 640 bytes that a RIOT device takes."),
    "image-not-named": Code(_WARNING, "An image is there for which the SUIT manifest names nothing."),
    "more-images": Code(_WARNING, "The manifest names more than two images, and a release has two at most."),
    "not-suit": Code(_INFO, "The manifest is no SUIT envelope: it is served as it is, and nothing is held against it."),
    "signature-unverified": Code(_INFO, "The manifest is signed, and no keys are trusted (`--trust-keys`)."),
    "encrypted": Code(_INFO, "The images are encrypted: their digests, sizes and headers cannot be checked."),
    "digest-not-checked": Code(_INFO, "The manifest has no SHA-256 of an image to hold it against."),
    "being-written": Code(_INFO, "A file in the folder is still being written, or was just changed."),
    "header-missing": Code(_INFO, "An image has no RIOT header, so its version and its address cannot be checked."),
}


def error(code: str, message: str, file: Role | None = None) -> Finding:
    """A finding that blocks. Raises KeyError or ValueError where CODES has no such code or severity: an error of ours."""
    return _finding(Severity.ERROR, code, message, file)


def warning(code: str, message: str, file: Role | None = None) -> Finding:
    """A finding that asks; raises as `error` does."""
    return _finding(Severity.WARNING, code, message, file)


def info(code: str, message: str, file: Role | None = None) -> Finding:
    """A finding that tells; raises as `error` does."""
    return _finding(Severity.INFO, code, message, file)


def _finding(severity: Severity, code: str, message: str, file: Role | None) -> Finding:
    if severity not in CODES[code].severities:
        raise ValueError(f"{code} is no {severity}")
    if not message.isprintable():  # names, URIs and key ids come from anywhere, and messages go to terminals and logs
        message = "".join(c if c.isprintable() else "�" for c in message)
    return Finding(severity, code, message, file)
