"""What the other releases, and the files beside them, mean for one: the paths that it has besides its own, and warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from common import preflight
from common.finding import Finding, Role, worst_first
from common.release import Kind, Release, ReleaseFile, State
from server.firmware.judging import Shelved
from server.firmware.places import Places, named
from server.firmware.shelf import Shelf

_TOGETHER = 2_000_000_000
"""Nanoseconds."""


def shown(shelved: Shelved, places: Places, overtaken: Mapping[str, Release], shelves: Mapping[str, Shelf]) -> Release:
    """The release as people see it; `overtaken` as `overtaken_by` found it."""
    release = shelved.release
    if release.state is not State.READY:
        return release
    also: dict[Role, list[str]] = {}
    findings: list[Finding] = []
    path = places.latest.path_of(release)
    if path is not None:
        also[Role.MANIFEST] = [path]
    for role, path in shelved.claims.items():
        there = places.images.get(path)
        if there is not None and there.sha256 == shelved.files.images[role].sha256:
            also[role] = [path]
        else:
            findings.append(_claimed(role, path, release.publish_id, places, shelves))
    newer = overtaken.get(release.publish_id)
    if newer is not None and release.sequence_number is not None:
        findings.append(preflight.sequence_not_newer(release.sequence_number, newer.publish_id, newer.sequence_number or 0))
    files = release.files if not also else tuple(_also(file, also.get(file.role, [])) for file in release.files)
    told = worst_first((*release.findings, *findings)) if findings else release.findings
    return replace(release, files=files, findings=told)


def _also(file: ReleaseFile, paths: Iterable[str]) -> ReleaseFile:
    new = tuple(path for path in paths if path != file.path and path not in file.also_served_at)
    return replace(file, also_served_at=(*file.also_served_at, *new)) if new else file


def _claimed(role: Role, path: str, publish_id: str, places: Places, shelves: Mapping[str, Shelf]) -> Finding:
    """What there is to say of an image that is not served at the path which its manifest names."""
    real, holder = places.real.get(path), places.signed.holders.get(path)
    if real is not None:
        return preflight.uri_claimed(role, path, named(real.path, shelves))
    if holder is None:
        left = places.signed.left.get(path)
        owner = left.publish_id if left is not None else path.rpartition("/")[0]
        return preflight.uri_kept(role, path, f"the release {owner}")
    if holder.release.publish_id == publish_id:
        return preflight.uri_shared(role, path)
    return preflight.uri_claimed(role, path, f"the release {holder.release.publish_id}")


def overtaken_by(shelved: Iterable[Shelved], kinds: Collection[Kind]) -> dict[str, Release]:
    """The ready releases of these kinds that came when one with a higher or the same sequence number was there already.

    Versions that came together in RIOT's form, by a copy of their folder, came in their order.
    """
    highest: dict[Kind, tuple[Shelved, int]] = {}
    found: dict[str, Release] = {}
    for one, came in sorted(((s, _came(s)) for s in shelved if _counts(s, kinds)), key=lambda pair: (pair[1], _number(pair[0]))):
        other, then = highest.setdefault(one.release.kind, (one, came))
        if _number(one) > _number(other):
            highest[one.release.kind] = (one, came)
        elif one is not other and not (_are_versions(one, other) and came - then < _TOGETHER):
            found[one.release.publish_id] = other.release
    return found


def _counts(shelved: Shelved, kinds: Collection[Kind]) -> bool:
    release = shelved.release
    return release.sequence_number is not None and release.state is State.READY and release.kind in kinds


def _number(shelved: Shelved) -> int:
    return shelved.release.sequence_number or 0


def _came(shelved: Shelved) -> int:
    """When the manifest came into the folder, nanoseconds of Unix time; its modification time may have been brought along."""
    manifest = shelved.files.images.get(Role.MANIFEST)
    return manifest.stamp.ctime_ns if manifest is not None else 0


def _are_versions(one: Shelved, other: Shelved) -> bool:
    """Whether both are RIOT's, of one folder."""
    folders = {shelved.release.publish_id.rpartition("/")[0] for shelved in (one, other)}
    return bool(one.files.layout.version and other.files.layout.version) and len(folders) == 1
