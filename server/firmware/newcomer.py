"""What this server knows that matters for a release which is not there yet: what is newer, and who has its paths."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from common.errors import InvalidManifest
from common.manifest import Manifest, parse
from common.preflight import ServerFacts, claims_by_role, served_path
from common.release import Kind, Release, State
from common.signature import state_of
from server.firmware import precedence
from server.firmware.catalogue import Catalogue
from server.firmware.judging import Judge
from server.firmware.places import named


def known_of(publish_id: str, manifest: bytes | None, current: Catalogue, judge: Judge) -> ServerFacts:
    """The facts for a check of files that would be published under this id ("": none is known)."""
    facts = replace(judge.facts(), publish_id=publish_id)
    try:
        read = parse(manifest) if manifest is not None else None
    except InvalidManifest:
        read = None
    if read is None:
        return facts
    newcomer = Release(
        publish_id,
        published=dt.datetime.now(dt.UTC),
        state=State.READY,
        files=(),
        sequence_number=read.sequence_number,
        vendor_id=read.vendor_id,
        class_id=read.class_id,
        signature=state_of(read, judge.keys),
    )
    return replace(facts, newest=_newest(newcomer, current), holders=_holders(read, newcomer, current))


def _newest(newcomer: Release, current: Catalogue) -> dict[Kind, tuple[str, int]]:
    same_kind = (
        (r.sequence_number, r.publish_id)
        for r in current.releases
        if r.state is State.READY and r.sequence_number is not None and r.kind == newcomer.kind
        if r.publish_id != newcomer.publish_id
    )
    number, publish_id = max(same_kind, default=(None, ""))
    return {} if number is None else {newcomer.kind: (publish_id, number)}


def _holders(manifest: Manifest, newcomer: Release, current: Catalogue) -> dict[str, tuple[str, str]]:
    """Who would go on to be served at the paths that the manifest names."""
    found = {}
    for claim in claims_by_role(manifest).values():
        path = served_path(claim.uri) if claim.uri else None
        image = current.images.get(path) if path else None
        if path is None or image is None:
            continue
        holder = current.places.signed.holders.get(path)
        if path in current.places.real:
            if path.rpartition("/")[0] != newcomer.publish_id:
                found[path] = (named(image.path, current.shelves), image.sha256)
        elif holder is not None and holder.release.publish_id != newcomer.publish_id and not _displaces(newcomer, holder.release):
            found[path] = (f"the release {holder.release.publish_id}", image.sha256)
    return found


def _displaces(newcomer: Release, holder: Release) -> bool:
    return newcomer.kind == holder.kind and precedence.displaces(newcomer, holder)
