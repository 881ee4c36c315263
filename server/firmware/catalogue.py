"""What there is to serve: an immutable snapshot of the folder, and the one that is current."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from common.finding import Role
from common.release import Problem, Release
from server.firmware.image import Image
from server.firmware.latest import LATEST, Latest, latest_path, successor
from server.firmware.scan import Scan
from server.firmware.shelf import Shelf
from server.firmware.shelving import Swap, reshelve
from server.firmware.telling import tell

_V = TypeVar("_V")
_FEW = 64
"""New releases that are put into their places one by one; more are sorted with all others."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Path -> image, publish id -> release, and the problems found. A value: threads share it freely."""

    images: Mapping[str, Image] = field(default_factory=dict)
    """By the path at which it is served; an image's own path is the file's."""
    releases: tuple[Release, ...] = ()
    """Newest first."""
    problems: tuple[Problem, ...] = ()
    number: int = 0
    """Rises with every change."""
    scan: Scan = field(default_factory=Scan, repr=False)
    shelves: Mapping[str, Shelf] = field(default_factory=dict, repr=False)
    by_id: Mapping[str, Release] = field(default_factory=dict, repr=False)
    latest: Latest = field(default_factory=Latest, repr=False)
    """The newest release of each folder of releases."""
    due: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Folder -> Unix time at which its release is judged again, though nothing changes."""
    faults: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict, repr=False)
    """Folder -> what is wrong in it."""

    @property
    def unsettled(self) -> bool:
        """Something in the folder is being written."""
        return bool(self.scan.unsettled)

    @property
    def pending(self) -> bool:
        """A release waits for its missing parts."""
        return bool(self.due)


class Folders(Protocol):
    """What the catalogue needs of the store."""

    def scan(self, previous: Scan, where: frozenset[str] | None) -> Scan:
        """Look at the folders `where`, or at all."""

    def read(self, image: Image) -> bytes:
        """The bytes of an image, or ImageChanged or OSError."""


def build(scan: Scan, previous: Catalogue, read: Callable[[Image], bytes], now: float) -> tuple[Catalogue, list[Swap]]:
    """The catalogue of what `scan` saw, made of the `previous` one and what changed since; `now` is Unix time.

    A change costs copies of a few dicts and the choice of the newest release in its folder, whatever else there is.
    """
    shelves = dict(previous.shelves)
    swaps = reshelve(shelves, scan, previous.due, read, now)
    if not swaps:
        return replace(previous, scan=scan), swaps
    due = _renewed(previous.due, {s.path: s.after.due if s.after else None for s in swaps})
    again = frozenset(s.path for s in swaps if s.path in due and due[s.path] <= now)
    faults = _renewed(previous.faults, {s.path: (s.after.problems or None) if s.after else None for s in swaps})
    images, latest = _served(previous, swaps, scan, shelves, now)
    releases = _announced(previous, swaps, latest, shelves)
    problems = [p for f in sorted(faults) for p in faults[f]] + [latest.unclear[f] for f in sorted(latest.unclear)]
    same = not releases and problems == list(previous.problems) and not any(s.is_change for s in swaps)
    after = Catalogue(
        images=previous.images if same else images,
        releases=_in_order(previous.releases, releases) if releases else previous.releases,
        problems=tuple(problems),
        number=previous.number if same else previous.number + 1,
        scan=replace(scan, unsettled=scan.unsettled | again),
        shelves=shelves,
        by_id=_renewed(previous.by_id, releases) if releases else previous.by_id,
        latest=latest,
        due=due,
        faults=faults,
    )
    return after, swaps


def _served(
    previous: Catalogue, swaps: Sequence[Swap], scan: Scan, shelves: Mapping[str, Shelf], now: float
) -> tuple[dict[str, Image], Latest]:
    """What is served at which path, and the newest releases. A real file at the path of a latest manifest wins."""
    folders = {s.folder for s in swaps if s.is_change or s.name == LATEST}
    images = dict(previous.images)
    for folder in folders & previous.latest.holders.keys():
        del images[latest_path(folder)]
    for swap in swaps:
        for path in swap.old_images:
            del images[path]
    for swap in swaps:
        images.update(swap.new_images)
    candidates = {f: _candidates(f, previous, swaps, scan, shelves, images) for f in folders}
    latest = previous.latest.renewed(candidates, lambda path: path in shelves and shelves[path].release is not None, now)
    for folder in folders & latest.holders.keys():
        images[latest_path(folder)] = images[f"{latest.holders[folder].publish_id}/{Role.MANIFEST}"]
    return images, latest


def _candidates(
    folder: str,
    previous: Catalogue,
    swaps: Sequence[Swap],
    scan: Scan,
    shelves: Mapping[str, Shelf],
    images: Mapping[str, Image],
) -> Release | list[Release]:
    """The newest release right in this folder, where the swaps tell, else all that may be it."""
    if latest_path(folder) in images:
        return []
    holder = previous.latest.holders.get(folder)
    if holder is not None:
        news = ((s.path, s.new if f"{s.path}/{Role.MANIFEST}" in images else None) for s in swaps if s.folder == folder)
        newest = successor(holder, news)
        if newest is not None:
            return newest
    return _releases(folder, scan, shelves, images)


def _releases(folder: str, scan: Scan, shelves: Mapping[str, Shelf], images: Mapping[str, Image]) -> list[Release]:
    """Those right in this folder whose manifest is served: a forced one may have none."""
    inner = scan.folders[folder].inner if folder in scan.folders else ()
    found = [shelves[path].release for path in inner if f"{path}/manifest" in images]
    return [release for release in found if release is not None]


def _announced(
    previous: Catalogue, swaps: Sequence[Swap], latest: Latest, shelves: Mapping[str, Shelf]
) -> dict[str, Release | None]:
    """The releases that came, changed or went (None), each with all paths at which it is served."""
    changed = {s.path for s in swaps if s.old != s.new}
    for folder in {s.folder for s in swaps}:
        holders = (previous.latest.holders.get(folder), latest.holders.get(folder))
        if holders[0] != holders[1]:
            changed.update(release.publish_id for release in holders if release is not None)
    releases = {path: shelves[path].release if path in shelves else None for path in changed}
    return {path: latest.shown(release) if release is not None else None for path, release in releases.items()}


def _in_order(previous: Sequence[Release], news: Mapping[str, Release | None]) -> tuple[Release, ...]:
    releases = [release for release in previous if release.publish_id not in news]
    come = [release for release in news.values() if release is not None]
    if len(come) > _FEW:
        return tuple(sorted([*releases, *come], key=_newest_first))
    for release in come:
        bisect.insort(releases, release, key=_newest_first)
    return tuple(releases)


def _newest_first(release: Release) -> tuple[float, int, str]:
    return (-release.published.timestamp(), -(release.sequence_number or 0), release.publish_id)


def _renewed(previous: Mapping[str, _V], changes: Mapping[str, _V | None]) -> dict[str, _V]:
    """The same with these entries anew; one without a value goes."""
    renewed = dict(previous)
    for key, value in changes.items():
        if value is None:
            renewed.pop(key, None)
        else:
            renewed[key] = value
    return renewed


class LiveCatalogue:
    """Holds the current catalogue and replaces it.

    Threads: any thread reads `current`; the catalogue thread and the web workers call `refresh`.
    """

    def __init__(self, folders: Folders, clock: Callable[[], float]) -> None:
        """`clock` gives Unix time in seconds."""
        self._folders = folders
        self._clock = clock
        self._lock = threading.Lock()
        self.current = Catalogue()

    def refresh(self, where: frozenset[str] | None = None) -> Catalogue:
        """Look at the folders `where` (all, when None) and swap the catalogue in.

        Raises OSError when the folder cannot be read; the last good catalogue stays then.
        """
        with self._lock:
            before = self.current
            after, swaps = build(self._folders.scan(before.scan, where), before, self._folders.read, self._clock())
            self.current = after
        if after.number != before.number:
            tell(swaps, before.problems, after.problems)
        return after
