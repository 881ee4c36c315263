"""What the other releases, and the files beside them, mean for one: the paths that it has besides its own, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from common import preflight
from common.finding import Finding, Role, worst_first
from common.release import Kind, Release, ReleaseFile, State
from server.firmware.judging import Shelved
from server.firmware.places import Places


def shown(shelved: Shelved, places: Places, overtaken: Mapping[str, Release]) -> Release:
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
            findings.append(_claimed(role, path, release.publish_id, places))
    newer = overtaken.get(release.publish_id)
    if newer is not None and release.sequence_number is not None:
        findings.append(preflight.sequence_not_newer(release.sequence_number, newer.publish_id, newer.sequence_number or 0))
    files = release.files if not also else tuple(_also(file, also.get(file.role, [])) for file in release.files)
    told = worst_first((*release.findings, *findings)) if findings else release.findings
    return replace(release, files=files, findings=told)


def _also(file: ReleaseFile, paths: Iterable[str]) -> ReleaseFile:
    new = tuple(path for path in paths if path != file.path and path not in file.also_served_at)
    return replace(file, also_served_at=(*file.also_served_at, *new)) if new else file


def _claimed(role: Role, path: str, publish_id: str, places: Places) -> Finding:
    """What there is to say of an image that is not served at the path which its manifest names."""
    real, holder = places.real.get(path), places.signed.holders.get(path)
    if real is not None:
        return preflight.uri_claimed(role, path, f"the file {real.path}")
    if holder is None:
        left = places.signed.left.get(path)
        owner = left.publish_id if left is not None else path.rpartition("/")[0]
        return preflight.uri_kept(role, path, f"the release {owner}")
    if holder.release.publish_id == publish_id:
        return preflight.uri_shared(role, path)
    return preflight.uri_claimed(role, path, f"the release {holder.release.publish_id}")


def overtaken_by(releases: Iterable[Release], kinds: Iterable[Kind]) -> dict[str, Release]:
    """The ready releases of these kinds that came when one with a higher or the same sequence number was there already."""
    wanted = set(kinds)
    highest: dict[Kind, Release] = {}
    found: dict[str, Release] = {}
    numbered = [r for r in releases if r.sequence_number is not None and r.state is State.READY and r.kind in wanted]
    for release in sorted(numbered, key=lambda r: (r.published, r.sequence_number or 0, r.publish_id)):
        other = highest.setdefault(release.kind, release)
        if (release.sequence_number or 0) > (other.sequence_number or 0):
            highest[release.kind] = release
        elif _manifest(release) != _manifest(other):
            found[release.publish_id] = other
    return found


def _manifest(release: Release) -> str | None:
    """The SHA-256 of the manifest: the same one under two publish ids is the same build."""
    file = release.file(Role.MANIFEST)
    return file.sha256 if file is not None else None
