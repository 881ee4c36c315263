"""Who is served where more than one release could be: at a folder's latest manifest, and at a path that manifests name.

The holder keeps it until a ready release of the same vendor and class comes with a higher sequence number and a
signature at least as good. Another vendor or class never displaces it, nor within RETURNS seconds of its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from common.release import Kind, Release
from common.signature import SignatureState

RETURNS = 60.0
"""Seconds for which no other vendor or class gets the place of a release that went: it is often rebuilt, or published anew."""


class Past(NamedTuple):
    """Who had a place until `since` (Unix time)."""

    publish_id: str
    kind: Kind
    signature: int
    """SignatureState.rank."""
    since: float
    is_before_worse: bool = False
    """Ready ones of its kind are there, all with worse signatures."""

    @classmethod
    def of(cls, release: Release, since: float) -> Past:
        """The same of a release that is still known."""
        return cls(release.publish_id, release.kind, _signature(release), since)

    def is_awaited(self, now: float) -> bool:
        """Whether its kind may still come back, so that no other one gets the place; no longer where the clock was set back."""
        return abs(now - self.since) < RETURNS


def displaces(release: Release, holder: Release) -> bool:
    """Whether a ready release of the same vendor and class takes the holder's place."""
    if _signature(release) < _signature(holder):
        return False
    if release.sequence_number is None or holder.sequence_number is None:
        return (release.age, release.publish_id) > (holder.age, holder.publish_id)
    if holder.forced and not release.forced:
        return release.age >= holder.age
    return release.age > holder.age


def best(releases: Iterable[Release]) -> Release:
    """The one, of the same vendor and class, that gets a place which nobody has."""
    return max(sorted(releases, key=lambda r: r.publish_id), key=_merit)


def next_holder(last: Past, releases: Iterable[Release]) -> Release | None:
    """Who has the place that was `last`'s among these ready releases of its vendor and class.

    None where there is none with a signature at least as good.
    """
    group = list(releases)
    still = next((release for release in group if release.publish_id == last.publish_id), None)
    if still is not None:
        return successor(still, group)
    as_good = [release for release in group if _signature(release) >= last.signature]
    return best(as_good) if as_good else None


class Watch(NamedTuple):
    """What is to be known of a release that had a place."""

    is_there: Callable[[str], bool]
    """Whether a publish id has a release in any state."""
    is_rebuilt: Callable[[str], bool]
    """Whether it has one that is incomplete."""
    now: float
    """Unix time."""

    def renewed(self, last: Past) -> Past:
        """The same, with its end put off while it is being rebuilt."""
        return last._replace(since=self.now) if self.is_rebuilt(last.publish_id) else last

    def keeps(self, last: Past) -> bool:
        """Whether the place stays empty for it: for a minute, while it is rebuilt, and before worse signatures for as long
        as it can be restored."""
        if last.is_awaited(self.now) or self.is_rebuilt(last.publish_id):
            return True
        return last.is_before_worse and self.is_there(last.publish_id)

    def settle(self, last: Past, kinds: Mapping[Kind, list[Release]]) -> Release | Past | None:
        """Who has the place that was `last`'s, of these ready releases, or for whom it is kept; None: whoever gets a free one."""
        same = kinds.get(last.kind, [])
        heir = next_holder(last, same)
        if heir is not None:
            return heir
        last = self.renewed(last)._replace(is_before_worse=bool(same))
        return last if self.keeps(last) else None


def successor(holder: Release, releases: Iterable[Release]) -> Release:
    """Who has the place when these ready releases of the holder's vendor and class are there beside it."""
    return best([holder, *(r for r in releases if displaces(r, holder))])


def _signature(release: Release) -> int:
    return SignatureState(release.signature).rank


def _merit(release: Release) -> tuple[int, tuple[int, dt.datetime], bool, float, str]:
    """Of equal numbers one that fits, then the first that was published; of none at all the last. Then by name."""
    since = release.published.timestamp()
    if release.sequence_number is None:
        return (_signature(release), release.age, True, since, release.publish_id)
    return (_signature(release), release.age, not release.forced, -since, "")
