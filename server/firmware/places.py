"""What is served at which CoAP path: every file at its own, a release's also by their roles, the newest manifest of a
folder of releases, and the images where signed manifests say that they are. A real file wins over all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from common.finding import Role
from common.release import Release, State
from server.firmware.image import Image
from server.firmware.judging import Shelved
from server.firmware.latest import LATEST, Latest, latest_path, successor
from server.firmware.precedence import Watch
from server.firmware.scan import Scan
from server.firmware.shelf import Shelf
from server.firmware.shelving import Change, Swap
from server.firmware.signed_paths import Near, SignedPaths

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Places:
    """A value: threads share it freely."""

    images: Mapping[str, Image] = field(default_factory=dict)
    """By the path at which it is served; an image's own path is the file's."""
    real: Mapping[str, Image] = field(default_factory=dict)
    """Those that files and releases have by their names alone."""
    latest: Latest = field(default_factory=Latest)
    """The newest release of each folder of releases."""
    signed: SignedPaths = field(default_factory=SignedPaths)
    """Who is served at the paths that manifests name."""

    @property
    def waiting(self) -> bool:
        """A place is kept for one that is gone, and others would have it."""
        return self.signed.waiting or bool(self.latest.left)

    def renewed(
        self, swaps: Sequence[Swap], changes: Sequence[Change], scan: Scan, shelves: Mapping[str, Shelf], now: float
    ) -> tuple[Places, set[str]]:
        """The same after these swaps, at `now` (Unix time), and the publish ids of the releases whose places may be others."""
        real = dict(self.real)
        for swap in swaps:
            for path in swap.old_images:
                del real[path]
        for swap in swaps:
            real.update(swap.new_images)
        watch = Watch(
            is_there=lambda name: _state(name, shelves) is not None,
            is_rebuilt=lambda name: _state(name, shelves) is State.INCOMPLETE,
            now=now,
        )
        folders = {c.folder for c in changes} | _folders_by_hand(swaps) | self.latest.expired(watch)
        candidates = {f: self._candidates(f, changes, scan, shelves, real) for f in folders}
        latest = self.latest.renewed(candidates, watch) if folders else self.latest
        swapped: set[str] = set().union(*(s.old_images.keys() | s.new_images.keys() for s in swaps))
        signed, claimed = self.signed.renewed(changes, swapped, Near(real, watch))
        paths = claimed.union(swapped, map(latest_path, folders))
        derived = {path: signed.holders[path].image for path in paths & signed.holders.keys()}
        for folder in folders & latest.holders.keys():
            derived[latest_path(folder)] = real[f"{latest.holders[folder].publish_id}/{Role.MANIFEST}"]
        images = renewed(self.images, {path: real.get(path) or derived.get(path) for path in paths})
        affected = {name for path in paths & signed.claimants.keys() for name in signed.claimants[path]}
        for folder in folders:
            affected.update(h.publish_id for h in (self.latest.holders.get(folder), latest.holders.get(folder)) if h is not None)
        return Places(images, real, latest, signed), affected

    def _candidates(
        self, folder: str, changes: Sequence[Change], scan: Scan, shelves: Mapping[str, Shelf], real: Mapping[str, Image]
    ) -> Release | list[Release]:
        """The newest release right in this folder, where the changes tell, else all that may be it."""
        if latest_path(folder) in real:
            return []
        holder = self.latest.holders.get(folder)
        if holder is not None:
            news = ((c.publish_id, c.new if _has_manifest(c.publish_id, real) else None) for c in changes if c.folder == folder)
            newest = successor(holder, news)
            if newest is not None:
                return newest
        return [release for release in _releases(folder, scan, shelves) if _has_manifest(release.publish_id, real)]


def _folders_by_hand(swaps: Iterable[Swap]) -> set[str]:
    """The folders of releases where somebody may have put a latest manifest, or taken it away."""
    return {above for above, _, name in (swap.path.rpartition("/") for swap in swaps) if name == LATEST}


def _has_manifest(publish_id: str, real: Mapping[str, Image]) -> bool:
    """A forced release may have none."""
    return f"{publish_id}/{Role.MANIFEST}" in real


def _releases(folder: str, scan: Scan, shelves: Mapping[str, Shelf]) -> list[Release]:
    """Those right in this folder: RIOT's versions, and folders of their own."""
    inner = scan.folders[folder].inner if folder in scan.folders else ()
    near = [shelves[path].releases for path in (folder, *inner) if path in shelves]
    found = [shelved.release for releases in near for shelved in releases.values()]
    return [release for release in found if release.publish_id != folder and release.publish_id.rpartition("/")[0] == folder]


def _state(publish_id: str, shelves: Mapping[str, Shelf]) -> State | None:
    shelved = find(publish_id, shelves)
    return shelved.release.state if shelved is not None else None


def find(publish_id: str, shelves: Mapping[str, Shelf]) -> Shelved | None:
    """The release of this name: a folder, or a version in RIOT's form in the folder above."""
    for path in (publish_id, publish_id.rpartition("/")[0]):
        if path in shelves and publish_id in shelves[path].releases:
            return shelves[path].releases[publish_id]
    return None


def named(path: str, shelves: Mapping[str, Shelf]) -> str:
    """Whose file this is, in words: a release's, or nobody's."""
    shelf = shelves.get(path.rpartition("/")[0])
    for publish_id, shelved in shelf.releases.items() if shelf is not None else ():
        if any(image.path == path for image in shelved.files.images.values()):
            return f"the release {publish_id}"
    return f"the file {path}"


def renewed(previous: Mapping[str, _V], changes: Mapping[str, _V | None]) -> dict[str, _V]:
    """The same with these entries anew; one without a value goes."""
    after = dict(previous)
    for key, value in changes.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    return after
