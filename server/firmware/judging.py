"""One release's files -> its state and what people are told of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common import preflight
from common.boards import Boards
from common.checks.codes import info
from common.finding import Finding, Role
from common.manifest import Manifest
from common.preflight import ServerFacts
from common.release import Release, ReleaseFile, State
from common.signature import Keys
from server.firmware.image import Image
from server.firmware.layouts import FORCED, LATEST_COPY, WITHDRAWN, Layout
from server.firmware.scan import Folder

PATIENCE = 60.0
"""Seconds without a change after which an incomplete release counts as rejected."""
_MAY_COME = frozenset({
    "no-manifest", "no-image", "image-missing", "size-mismatch", "digest-mismatch", "slots-swapped", "same-image-twice"
})  # fmt: skip
"""Errors that are there while files come one after the other, or are replaced so."""
_STAYS = frozenset({
    "wrong-role", "unreadable-manifest", "manifest-digest-mismatch", "signature-invalid", "uri-too-long", "image-too-big"
})  # fmt: skip
"""Errors of one file alone, which another one does not mend. What is said of headers may go with an image that comes."""


@dataclass(frozen=True, slots=True)
class Files:
    """What is in the folder of one release."""

    layout: Layout
    images: Mapping[Role, Image]
    """The files that are whole."""
    writing: frozenset[Role]
    """Those that are not."""
    forced: bool
    withdrawn: bool
    copy: Image | None = None
    """RIOT's copy of the latest manifest, where it is this one's."""
    too_large: Mapping[Role, int] = field(default_factory=dict)
    """Those that are over the limit, and not read: bytes."""

    @classmethod
    def of(cls, layout: Layout, folder: Folder) -> Files:
        """Those of `layout` in a folder."""
        names = layout.names
        roles = {role: folder.images[name] for role, name in names.items() if name in folder.images}
        manifest, copy = roles.get(Role.MANIFEST), folder.images.get(LATEST_COPY) if layout.version else None
        is_copy = manifest is not None and copy is not None and copy.sha256 == manifest.sha256
        return cls(
            layout,
            roles,
            writing=frozenset(role for role, name in names.items() if name in folder.unsettled),
            forced=layout.has_mark(FORCED, folder.marks),
            withdrawn=layout.has_mark(WITHDRAWN, folder.marks),
            copy=copy if is_copy else None,
            too_large={role: folder.too_large[name] for role, name in names.items() if name in folder.too_large},
        )


@dataclass(frozen=True, slots=True)
class Shelved:
    """One release, what it was made of, and what it serves."""

    release: Release
    files: Files
    facts: ServerFacts
    claims: Mapping[Role, str] = field(default_factory=dict)
    """The CoAP paths that its manifest names for the images that are there."""
    due: float | None = None
    """Unix time at which it is to be judged again, though nothing changes; None: never."""

    @property
    def served(self) -> dict[str, Image]:
        """The images by their own paths and by those of their roles; none where it is not ready."""
        if self.release.state is not State.READY:
            return {}
        images = self.files.images
        own = {image.path: image for image in images.values()}
        return own | {f"{self.release.publish_id}/{role}": image for role, image in images.items()}


@dataclass(frozen=True, slots=True)
class Judge:
    """What releases are held against, beside themselves. Threads: immutable; any thread calls it."""

    keys: Keys | None = None
    """The public keys that are trusted; None where none are configured."""
    boards: Boards = field(default_factory=Boards)
    facts: Callable[[], ServerFacts] = ServerFacts
    """What is known of this server at the moment, its releases aside."""

    def check(self, files: preflight.Files, facts: ServerFacts) -> preflight.Check:
        """What is wrong with these files."""
        return preflight.check(files, facts, self.keys)

    def judge(
        self, publish_id: str, files: Files, manifest: bytes | None, facts: ServerFacts, changed: float, now: float
    ) -> Shelved:
        """The release of these files. `changed` is when anything changed beside them last; both are Unix time."""
        check = self.check(_facts(files, manifest), facts)
        patient = now - changed < PATIENCE
        state = _state(files, check, patient)
        suit = check.manifest
        release = Release(
            publish_id=publish_id,
            published=_time(files, changed),
            state=state,
            files=tuple(_file(publish_id, role, files) for role in Role if role in files.images),
            findings=_writing(files.writing) or check.findings,
            forced=files.forced and bool(check.errors),
            sequence_number=suit.sequence_number if suit else None,
            vendor_id=suit.vendor_id if suit else None,
            class_id=suit.class_id if suit else None,
            board=self.boards.name(suit.class_id) if suit else None,
            signature=check.signature,
        )
        waiting = state is State.INCOMPLETE and patient
        return Shelved(release, files, facts, _claims(files, suit), changed + PATIENCE if waiting else None)


def unread(publish_id: str, files: Files, facts: ServerFacts, now: float) -> Shelved:
    """The release whose manifest changed since it was looked at: at the next look it is another one."""
    state = State.WITHDRAWN if files.withdrawn else State.INCOMPLETE
    release = Release(publish_id, _time(files, now), state, (), _writing(files.writing | {Role.MANIFEST}))
    return Shelved(release, files, facts, due=now)


def _claims(files: Files, manifest: Manifest | None) -> dict[Role, str]:
    named = preflight.claims_by_role(manifest) if manifest is not None else {}
    paths = {role: preflight.served_path(claim.uri) for role, claim in named.items() if claim.uri and role in files.images}
    return {role: path for role, path in paths.items() if path is not None}


def _state(files: Files, check: preflight.Check, patient: bool) -> State:
    if files.withdrawn:
        return State.WITHDRAWN
    if files.writing:
        return State.INCOMPLETE
    has_images = any(role in files.images for role in preflight.SLOTS)
    if not check.errors or (files.forced and has_images):
        return State.READY
    codes = {finding.code for finding in check.errors}
    may_come = not codes.isdisjoint(_MAY_COME) and codes.isdisjoint(_STAYS)
    return State.INCOMPLETE if may_come and patient else State.REJECTED


def _writing(roles: frozenset[Role]) -> tuple[Finding, ...]:
    return tuple(
        info("being-written", f"{role} is still being written; the release follows when it is whole.", role)
        for role in sorted(roles)
    )


def _facts(files: Files, manifest: bytes | None) -> preflight.Files:
    images: dict[Role, preflight.FileFacts] = {
        role: preflight.FileFacts(image.size, image.sha256, image.head, _name(role, image))
        for role, image in files.images.items()
        if role is not Role.MANIFEST
    }
    for role, size in files.too_large.items():
        if role is not Role.MANIFEST:
            images[role] = preflight.FileFacts(size, "")
    named = files.images.get(Role.MANIFEST)
    return preflight.Files(manifest, images, _name(Role.MANIFEST, named) if named is not None else "")


def _name(role: Role, image: Image) -> str:
    return "" if image.name == role else image.name


def _file(publish_id: str, role: Role, files: Files) -> ReleaseFile:
    path, image = f"{publish_id}/{role}", files.images[role]
    copies = [files.copy] if role is Role.MANIFEST and files.copy is not None else []
    also = tuple(other.path for other in (image, *copies) if other.path != path)
    return ReleaseFile(role, image.name, image.size, image.sha256, path, also)


def _time(files: Files, changed: float) -> dt.datetime:
    """When it was published: the manifest's modification time, else that of the newest image."""
    images = files.images
    newest = images.get(Role.MANIFEST) or max(images.values(), key=lambda i: i.stamp.mtime_ns, default=None)
    seconds = newest.stamp.mtime_ns // 1_000_000_000 if newest else int(changed)
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC)
