"""Who is served where more than one release could be: at a folder's latest manifest, and at a path that manifests name.

The holder keeps it until a ready release of the same vendor and class comes with a higher sequence number and a
signature at least as good. Another vendor or class never displaces it, nor within RETURNS seconds of its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from common.release import Kind, Release
from common.signature import SignatureState

RETURNS = 60.0
"""Seconds for which no other vendor or class gets the place of a release that went: it is often rebuilt, or published anew."""


class Past(NamedTuple):
    """Who had a place until `since` (Unix time)."""

    publish_id: str
    kind: Kind
    since: float

    @classmethod
    def of(cls, release: Release, since: float) -> Past:
        """The same of a release that is still known."""
        return cls(release.publish_id, release.kind, since)

    def is_awaited(self, now: float) -> bool:
        """Whether its kind may still come back, so that no other one gets the place."""
        return now - self.since < RETURNS


def displaces(release: Release, holder: Release) -> bool:
    """Whether a ready release of the same vendor and class takes the holder's place."""
    if _signature(release) < _signature(holder):
        return False
    if release.sequence_number is None or holder.sequence_number is None:
        return (release.age, release.publish_id) > (holder.age, holder.publish_id)
    return release.age > holder.age


def best(releases: Iterable[Release]) -> Release:
    """The one, of the same vendor and class, that gets a place which nobody has."""
    return max(sorted(releases, key=lambda r: r.publish_id), key=_merit)


def next_holder(last: Past, releases: Iterable[Release]) -> Release | None:
    """Who has the place that was `last`'s among these ready releases of its vendor and class; None where there is none."""
    group = list(releases)
    still = next((release for release in group if release.publish_id == last.publish_id), None)
    if still is not None:
        return successor(still, group)
    return best(group) if group else None


def successor(holder: Release, releases: Iterable[Release]) -> Release:
    """Who has the place when these ready releases of the holder's vendor and class are there beside it."""
    return best([holder, *(r for r in releases if displaces(r, holder))])


def _signature(release: Release) -> int:
    return SignatureState(release.signature).rank


def _merit(release: Release) -> tuple[int, tuple[int, dt.datetime], float, str]:
    """Of equal numbers the first to be published, of none at all the last; then the first by name, or the last."""
    since = release.published.timestamp()
    if release.sequence_number is None:
        return (_signature(release), release.age, since, release.publish_id)
    return (_signature(release), release.age, -since, "")
