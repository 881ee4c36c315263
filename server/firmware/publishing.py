"""One act of publishing: stage, check, commit, show."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import BinaryIO

from common import preflight
from common.errors import InvalidRelease
from common.finding import Role
from common.release import Release, check_publish_id
from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store

_log = logging.getLogger(__name__)


class Publisher:
    """Puts releases into the folder, and takes them out, so that the catalogue shows it at once.

    Threads: the web workers call it.
    """

    def __init__(self, store: Store, live: LiveCatalogue) -> None:
        self._store = store
        self._live = live

    def publish(self, publish_id: str, files: Mapping[Role, BinaryIO], force: bool) -> tuple[Release, bool]:
        """The release, and whether it is new; published again with the same bytes it is not.

        Raises InvalidRelease (with findings, unless forced), ReleaseExists or StoreFull; nothing is published then.
        """
        check_publish_id(publish_id)
        with self._store.stage(files) as staged:
            images = {role: staged.facts[role] for role in preflight.SLOTS if role in staged.facts}
            manifest = staged.folder / Role.MANIFEST.value
            data = manifest.read_bytes() if Role.MANIFEST in files else None
            check = preflight.check(preflight.Files(data, images))
            hopeless = Role.MANIFEST not in files or not images
            if check.errors and (hopeless or not force):
                raise InvalidRelease(" ".join(f.message for f in check.errors), check.findings)
            created = self._store.commit(staged, publish_id, forced=bool(check.errors))
        self._refresh(publish_id)
        release = self._live.current.by_id.get(publish_id)
        if release is None:
            raise InvalidRelease(f"{publish_id!r} was published and then removed by somebody else.")
        if created:
            _log.info("published %r (%d files, %d bytes)", publish_id, len(release.files), release.size)
        return release, created

    def remove(self, publish_id: str) -> None:
        """Raises ReleaseNotFound or StoreFull."""
        self._store.remove(publish_id)
        self._refresh(publish_id)
        _log.info("removed %r", publish_id)

    def _refresh(self, publish_id: str) -> None:
        parts = publish_id.split("/")
        self._live.refresh(frozenset("/".join(parts[:n]) for n in range(len(parts) + 1)))
