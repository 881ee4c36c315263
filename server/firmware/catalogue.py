"""What there is to serve: an immutable snapshot of the folder, and the one that is current."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from common.finding import Severity
from common.release import Problem, Release
from server.firmware.image import Image
from server.firmware.scan import Folder, Scan
from server.firmware.shelf import Shelf, shelve

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Path -> image, publish id -> release, and the problems found. A value: threads share it freely."""

    images: Mapping[str, Image] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()
    """Newest first."""
    problems: tuple[Problem, ...] = ()
    number: int = 0
    """Rises with every change."""
    scan: Scan = field(default_factory=Scan, repr=False)
    shelves: Mapping[str, Shelf] = field(default_factory=dict, repr=False)
    by_id: Mapping[str, Release] = field(default_factory=dict, repr=False)

    @property
    def unsettled(self) -> bool:
        """Something in the folder is being written."""
        return bool(self.scan.unsettled)

    @property
    def pending(self) -> bool:
        """A release waits for its missing parts."""
        return any(shelf.pending for shelf in self.shelves.values())


class Folders(Protocol):
    """What the catalogue needs of the store."""

    def scan(self, previous: Scan, where: frozenset[str] | None) -> Scan:
        """Look at the folders `where`, or at all."""

    def read(self, image: Image) -> bytes:
        """The bytes of an image, or ImageChanged or OSError."""


def build(scan: Scan, previous: Catalogue, read: Callable[[Image], bytes], now: float) -> Catalogue:
    """The catalogue of what `scan` saw. `previous` keeps what is being written as it was; `now` is Unix time."""
    shelves: dict[str, Shelf] = {}
    for path in sorted(scan.folders):
        folder = scan.folders[path]
        before = previous.shelves.get(path)
        outer = next((o for o in _ancestors(path) if o in shelves and shelves[o].release is not None), None)
        if before is not None and before.folder == folder and before.outer == outer and not before.pending:
            shelves[path] = before
        else:
            shelves[path] = replace(_shelve(folder, before, outer, read, now), outer=outer)
    problems = [p for path in shelves for p in (*shelves[path].folder.problems, shelves[path].trouble) if p is not None]
    images = {p: image for shelf in shelves.values() for p, image in shelf.images.items()}
    releases = sorted((s.release for s in shelves.values() if s.release), key=lambda r: r.publish_id)
    releases.sort(key=lambda r: (r.published, r.sequence_number or 0), reverse=True)
    by_id = {r.publish_id: r for r in releases}
    fresh = Catalogue(images, tuple(releases), tuple(problems), previous.number, scan, shelves, by_id)
    if (fresh.images, fresh.releases, fresh.problems) != (previous.images, previous.releases, previous.problems):
        return replace(fresh, number=previous.number + 1)
    return fresh


def _shelve(folder: Folder, before: Shelf | None, outer: str | None, read: Callable[[Image], bytes], now: float) -> Shelf:
    """No content of one folder may end the service for all others."""
    try:
        return shelve(folder, before, outer, read, now)
    except Exception:
        _log.exception("the folder %r could not be understood", folder.path)
        text = "The server could not make sense of this folder, which is a fault of the server; its log says more."
        return Shelf(folder, {}, trouble=Problem(folder.path, text))


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


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
            after = build(self._folders.scan(before.scan, where), before, self._folders.read, self._clock())
            self.current = after
        if after.number != before.number:
            _tell(before, after)
        return after


def _tell(before: Catalogue, after: Catalogue) -> None:
    for publish_id, release in after.by_id.items():
        old = before.by_id.get(publish_id)
        if old is None or (old.state, old.files) != (release.state, release.files):
            reasons = " ".join(f.message for f in release.findings if f.severity is not Severity.INFO)
            _log.info("release %r is %s%s", publish_id, release.state, f": {reasons}" if reasons else "")
    for publish_id in before.by_id.keys() - after.by_id.keys():
        _log.info("release %r is gone", publish_id)
    for problem in after.problems:
        if problem not in before.problems:
            _log.warning("in the firmware folder, %r: %s", problem.path, problem.message)
