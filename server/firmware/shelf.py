"""One folder -> what it contributes to the catalogue: served paths, its releases, or the reasons why they are none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from common.errors import InvalidRelease
from common.finding import Role
from common.preflight import ServerFacts
from common.release import Problem, State, check_publish_id
from server.firmware import layouts
from server.firmware.image import Image, ImageChanged
from server.firmware.judging import Files, Judge, Shelved, unread
from server.firmware.latest import LATEST
from server.firmware.layouts import Layout
from server.firmware.scan import Folder

_BY_HAND = Layout({Role.MANIFEST: Role.MANIFEST.value})
"""What is in a folder `latest` of somebody who says by hand, or by a link, which manifest is the latest."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one folder contributes: the paths that it serves, and its releases."""

    folder: Folder
    images: Mapping[str, Image]
    releases: Mapping[str, Shelved] = field(default_factory=dict)
    """By publish id: one named as the folder, or those of RIOT's form, one a version."""
    troubles: tuple[Problem, ...] = ()
    """Why what looks like a release here is none."""
    outer: str | None = None
    """The release in which this folder lies."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the folder and with it."""
        return (*self.folder.problems, *self.troubles)

    @property
    def due(self) -> float | None:
        """Unix time at which one of the releases is to be judged again, though nothing changes; None: never."""
        return min((s.due for s in self.releases.values() if s.due is not None), default=None)


@dataclass(frozen=True, slots=True)
class Look:
    """What a shelf is made with, beside its folder."""

    judge: Judge
    facts: ServerFacts
    read: Callable[[Image], bytes]
    """Raises ImageChanged or OSError."""
    now: float
    """Unix time."""


def shelve(folder: Folder, before: Shelf | None, outer: str | None, taken: Collection[str], look: Look) -> Shelf:
    """The shelf of one folder. `before` is its last one, `outer` the release in which it lies.

    `taken` are publish ids below this folder that folders of their own have.
    """
    found: dict[str, Shelved] = {}
    troubles: list[Problem] = []
    kept: set[str] = set()
    names = folder.names
    for name in sorted(layouts.strays(names)):
        text = "This file lies among RIOT's versions and belongs to none: put it into a folder of its own, with its release."
        troubles.append(Problem(f"{folder.path}/{name}" if folder.path else name, text))
    for layout in layouts.releases(names):
        if layout == _BY_HAND and folder.path.rpartition("/")[2] == LATEST:
            continue
        publish_id = layout.publish_id(folder.path)
        trouble = _trouble(publish_id, layout, outer, taken)
        if trouble is not None:
            troubles.append(trouble)
            kept |= layout.files if layout.doubled else set()
            continue
        last = before.releases.get(publish_id) if before is not None else None
        found[publish_id] = _release(publish_id, folder, layout, last, look)
        kept |= layout.files
    whole = any(not shelved.files.layout.version for shelved in found.values())
    images = _whole_folder(folder, found) if whole else _files(folder, before, kept, found)
    for shelved in found.values():
        images |= shelved.served
    if outer == folder.path:  # a version of RIOT's form in the folder above has this name, and these paths
        images = {path: image for path, image in images.items() if path not in {f"{outer}/{role}" for role in Role}}
    return Shelf(folder, images, found, tuple(troubles), outer)


def _trouble(publish_id: str, layout: Layout, outer: str | None, taken: Collection[str]) -> Problem | None:
    """Why these files, which look like a release, are none."""
    if not publish_id:
        text = "This looks like a release without a publish id: put its files into a folder of their own."
        return Problem(min(layout.files), text)
    if outer is not None:
        return Problem(publish_id, f"This lies in the release {outer!r}, so it is none of its own: move it beside that one.")
    if publish_id in taken:
        text = f"The files of version {layout.version} would be the release {publish_id!r}, and so is the folder of that name"
        return Problem(publish_id, f"{text}: keep one of the two.")
    for role, names in layout.doubled.items():
        text = f"Two files claim to be the {role} ({', '.join(names)}), so none of this release is served: keep one of them."
        return Problem(publish_id, text)
    try:
        check_publish_id(publish_id)
    except InvalidRelease as error:
        return Problem(publish_id, f"This folder cannot be a release. {error}")
    return None


def _release(publish_id: str, folder: Folder, layout: Layout, before: Shelved | None, look: Look) -> Shelved:
    files = Files.of(layout, folder)
    if before is not None:
        timely = before.due is None or before.due > look.now
        if files == before.files and look.facts == before.facts and timely:
            return before
        left = before.files.images.keys() - layout.names.keys()
        if files.withdrawn == before.files.withdrawn and (files.writing or (folder.fresh and left)):
            return replace(before, due=None)
    manifest = files.images.get(Role.MANIFEST)
    try:
        data = look.read(manifest) if manifest is not None else None
    except (ImageChanged, OSError):
        if before is not None:
            return replace(before, due=look.now)
        return unread(publish_id, files, look.facts, look.now)
    return look.judge.judge(publish_id, files, data, look.facts, _changed(folder, files), look.now)


def _changed(folder: Folder, files: Files) -> float:
    """When something changed last, Unix time: of one version among others, its own files."""
    if not files.layout.version:
        return folder.changed
    return min(folder.changed, max((image.stamp.ctime_ns / 1e9 for image in files.images.values()), default=folder.changed))


def _whole_folder(folder: Folder, found: Mapping[str, Shelved]) -> dict[str, Image]:
    """All files of a folder that is a release, as far as that is ready."""
    [shelved] = found.values()
    if shelved.release.state is not State.READY:
        return {}
    beside = folder.images.keys() - shelved.files.layout.files
    return {folder.images[name].path: folder.images[name] for name in beside}


def _files(folder: Folder, before: Shelf | None, kept: Collection[str], found: Mapping[str, Shelved]) -> dict[str, Image]:
    """Files that are served at their own path only; one that is being written stays what it was.

    A copy of a manifest (`riot.suit.latest.bin`) is served when that manifest is.
    """
    states = [(s.files.images[Role.MANIFEST].sha256, s.release.state) for s in found.values() if Role.MANIFEST in s.files.images]
    withheld = {sha256 for sha256, _ in states} - {sha256 for sha256, state in states if state is State.READY}
    images = {
        image.path: image for name, image in folder.images.items() if name not in kept and image.sha256 not in withheld
    }
    if before is not None:
        for name in folder.unsettled - set(kept):
            path = f"{folder.path}/{name}" if folder.path else name
            if path in before.images:
                images[path] = before.images[path]
    return images
