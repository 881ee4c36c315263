"""One folder -> what it contributes to the catalogue: served paths, a release, or the reason why it is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from common import preflight
from common.errors import InvalidRelease
from common.finding import Finding, Role, Severity
from common.release import Problem, Release, ReleaseFile, State, check_publish_id
from server.firmware import layouts
from server.firmware.image import Image, ImageChanged
from server.firmware.latest import LATEST
from server.firmware.scan import Folder

_BY_HAND = layouts.Layout({Role.MANIFEST: Role.MANIFEST.value}, {})
"""What is in a folder `latest` of somebody who says by hand, or by a link, which manifest is the latest."""
PATIENCE = 60.0
"""Seconds without a change after which an incomplete release counts as rejected."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one folder contributes: the paths that it serves, and its release, if it is one."""

    folder: Folder
    images: Mapping[str, Image]
    release: Release | None = None
    trouble: Problem | None = None
    """Why what looks like a release here is none."""
    outer: str | None = None
    """The release in which this folder lies."""
    due: float | None = None
    """Unix time at which the release is to be judged again, though nothing changes; None: never."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the folder and with it."""
        return self.folder.problems if self.trouble is None else (*self.folder.problems, self.trouble)


def shelve(folder: Folder, before: Shelf | None, outer: str | None, read: Callable[[Image], bytes], now: float) -> Shelf:
    """The shelf of one folder. `before` is its last one, `outer` the release in which it lies, `now` Unix time."""
    layout = layouts.plain([*folder.images, *folder.unsettled])
    if layout is None or (layout == _BY_HAND and folder.path.rpartition("/")[2] == LATEST):
        return _plain_files(folder, before)
    trouble = _trouble(folder.path, layout, outer)
    if trouble is not None:
        return replace(_plain_files(folder, before), trouble=trouble)
    return _release(folder, layout, before, read, now)


def _trouble(path: str, layout: layouts.Layout, outer: str | None) -> Problem | None:
    """Why these files, which look like a release, are none."""
    if not path:
        name = sorted([*layout.names.values(), *(n for names in layout.doubled.values() for n in names)])[0]
        return Problem(name, "This looks like a release without a publish id: put its files into a folder of their own.")
    if outer is not None:
        return Problem(path, f"This folder lies in the release {outer!r}, so it is none of its own: move it beside that one.")
    for role, names in layout.doubled.items():
        return Problem(path, f"Two files claim to be the {role} ({', '.join(names)}): keep one of them.")
    try:
        check_publish_id(path)
    except InvalidRelease as error:
        return Problem(path, f"This folder cannot be a release. {error}")
    return None


def _plain_files(folder: Folder, before: Shelf | None) -> Shelf:
    """Files that are served at their own path only; one that is being written stays what it was."""
    images = {image.path: image for image in folder.images.values()}
    if before is not None:
        for name in folder.unsettled:
            path = f"{folder.path}/{name}" if folder.path else name
            if path in before.images:
                images[path] = before.images[path]
    return Shelf(folder, images)


def _release(folder: Folder, layout: layouts.Layout, before: Shelf | None, read: Callable[[Image], bytes], now: float) -> Shelf:
    writing = {role for role, name in layout.names.items() if name in folder.unsettled}
    if before is not None and before.release is not None:
        left = {f.role for f in before.release.files} - layout.names.keys()
        if writing or (folder.fresh and left):
            return replace(before, folder=folder, due=None)
    roles = {role: folder.images[name] for role, name in layout.names.items() if role not in writing}
    manifest = roles.get(Role.MANIFEST)
    data = None
    due = None
    if manifest is not None:
        try:
            data = read(manifest)
        except (ImageChanged, OSError):
            if before is not None and before.release is not None:
                return replace(before, folder=folder, due=now)
            writing, due = writing | {Role.MANIFEST}, now
    images = {role: preflight.FileFacts(roles[role].size, roles[role].sha256) for role in preflight.SLOTS if role in roles}
    check = preflight.check(preflight.Files(data, images))
    forced = layouts.FORCED in folder.marks
    findings = check.findings
    patient = now - folder.changed < PATIENCE
    if writing:
        findings = tuple(
            Finding(Severity.INFO, "being-written", f"{role} is still being written; the release follows when it is whole.", role)
            for role in sorted(writing)
        )
        state = State.INCOMPLETE
    elif check.errors and not (forced and images):
        state = State.INCOMPLETE if patient else State.REJECTED
    else:
        state = State.INCOMPLETE if check.missing and patient and not (folder.ours or forced) else State.READY
    served = _served(folder, roles) if state is State.READY else {}
    newest = manifest or max(roles.values(), key=lambda i: i.stamp.mtime_ns, default=None)
    release = Release(
        publish_id=folder.path,
        published=_time(newest.stamp.mtime_ns // 1_000_000_000 if newest else int(folder.changed)),
        state=state,
        files=tuple(_file(folder.path, role, roles[role]) for role in Role if role in roles),
        findings=findings,
        forced=forced and bool(check.errors),
        sequence_number=check.manifest.sequence_number if check.manifest else None,
        vendor_id=check.manifest.vendor_id if check.manifest else None,
        class_id=check.manifest.class_id if check.manifest else None,
        signature=check.signature,
    )
    if due is None and state is State.INCOMPLETE and patient:
        due = folder.changed + PATIENCE
    return Shelf(folder, served, release, due=due)


def _served(folder: Folder, roles: Mapping[Role, Image]) -> dict[str, Image]:
    served = {image.path: image for image in folder.images.values()}
    served.update({f"{folder.path}/{role}": image for role, image in roles.items()})
    return served


def _file(publish_id: str, role: Role, image: Image) -> ReleaseFile:
    path = f"{publish_id}/{role}"
    return ReleaseFile(role, image.name, image.size, image.sha256, path, (image.path,) if image.path != path else ())


def _time(seconds: int) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC)
