"""The acts on releases: check, publish, remove, withdraw, restore; each one is shown at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import BinaryIO

from common import preflight
from common.errors import InvalidRelease, OtaError, ReleaseNotFound, StoreFull, TooLarge
from common.finding import Role
from common.hashing import facts_of
from common.preflight import SLOTS, FileFacts, Files
from common.release import Release, State, check_publish_id
from server.firmware import layouts
from server.firmware.catalogue import LiveCatalogue
from server.firmware.newcomer import known_of
from server.firmware.places import find
from server.firmware.store import Store

_TOO_BIG = "image-too-big"
_DONE = "What you asked for was done, and is shown when the folder can be read again."


class Publisher:
    """Puts releases into the folder, and takes them out, so that the catalogue shows it at once.

    Threads: the web workers and the fleet thread call it.
    """

    def __init__(self, store: Store, live: LiveCatalogue) -> None:
        self._store = store
        self._live = live

    def check(self, publish_id: str | None, files: Mapping[Role, BinaryIO]) -> preflight.Check:
        """What would be said of these files, of which some may be missing; nothing is stored.

        Raises InvalidRelease for a publish id that is none.
        """
        if publish_id:
            check_publish_id(publish_id)
        data = _whole(files[Role.MANIFEST]) if Role.MANIFEST in files else None
        images: dict[Role, FileFacts] = {role: facts_of(_rewound(file).read) for role, file in files.items() if role in SLOTS}
        return self._check(publish_id, Files(data, images))

    def publish(
        self, publish_id: str, files: Mapping[Role, BinaryIO], force: bool, aliases: Mapping[Role, str] | None = None
    ) -> tuple[Release, bool]:
        """The release, and whether it is new; published again with the same bytes it is not. `aliases` as Store.stage has them.

        Raises InvalidRelease (with findings, unless forced), TooLarge, ReleaseExists or StoreFull; nothing is published then.
        """
        check_publish_id(publish_id)
        self._refuse_too_large(publish_id, files)
        with self._store.stage(files, aliases) as staged:
            data = _whole(files[Role.MANIFEST]) if Role.MANIFEST in files else None
            images: dict[Role, FileFacts] = {role: facts for role, facts in staged.facts.items() if role in SLOTS}
            check = self._check(publish_id, Files(data, images))
            hopeless = data is None or not images
            is_there = self._store.has(staged, publish_id)
            if check.errors and not is_there and (hopeless or not force):
                raise InvalidRelease(" ".join(f.message for f in check.errors), check.findings)
            created = self._store.commit(staged, publish_id, forced=force and bool(check.errors))
        release = self._shown(publish_id)
        if release is None:
            raise StoreFull(
                f"{publish_id!r} was published, and cannot be found now: somebody removed it, or the disk cannot be read."
                " Look at the page; where it does not appear, publish it again."
            )
        return release, created

    def remove(self, publish_id: str) -> None:
        """Raises ReleaseNotFound, ReleaseExists (it is behind a link) or StoreFull."""
        try:
            self._store.remove(publish_id, self._is_riots(publish_id))
        except OtaError:
            with contextlib.suppress(StoreFull):
                self._shown(publish_id)  # a part of it may be gone
            raise
        self._shown(publish_id)

    def withdraw(self, publish_id: str) -> tuple[Release, bool]:
        """Take it out of service without deleting it; the release, and whether that is news.

        Raises ReleaseNotFound or StoreFull.
        """
        return self._mark(publish_id, True)

    def restore(self, publish_id: str) -> tuple[Release, bool]:
        """Take the withdrawal back; the release, and whether there was one. Raises as `withdraw` does."""
        return self._mark(publish_id, False)

    def _mark(self, publish_id: str, on: bool) -> tuple[Release, bool]:
        before = self._shown(publish_id, "Nothing was changed.")
        if before is None:
            raise ReleaseNotFound(f"There is no release {publish_id!r}.")
        self._store.mark(publish_id, layouts.WITHDRAWN, on, self._is_riots(publish_id))
        release = self._shown(publish_id)
        if release is None:
            raise ReleaseNotFound(f"There is no release {publish_id!r} any more.")
        return release, (before.state is State.WITHDRAWN) is not on

    def _refuse_too_large(self, publish_id: str, files: Mapping[Role, BinaryIO]) -> None:
        """Whatever is forced: the folder's look would not serve it."""
        if not any(file.seek(0, os.SEEK_END) > self._store.max_file for file in files.values()):
            return
        findings = self.check(publish_id, files).findings
        told = " ".join(f.message for f in findings if f.code == _TOO_BIG) or "The manifest is larger than this server takes."
        raise TooLarge(f"{told} Nothing was published.", findings)

    def _check(self, publish_id: str | None, files: Files) -> preflight.Check:
        judge = self._live.judge
        return judge.check(files, known_of(publish_id or "", files.manifest, self._live.current, judge))

    def _is_riots(self, publish_id: str) -> bool | None:
        """Whether it is in RIOT's form; None where nothing is known of it."""
        shelved = find(publish_id, self._live.current.shelves)
        return bool(shelved.files.layout.version) if shelved is not None else None

    def _shown(self, publish_id: str, outcome: str = _DONE) -> Release | None:
        """The release as it is now, after a look at its folder and those above.

        Raises StoreFull, with what was done until then, when the firmware folder cannot be read.
        """
        parts = publish_id.split("/")
        try:
            self._live.refresh(frozenset("/".join(parts[:n]) for n in range(len(parts) + 1)))
        except OSError as error:
            raise StoreFull(f"The firmware folder cannot be read now ({error.strerror}). {outcome}") from error
        return self._live.current.by_id.get(publish_id)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _whole(file: BinaryIO) -> bytes:
    return _rewound(file).read()
