"""The folders that changed -> their shelves anew, and no others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from common.release import Problem, Release
from server.firmware.image import Image
from server.firmware.scan import Folder, Scan
from server.firmware.shelf import Shelf, shelve

_log = logging.getLogger(__name__)


class Swap(NamedTuple):
    """What came in the place of what, for one folder; None where there is no such folder."""

    path: str
    before: Shelf | None
    after: Shelf | None

    @property
    def folder(self) -> str:
        """The folder in which this one lies."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def old(self) -> Release | None:
        """The release that was there."""
        return self.before.release if self.before is not None else None

    @property
    def new(self) -> Release | None:
        """The release that is there."""
        return self.after.release if self.after is not None else None

    @property
    def old_images(self) -> Mapping[str, Image]:
        """What was served at which path."""
        return self.before.images if self.before is not None else {}

    @property
    def new_images(self) -> Mapping[str, Image]:
        """What is served at which path."""
        return self.after.images if self.after is not None else {}

    @property
    def is_change(self) -> bool:
        """Whether anybody can see a difference, but for what is wrong with the folder."""
        return self.old != self.new or self.old_images != self.new_images


def reshelve(
    shelves: dict[str, Shelf], scan: Scan, due: Mapping[str, float], read: Callable[[Image], bytes], now: float
) -> list[Swap]:
    """Renew those `shelves` whose folders changed in `scan` or whose time in `due` has come; `now` is Unix time."""
    turns = sorted(scan.changed.union(path for path, time in due.items() if time <= now))  # a sorted list is a heap
    swaps: list[Swap] = []
    while turns:
        path = heappop(turns)
        if swaps and swaps[-1].path == path:
            continue
        before, after, folder = shelves.pop(path, None), None, scan.folders.get(path)
        if folder is not None:
            outer = _outer(path, shelves)
            after = replace(_shelve(folder, before, outer, read, now), outer=outer)
            shelves[path] = after
        swap = Swap(path, before, after)
        swaps.append(swap)
        if folder is not None and (swap.old is None) != (swap.new is None):
            for inner in _below(folder, scan):  # they lie in a release now, or no more
                heappush(turns, inner)
    return swaps


def _shelve(folder: Folder, before: Shelf | None, outer: str | None, read: Callable[[Image], bytes], now: float) -> Shelf:
    """No content of one folder may end the service for all others."""
    try:
        return shelve(folder, before, outer, read, now)
    except Exception:
        _log.exception("the folder %r could not be understood", folder.path)
        text = "The server could not make sense of this folder, which is a fault of the server; its log says more."
        return Shelf(folder, {}, trouble=Problem(folder.path, text))


def _outer(path: str, shelves: Mapping[str, Shelf]) -> str | None:
    """The release in which a folder lies."""
    above = path.rpartition("/")[0]
    while above:
        shelf = shelves.get(above)
        if shelf is not None and shelf.release is not None:
            return above
        above = above.rpartition("/")[0]
    return None


def _below(folder: Folder, scan: Scan) -> Iterator[str]:
    for path in folder.inner:
        if path in scan.folders:
            yield path
            yield from _below(scan.folders[path], scan)
