"""Removes the releases that `server.firmware.retention` names, one by one, and says so."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from common.errors import OtaError
from common.release import Problem, Release
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.retention import Came, Going, Limits, Plan, Uses, decide
from server.fleet.record.history import History

AGAIN = 60.0
"""Seconds after which it is looked again, though the catalogue is the same: a device may need a release no more."""
_BUDGET = 0.25
"""Seconds after which a beat removes nothing more, for others wait for it: the next ones go on. Each removes one at least."""
HOUR = 3600 * 1_000_000_000
"""Nanoseconds."""
_WHERE = ""
"""The folder itself."""
_log = logging.getLogger(__name__)
_UNKNOWN = (
    "No release is removed by itself (--keep, --quota) until the next start: what devices use is not known, for what the"
    " server remembers of them (fleet.db in the state folder) could not be read."
)


class Retiring:
    """Threads: the fleet thread calls `beat`, any thread reads the rest."""

    def __init__(
        self,
        limits: Limits,
        live: LiveCatalogue,
        uses: Callable[[Catalogue], Uses],
        remove: Callable[[str], None],
        history: History,
        clock: Callable[[], float],
    ) -> None:
        """`uses` says which releases are needed; `remove` takes one out of the folder, and raises OtaError or OSError where it
        cannot; `clock` counts seconds."""
        self.limits = limits
        self._live = live
        self._uses = uses
        self._remove = remove
        self._history = history
        self._clock = clock
        self._began = clock()
        self._first: dict[str, float] | None = None
        """Publish id -> seconds from the start until it was seen first; None: nothing was looked at yet."""
        self._seen: int | None = None
        self._again = 0.0
        self._failed: dict[str, str] = {}
        """Publish id -> by which limit it should go, and why it could not, as sentences."""
        self.knows = True
        """Whether what devices use is known; without that, nothing is removed."""
        self.removed: Counter[str] = Counter()
        """How many releases went, by limit."""
        self.size = 0
        """Bytes of the firmware folder when it was looked at last."""

    def beat(self) -> None:
        """Look, if there is a reason to, and remove what is to go, each on the newest knowledge."""
        if not self.knows:
            self._live.report((Problem(_WHERE, _UNKNOWN),))
            return
        begun = self._clock()
        if self._history.trouble or (self._live.current.number == self._seen and begun < self._again):
            return  # nothing goes that cannot be written down
        if begun >= self._again:
            self._failed, self._again = {}, begun + AGAIN
        while (plan := self._plan()).goes:
            self._retire(plan.goes[0])
            if self._clock() - begun > _BUDGET:
                return
        self._settle(plan)

    def _plan(self) -> Plan:
        current = self._live.current
        self.size = size_of(current)
        uses = self._uses(current)
        stuck = dict.fromkeys(self._failed, "it cannot be removed")
        uses = Uses({**uses.by_id, **stuck}, uses.latest, uses.rolled_out)
        return decide(current.releases, self.size, self.limits, uses, self._came(current).__getitem__)

    def _came(self, current: Catalogue) -> dict[str, Came]:
        now = self._clock() - self._began if self._first is not None else 0.0
        before = self._first or {}
        self._first = {release.publish_id: before.get(release.publish_id, now) for release in current.releases}
        return {r.publish_id: Came(self._first[r.publish_id], hour_of(current, r)) for r in current.releases}

    def _retire(self, going: Going) -> None:
        try:
            self._remove(going.publish_id)
        except (OtaError, OSError) as error:
            reason = str(error) if isinstance(error, OtaError) else f"The firmware folder cannot be read ({error.strerror})."
            self._failed[going.publish_id] = f"It should go by --{going.limit}, and cannot be removed. {reason}"
            return
        _log.info("removed %r: %s", going.publish_id, going.why)
        self.removed[going.limit] += 1
        what = f"Removed {going.publish_id}: {going.why[0].lower()}{going.why[1:]}"
        self._history.record("retired", what, "retention", going.publish_id, limit=going.limit)

    def _settle(self, plan: Plan) -> None:
        failed = [Problem(publish_id, why) for publish_id, why in sorted(self._failed.items())]
        unmet = [Problem(_WHERE, plan.trouble)] if plan.trouble else []
        self._live.report((*failed, *unmet))
        self._seen = self._live.current.number


def hour_of(current: Catalogue, release: Release) -> int:
    """In which hour since 1970 its files were last written or put there; a copy may keep a modification time of years ago."""
    stamps = [current.images[file.path].stamp for file in release.files if file.path in current.images]
    return max((max(stamp.mtime_ns, stamp.ctime_ns) for stamp in stamps), default=0) // HOUR


def size_of(current: Catalogue) -> int:
    """Bytes of all files that the look saw, whether they are served or not; of two names for one file once.

    Hidden trees are not walked for this at each look, and what else is never served is not counted either: the README says so.
    """
    folders = current.scan.folders.values()
    whole = {image.stamp for folder in folders for image in folder.images.values()}
    return sum(stamp.size for stamp in whole) + sum(size for folder in folders for size in folder.too_large.values())
