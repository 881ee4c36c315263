"""The folders that changed -> their shelves anew, and no others."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from common.release import Problem, Release
from server.firmware import layouts
from server.firmware.image import Image
from server.firmware.judging import Shelved
from server.firmware.scan import Folder, Scan
from server.firmware.shelf import Look, Shelf, shelve

_log = logging.getLogger(__name__)


class Swap(NamedTuple):
    """What came in the place of what, for one folder; None where there is no such folder."""

    path: str
    before: Shelf | None
    after: Shelf | None

    @property
    def old(self) -> Mapping[str, Shelved]:
        """The releases that were there, by publish id."""
        return self.before.releases if self.before is not None else {}

    @property
    def new(self) -> Mapping[str, Shelved]:
        """The releases that are there."""
        return self.after.releases if self.after is not None else {}

    @property
    def old_images(self) -> Mapping[str, Image]:
        """What was served at which path."""
        return self.before.images if self.before is not None else {}

    @property
    def new_images(self) -> Mapping[str, Image]:
        """What is served at which path."""
        return self.after.images if self.after is not None else {}


class Change(NamedTuple):
    """What came in the place of what, for one release; None where there is none."""

    publish_id: str
    before: Shelved | None
    after: Shelved | None

    @property
    def folder(self) -> str:
        """The folder of releases in which it is."""
        return self.publish_id.rpartition("/")[0]

    @property
    def old(self) -> Release | None:
        """The release that was there."""
        return self.before.release if self.before is not None else None

    @property
    def new(self) -> Release | None:
        """The release that is there."""
        return self.after.release if self.after is not None else None


def changes(swaps: Iterable[Swap]) -> list[Change]:
    """The releases in these swaps that came, went or are other ones."""
    return [
        Change(publish_id, swap.old.get(publish_id), swap.new.get(publish_id))
        for swap in swaps
        for publish_id in sorted(swap.old.keys() | swap.new.keys())
        if swap.old.get(publish_id) is not swap.new.get(publish_id)
    ]


def reshelve(shelves: dict[str, Shelf], scan: Scan, again: Iterable[str], look: Look) -> list[Swap]:
    """Renew those `shelves` whose folders changed in `scan`, or which are to be judged `again`."""
    above = {path.rpartition("/")[0] for path in scan.changed if _is_named_as_a_version(path, scan)}
    turns = sorted(scan.changed.union(again, above))  # a sorted list is a heap
    swaps: list[Swap] = []
    while turns:
        path = heappop(turns)
        if swaps and swaps[-1].path == path:
            continue
        before, after, folder = shelves.pop(path, None), None, scan.folders.get(path)
        if folder is not None:
            taken = _taken(folder, scan, shelves) - (before.releases.keys() if before is not None else set())
            after = shelves[path] = _shelve(folder, before, _outer(path, shelves), taken, look)
        swap = Swap(path, before, after)
        swaps.append(swap)
        if folder is not None and swap.old.keys() != swap.new.keys():
            for inner in _below(folder, scan):  # they lie in a release now, or no more
                heappush(turns, inner)
    return swaps


def _shelve(folder: Folder, before: Shelf | None, outer: str | None, taken: set[str], look: Look) -> Shelf:
    """No content of one folder may end the service for all others."""
    try:
        return shelve(folder, before, outer, taken, look)
    except Exception:
        _log.exception("the folder %r could not be understood", folder.path)
        text = "The server could not make sense of this folder, which is a fault of the server; its log says more."
        return Shelf(folder, {}, troubles=(Problem(folder.path, text),), outer=outer)


def _outer(path: str, shelves: Mapping[str, Shelf]) -> str | None:
    """The release in which a folder lies: a folder above it, or a version of RIOT's form, which has no folder."""
    inside = path
    while inside:
        above = inside.rpartition("/")[0]
        shelf = shelves.get(above)
        if shelf is not None:
            for publish_id in (inside, above):
                if publish_id in shelf.releases:
                    return publish_id
        inside = above
    return None


def _taken(folder: Folder, scan: Scan, shelves: Mapping[str, Shelf]) -> set[str]:
    """The publish ids right below `folder` that folders have which are releases, or will be: they have not been looked at yet."""
    found = set()
    for layout in layouts.releases(folder.names):
        path = layout.publish_id(folder.path)
        inner = scan.folders.get(path) if layout.version else None
        others = layouts.releases(inner.names) if inner is not None else ()
        is_release = any(not other.version and not other.doubled for other in others)
        if is_release and (path not in shelves or path in shelves[path].releases):
            found.add(path)
    return found


def _is_named_as_a_version(path: str, scan: Scan) -> bool:
    """Whether a folder has the publish id of a version in RIOT's form in the folder above, which may get it or lose it."""
    above, _, version = path.rpartition("/")
    folder = scan.folders.get(above) if version.isdigit() else None
    return folder is not None and layouts.of_release(folder.names, version) is not None


def _below(folder: Folder, scan: Scan) -> Iterator[str]:
    for path in folder.inner:
        if path in scan.folders:
            yield path
            yield from _below(scan.folders[path], scan)
