"""What there is to serve: an immutable snapshot of the folder, and the one that is current."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from common.finding import Role
from common.preflight import ServerFacts
from common.release import Problem, Release
from server.firmware import neighbours
from server.firmware.image import Image
from server.firmware.judging import Judge
from server.firmware.latest import Latest
from server.firmware.places import Places, find, renewed
from server.firmware.scan import Scan
from server.firmware.shelf import Look, Shelf
from server.firmware.shelving import Change, changes, reshelve
from server.firmware.telling import tell

_FEW = 64
"""New releases that are put into their places one by one; more are sorted with all others."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Path -> image, publish id -> release, and the problems found. A value: threads share it freely."""

    releases: tuple[Release, ...] = ()
    """Newest first."""
    problems: tuple[Problem, ...] = ()
    number: int = 0
    """Rises with every change."""
    by_id: Mapping[str, Release] = field(default_factory=dict, repr=False)
    places: Places = field(default_factory=Places, repr=False)
    scan: Scan = field(default_factory=Scan, repr=False)
    shelves: Mapping[str, Shelf] = field(default_factory=dict, repr=False)
    overtaken: Mapping[str, Release] = field(default_factory=dict, repr=False)
    """Publish id -> a release for the same devices that was newer already when this one came."""
    facts: ServerFacts = field(default_factory=ServerFacts, repr=False)
    """What the releases were held against."""
    due: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Folder -> Unix time at which its releases are judged again, though nothing changes."""
    faults: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict, repr=False)
    """Folder -> what is wrong in it."""
    reported: tuple[Problem, ...] = ()
    """Problems that others found with the folder as a whole."""

    @property
    def images(self) -> Mapping[str, Image]:
        """By the path at which it is served; an image's own path is the file's."""
        return self.places.images

    def origin(self, path: str) -> tuple[str, Role] | None:
        """The release whose file is served at this path, and as what; None where it is a file of none."""
        image = self.images.get(path)
        shelf = self.shelves.get(image.path.rpartition("/")[0]) if image is not None else None
        if image is None or shelf is None:
            return None
        for publish_id, shelved in shelf.releases.items():
            for role, one in shelved.files.images.items():
                if one.path == image.path:
                    return publish_id, role
        return None

    @property
    def latest(self) -> Latest:
        """The newest release of each folder of releases."""
        return self.places.latest

    @property
    def unsettled(self) -> bool:
        """Something in the folder is being written."""
        return bool(self.scan.unsettled)

    @property
    def pending(self) -> bool:
        """A release waits for its missing parts, or somebody for another one's place."""
        return bool(self.due) or self.places.waiting


class Folders(Protocol):
    """What the catalogue needs of the store."""

    def scan(self, previous: Scan, where: frozenset[str] | None) -> Scan:
        """Look at the folders `where`, or at all."""

    def read(self, image: Image) -> bytes:
        """The bytes of an image, or ImageChanged or OSError."""


def build(scan: Scan, previous: Catalogue, look: Look) -> tuple[Catalogue, list[Change]]:
    """The catalogue of what `scan` saw, made of the `previous` one and what changed since; also what changed.

    A change costs copies of a few dicts and a look at the other releases for the same devices, whatever else there is.
    """
    shelves = dict(previous.shelves)
    swaps = reshelve(shelves, scan, _again(previous, look), look)
    if not swaps and not previous.places.waiting:
        return replace(previous, scan=scan, facts=look.facts), []
    changed = changes(swaps)
    places, affected = previous.places.renewed(swaps, changed, scan, shelves, look.now)
    overtaken = _overtaken(previous.overtaken, changed, shelves)
    affected.update(c.publish_id for c in changed)
    affected.update(name for name, _ in previous.overtaken.items() ^ overtaken.items())
    found = {name: find(name, shelves) for name in affected}
    releases = {name: neighbours.shown(s, places, overtaken, shelves) if s is not None else None for name, s in found.items()}
    due = renewed(previous.due, {s.path: s.after.due if s.after else None for s in swaps})
    soon = frozenset(s.path for s in swaps if s.path in due and due[s.path] <= look.now)
    faults = renewed(previous.faults, {s.path: (s.after.problems or None) if s.after else None for s in swaps})
    problems = (*_problems(faults, places), *previous.reported)
    by_id = renewed(previous.by_id, releases)
    same = by_id == previous.by_id and problems == previous.problems and places.images == previous.images
    after = Catalogue(
        releases=previous.releases if same else _in_order(previous.releases, releases),
        problems=problems,
        number=previous.number if same else previous.number + 1,
        by_id=by_id,
        places=places,
        scan=replace(scan, unsettled=scan.unsettled | soon),
        shelves=shelves,
        overtaken=overtaken,
        facts=look.facts,
        due=due,
        faults=faults,
        reported=previous.reported,
    )
    return after, changed


def _again(previous: Catalogue, look: Look) -> set[str]:
    """The folders whose releases are to be judged again, though nothing changed in them."""
    again = {path for path, time in previous.due.items() if time <= look.now}
    if look.facts != previous.facts:
        again.update(path for path, shelf in previous.shelves.items() if shelf.releases)
    return again


def _overtaken(previous: Mapping[str, Release], changed: Iterable[Change], shelves: Mapping[str, Shelf]) -> dict[str, Release]:
    """Of the kinds that changed anew, of all others as before."""
    kinds = {r.kind for c in changed for r in (c.old, c.new) if r is not None and r.sequence_number is not None}
    if not kinds:
        return dict(previous)
    shelved = (release for shelf in shelves.values() for release in shelf.releases.values())
    return {k: r for k, r in previous.items() if r.kind not in kinds} | neighbours.overtaken_by(shelved, kinds)


def _problems(faults: Mapping[str, tuple[Problem, ...]], places: Places) -> Iterable[Problem]:
    for folder in sorted(faults):
        yield from faults[folder]
    for problems in (places.latest.unclear, places.signed.disputes):
        yield from (problems[key] for key in sorted(problems))


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


class LiveCatalogue:
    """Holds the current catalogue and replaces it.

    Threads: any thread reads `current`; the catalogue thread, the web workers and the fleet thread call `refresh`, any `report`.
    """

    def __init__(
        self, folders: Folders, clock: Callable[[], float], judge: Judge | None = None, before: Places | None = None
    ) -> None:
        """`clock` gives Unix time in seconds; `judge` decides on releases; `before` tells who had which place."""
        self._folders = folders
        self._clock = clock
        self._lock = threading.Lock()
        self.judge = Judge() if judge is None else judge
        self.current = Catalogue() if before is None else Catalogue(places=before)

    def refresh(self, where: frozenset[str] | None = None) -> Catalogue:
        """Look at the folders `where` (all, and at this server's addresses, when None) and swap the catalogue in.

        Raises OSError when the folder cannot be read; the last good catalogue stays then.
        """
        with self._lock:
            before = self.current
            facts = before.facts if where is not None and before.number else self.judge.facts()
            look = Look(self.judge, facts, self._folders.read, self._clock())
            after, changed = build(self._folders.scan(before.scan, where), before, look)
            self.current = after
        if after.number != before.number:
            tell(changed, before.problems, after.problems)
        return after

    def report(self, problems: tuple[Problem, ...]) -> None:
        """Have these told behind those that are seen in the folder, until others are reported in their place."""
        with self._lock:
            before = self.current
            if problems == before.reported:
                return
            own = before.problems[: len(before.problems) - len(before.reported)]
            self.current = replace(before, problems=(*own, *problems), reported=problems, number=before.number + 1)
        tell((), before.problems, self.current.problems)
