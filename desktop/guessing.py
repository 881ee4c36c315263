"""Which role each picked file plays: by its content first, then by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import InvalidManifest
from common.finding import Role
from common.manifest import MAX_BYTES, Manifest
from common.manifest import parse as parse_manifest
from common.preflight import SLOTS, claims_by_role
from common.roles import role_by_name
from desktop.picked import PickedFile

_NO_IMAGES = {b"\x7fELF": "an ELF file", b":": "a hex file", b"{": "a text file"}
"""How files begin that a build leaves beside its images, under names that are much the same."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a guess goes by, beside the files."""

    files: Sequence[PickedFile]
    """All that may play a role."""
    held: Mapping[Role, PickedFile] = field(default_factory=dict)
    """The roles that some of them had before."""
    chosen: frozenset[Path] = frozenset()
    """Files whose role a person gave."""
    new: frozenset[Path] = frozenset()
    """Files that were not there before."""
    named: frozenset[Path] = frozenset()
    """Those of them that were picked by themselves, and not found in a folder."""


def guess(situation: Situation) -> dict[Role, PickedFile]:
    """One file for each role, as far as there are any. Reads the manifests; raises nothing."""
    manifest = _manifest(situation)
    return ({Role.MANIFEST: manifest} if manifest else {}) | _images(situation, manifest)


def what_it_is_instead(file: PickedFile) -> str | None:
    """`an ELF file`, and such: what is neither a manifest nor a raw image, whatever its name."""
    if file.is_suit or file.header:
        return None
    return next((what for start, what in _NO_IMAGES.items() if file.head.startswith(start)), None)


def names(file: PickedFile | None) -> Collection[str]:
    """The SHA-256 of each image that this manifest names; none where it cannot be told."""
    read = _read(file)
    return () if read is None or read.encrypted else [claim.sha256 for claim in read.images if claim.sha256]


def _manifest(situation: Situation) -> PickedFile | None:
    held, sums = situation.held, {f.sha256 for f in situation.files}
    images = {f.path for role, f in held.items() if role is not Role.MANIFEST and f.path in situation.chosen}

    def rank(file: PickedFile) -> tuple[int, int, int, float]:
        was, new = held.get(Role.MANIFEST) == file, file.path in situation.new
        how = 2 if new else 1
        if file.is_suit:
            how = 5 if new else 4 if was else 3
        elif was and file.path in situation.chosen:
            how = 4
        read = _read(file)
        complete = len({claim.sha256 for claim in read.images} & sums) if read else 0
        return how, complete, read.sequence_number if read else -1, file.mtime

    able = [
        f
        for f in situation.files
        if f.path not in images and (f.is_suit or held.get(Role.MANIFEST) == f or _by_name(f) is Role.MANIFEST)
    ]
    return max(sorted(able, key=lambda f: f.path.name), key=rank, default=None)


def _images(situation: Situation, manifest: PickedFile | None) -> dict[Role, PickedFile]:
    held = {f.path: role for role, f in situation.held.items() if role in SLOTS}
    read = _read(manifest)
    claims = {} if read is None or read.encrypted else claims_by_role(read)
    claimed = {claims[role].sha256: role for role in reversed(SLOTS) if role in claims and claims[role].sha256}
    able = [f for f in situation.files if f != manifest and (not f.is_suit or f.sha256 in claimed or f.path in held)]
    by_address = _by_address(able)

    def slot(file: PickedFile) -> Role | None:
        was = held.get(file.path)
        if file.path in situation.chosen and was:
            return was
        role = claimed.get(file.sha256) or by_address.get(file.path) or was or _by_name(file)
        return role if role in SLOTS else None

    def rank(file: PickedFile) -> tuple[bool, bool, bool, bool, int, float]:
        new = file.path in situation.new
        version = file.header.version if file.header else -1
        named = file.path in situation.named
        return named, file.sha256 in claimed, new, file.path in held, version, file.mtime

    best_first = sorted(able, key=rank, reverse=True)
    found: dict[Role, PickedFile] = {}
    for file in best_first:
        role = slot(file)
        if role is not None:
            found.setdefault(role, file)
    return _with_the_rest(found, [f for f in best_first if f.header and slot(f) is None], claims)


def _with_the_rest(
    found: dict[Role, PickedFile], rest: Sequence[PickedFile], claims: Mapping[Role, object]
) -> dict[Role, PickedFile]:
    """RIOT's images of which nothing tells the slot, in the free ones; those that the manifest names come first."""
    free = [role for role in SLOTS if role not in found]
    free.sort(key=lambda role: bool(claims) and role not in claims)
    return found | dict(zip(free, rest, strict=False))


def _by_address(files: Sequence[PickedFile]) -> dict[Path, Role]:
    """Where RIOT's images begin at just two addresses: the lower one is slot0's."""
    starts = sorted({f.header.start_address for f in files if f.header})
    if len(starts) != len(SLOTS):
        return {}
    slots = dict(zip(starts, SLOTS, strict=True))
    return {f.path: slots[f.header.start_address] for f in files if f.header}


def _by_name(file: PickedFile) -> Role | None:
    role = role_by_name(file.path.name)
    if what_it_is_instead(file) or (role is Role.MANIFEST and file.header):
        return None
    return role


def _read(file: PickedFile | None) -> Manifest | None:
    if file is None or not file.is_suit:
        return None
    try:
        with file.path.open("rb") as stream:
            return parse_manifest(stream.read(MAX_BYTES + 1))
    except (OSError, ValueError, InvalidManifest):
        return None
