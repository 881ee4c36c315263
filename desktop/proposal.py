"""A name for a release that a person has not named yet: for which board it is, and its number."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from common.boards import Boards
from common.errors import InvalidManifest, InvalidRelease
from common.finding import Role
from common.manifest import Manifest, parse
from common.preflight import SLOTS, Files
from common.release import check_publish_id
from desktop.bundle import Bundle

_LONGEST = 100
"""Characters of the board's or the folder's name."""
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,10}(?![0-9])", re.ASCII)


def propose(files: Files, bundle: Bundle, boards: Boards) -> str:
    """A publish id such as `samr21-xpro-1700000200`; "" where there are no files. Raises nothing.

    The board's name, else the class id's first part, else the folder's name; then the sequence number, else the version in
    an image's header or in the manifest's name, else the first digits of the manifest's SHA-256.
    """
    if not bundle.files:
        return ""
    manifest = _read(files.manifest)
    name = _clean(_name(manifest, bundle, boards)) or "release"
    publish_id = f"{name}-{_number(manifest, bundle)}"
    try:
        return check_publish_id(publish_id)
    except InvalidRelease:
        return f"release-{_number(manifest, bundle)}"


def _name(manifest: Manifest | None, bundle: Bundle, boards: Boards) -> str:
    class_id = manifest.class_id if manifest else None
    if class_id is not None:
        return boards.name(class_id) or f"class-{class_id.partition('-')[0]}"
    return _first(bundle).parent.name


def _number(manifest: Manifest | None, bundle: Bundle) -> str:
    if manifest is not None:
        return str(manifest.sequence_number)
    headers = [bundle.files[role].header for role in SLOTS if role in bundle.files]
    versions = [str(header.version) for header in headers if header is not None]
    numbers = _NUMBER.findall(_first(bundle).name) if Role.MANIFEST in bundle.files else []
    return next(iter((*versions, *numbers)), next(bundle.files[role].sha256 for role in Role if role in bundle.files)[:8])


def _first(bundle: Bundle) -> Path:
    """The manifest, or without one, an image."""
    return next(bundle.files[role].path for role in Role if role in bundle.files)


def _read(data: bytes | None) -> Manifest | None:
    try:
        return parse(data) if data is not None else None
    except InvalidManifest:
        return None


def _clean(text: str) -> str:
    """What of it a publish id may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._+~-]+", "-", plain, flags=re.ASCII)[:_LONGEST].strip("-.")
