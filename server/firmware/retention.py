"""Which releases go by themselves, so that few are kept and the folder stays within its quota: a pure decision, with reasons.

`keep` counts the ready releases of one vendor and class, newest first by sequence number; what is older than the first N
goes. The quota takes more, oldest first, until the folder fits, and may leave fewer than N. Whatever is set, these stay:

- the newest ready release of a vendor and class, and of those whose manifests name none; of equally new ones all, and of
  each sort of signature the newest: an unsigned build with a high number does not push out the one that devices take;
  where no number says which is the newest, the one that came last, too;
- the one that is served as a folder's latest;
- one that is in use: `Uses` says by whom;
- the one before a release that is being rolled out, to go back to;
- what is incomplete, for somebody is at it, and what is rejected, for a wrong key or a copy that went astray would
  otherwise cost all releases at once;
- every file that is of no release.

A withdrawn release counts for nothing, and goes as a ready one of its age would. Releases whose manifests name no vendor
and class do not count for `keep`, for nobody knows which of them replaces which; the quota takes them, too.
No clock decides where there are numbers. Elsewhere, and among those of different vendors and classes, whose turn comes first
is chosen by when they came to the folder: a copy may keep a modification time of years ago (`cp -a`, `rsync -a`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from common.release import Kind, Release, State

_GO = (State.READY, State.WITHDRAWN)
_NAMED = 5
"""Releases that a sentence names at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person set; None: no limit."""

    keep: int | None = None
    """Ready releases of one vendor and class, at least 1."""
    quota: int | None = None
    """Bytes of the firmware folder, at least 1."""

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return self.keep is not None or self.quota is not None


@dataclass(frozen=True, slots=True)
class Uses:
    """Which releases somebody needs."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    """Publish id -> who uses it, in words."""
    latest: Collection[str] = frozenset()
    """Those that are served as a folder's latest."""
    rolled_out: Collection[str] = frozenset()
    """Those that are being rolled out."""


class Came(NamedTuple):
    """When a release came to the folder. They compare, the one that came last is the highest."""

    seen: float = 0.0
    """Seconds from the start of the server until it was first seen, which no set clock changes; 0: it was there already."""
    hour: int = 0
    """In which hour, since 1970, its files were last written or put there. Where a whole folder is copied or is given to
    another user they all have the same one, or two, and their modification times say more."""


class Going(NamedTuple):
    """A release that goes."""

    publish_id: str
    limit: str
    """`keep` or `quota`."""
    why: str
    """A sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes, in this order; `trouble` is why that is not enough, as a sentence, else empty."""

    goes: tuple[Going, ...] = ()
    trouble: str = ""


def decide(
    releases: Sequence[Release], size: int, limits: Limits, uses: Uses, came: Callable[[str], Came] = lambda _: Came()
) -> Plan:
    """`releases` are all that there are, `size` is the folder's in bytes, with all that is of no release; `came` says when the
    release with this publish id came."""
    stays = _stays(releases, uses, came)
    free = [release for release in releases if release.state in _GO and release.publish_id not in stays]
    goes: dict[str, Going] = {}
    if limits.keep is not None:
        why = f"{limits.keep} newer for its vendor and class {'is' if limits.keep == 1 else 'are'} ready (--keep {limits.keep})."
        goes = {release.publish_id: Going(release.publish_id, "keep", why) for release in _surplus(releases, free, limits.keep)}
    if limits.quota is None:
        return Plan(tuple(goes.values()))
    left = size - sum(release.size for release in free if release.publish_id in goes)
    for release in _oldest_first([r for r in free if r.publish_id not in goes], came):
        if left <= limits.quota:
            break
        why = f"The folder had {left} bytes, and its quota is {limits.quota} (--quota); it was the oldest that nobody needs."
        goes[release.publish_id] = Going(release.publish_id, "quota", why)
        left -= release.size
    trouble = _unmet(left, limits.quota, releases, stays, goes) if left > limits.quota else ""
    return Plan(tuple(goes.values()), trouble)


def _order(release: Release) -> tuple[object, ...]:
    """The newest has the highest, within one vendor and class."""
    return (release.age, release.published, release.publish_id)


def _by_kind(releases: Iterable[Release]) -> dict[Kind, list[Release]]:
    """Oldest first."""
    kinds: dict[Kind, list[Release]] = {}
    for release in releases:
        kinds.setdefault(release.kind, []).append(release)
    for group in kinds.values():
        group.sort(key=_order)
    return kinds


def _stays(releases: Sequence[Release], uses: Uses, came: Callable[[str], Came]) -> dict[str, str]:
    """Publish id -> why it stays, whatever is set."""
    stays = {}
    for group in _by_kind(r for r in releases if r.state is State.READY).values():
        for place, release in enumerate(group):
            if release.publish_id in uses.rolled_out:
                before = [r for r in group[:place] if r.age < release.age]
                stays.update({r.publish_id: f"before {release.publish_id}, which is being rolled out" for r in before[-1:]})
        newest = {r.signature: r.age for r in group}  # the last one wins
        stays.update({r.publish_id: "the newest" for r in group if r.age == newest[r.signature]})
        unnumbered = [r for r in group if r.sequence_number is None]
        last = max(unnumbered, key=lambda r: (came(r.publish_id), _order(r)), default=None)
        if last is not None and any(came(r.publish_id) < came(last.publish_id) for r in unnumbered):
            stays.setdefault(last.publish_id, "it came last")
    stays.update(dict.fromkeys(uses.latest, "the latest of its folder"))
    return stays | dict(uses.by_id)


def _surplus(releases: Sequence[Release], free: Iterable[Release], keep: int) -> Iterator[Release]:
    """Those of a known vendor and class that are older than the `keep` newest ready ones of it."""
    ready = _by_kind(r for r in releases if r.state is State.READY)
    for kind, group in _by_kind(free).items():
        last = ready[kind][-keep] if None not in kind and len(ready.get(kind, ())) >= keep else None
        if last is not None:
            yield from (release for release in group if _order(release) < _order(last))


def _oldest_first(releases: Iterable[Release], came: Callable[[str], Came]) -> Iterator[Release]:
    """Within a vendor and class by number; between them, and without numbers, whichever came first."""

    def turn(release: Release) -> tuple[object, ...]:
        number = -1 if release.sequence_number is None else release.sequence_number
        return (number, came(release.publish_id), release.published, release.publish_id)

    kinds = (sorted(group, key=turn) for group in _by_kind(releases).values())
    groups = ([(came(r.publish_id), r.published, r.publish_id, r) for r in group] for group in kinds)
    heads = [(group[0], n, group) for n, group in enumerate(groups)]
    heapq.heapify(heads)
    while heads:
        (*_, release), n, group = heads[0]
        yield release
        del group[0]
        if group:
            heapq.heapreplace(heads, (group[0], n, group))
        else:
            heapq.heappop(heads)


def _unmet(left: int, quota: int, releases: Sequence[Release], stays: Mapping[str, str], goes: Collection[str]) -> str:
    kept = [release for release in releases if release.publish_id not in goes]
    reasons = [f"{r.publish_id} ({stays.get(r.publish_id, r.state)})" for r in sorted(kept, key=lambda r: -r.size)]
    named = ", ".join(reasons[:_NAMED]) + (f" and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else "")
    others = left - sum(release.size for release in kept)
    return (
        f"The firmware folder has {left} bytes, and its quota is {quota} (--quota). Nothing more is removed by itself:"
        f" what is left is needed, or is not the server's to remove: {named or 'no release'};"
        f" {max(others, 0)} bytes are of no release. Remove something by hand, or allow more."
    )
