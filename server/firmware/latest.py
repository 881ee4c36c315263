"""`<folder>/latest/manifest`: which release of a folder of releases is its newest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from common.finding import Role
from common.release import Kind, Problem, Release, State, ready_by_kind

LATEST = "latest"
"""The segment that is reserved for it."""
RETURNS = 60.0
"""Seconds for which nobody else gets it when the newest goes: a release is often removed to be published anew."""
_NAMED = 4
"""Classes that a problem names at most."""


def latest_path(folder: str) -> str:
    """Where the manifest of the newest release in `folder` is served."""
    return f"{folder}/{LATEST}/{Role.MANIFEST}" if folder else f"{LATEST}/{Role.MANIFEST}"


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest release of each folder of releases."""

    holders: Mapping[str, Release] = field(default_factory=dict)
    """Folder -> its newest release, whose manifest is served at the folder's `latest_path`."""
    unclear: Mapping[str, Problem] = field(default_factory=dict)
    """Folder -> why none of its releases is the newest."""
    left: Mapping[str, tuple[Release, float]] = field(default_factory=dict)
    """Folder -> the newest that is not ready now, and since when (Unix time) it is gone altogether: its kind may come back."""

    def renewed(
        self, folders: Mapping[str, Release | Iterable[Release]], there: Callable[[str], bool], now: float
    ) -> Latest:
        """The same with these folders anew, each with its newest release where that is known, else with all its releases.

        One without any has no newest. `there` says whether a publish id has a release in any state; `now` is Unix time.
        """
        holders, unclear = dict(self.holders), dict(self.unclear)
        left = {
            folder: (release, since)
            for folder, (release, since) in self.left.items()
            if folder in folders or now - since < RETURNS or there(release.publish_id)
        }
        for folder, releases in folders.items():
            before, since = left.pop(folder, (None, now))
            before = holders.pop(folder, before)
            unclear.pop(folder, None)
            if isinstance(releases, Release):
                holders[folder] = releases
                continue
            kinds = ready_by_kind(releases)
            if before is not None and before.kind not in kinds:
                since = now if there(before.publish_id) else since
                if now - since < RETURNS:
                    left[folder] = (before, since)
                    continue
            found = _choose(folder, kinds, before.kind if before is not None else None)
            if isinstance(found, Release):
                holders[folder] = found
            elif found is not None:
                unclear[folder] = found
        return Latest(holders, unclear, left)

    def shown(self, release: Release) -> Release:
        """A release as people see it: the newest one's manifest has one path more."""
        folder = release.publish_id.rpartition("/")[0]
        if folder not in self.holders or self.holders[folder].publish_id != release.publish_id:
            return release
        path = latest_path(folder)
        files = (replace(f, also_served_at=(*f.also_served_at, path)) if f.role is Role.MANIFEST else f for f in release.files)
        return replace(release, files=tuple(files))


def _choose(folder: str, kinds: Mapping[Kind, list[Release]], holder: Kind | None) -> Release | Problem | None:
    """The newest ready one; None where none is ready.

    Of several kinds the one that had it, `holder`, keeps it while it has a ready release: a device that polls
    `latest` never gets another board's firmware. Without a holder there is no telling, which is a problem,
    but at the top, where releases for many devices may well stand beside each other.
    """
    if not kinds:
        return None
    if holder is None or holder not in kinds:
        if len(kinds) > 1:
            return Problem(latest_path(folder), _several(kinds)) if folder else None
        [holder] = kinds
    return max(kinds[holder], key=_rank)


def _rank(release: Release) -> tuple[int, dt.datetime, str]:
    return (*release.age, release.publish_id)


def successor(holder: Release, changes: Iterable[tuple[str, Release | None]]) -> Release | None:
    """The newest of a folder after these changes, publish id and release; None where they alone do not tell.

    So a change costs the same however many releases lie beside it.
    """
    best = holder
    for publish_id, release in changes:
        fits = release is not None and release.state is State.READY and release.kind == holder.kind
        if publish_id == holder.publish_id and not (fits and release is not None and _rank(release) >= _rank(holder)):
            return None
        if fits and release is not None and _rank(release) >= _rank(best):
            best = release
    return best


def _several(kinds: Iterable[Kind]) -> str:
    names = sorted(_name(kind) for kind in kinds)
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} others"]
    return (
        f"Nothing is served here, for the releases of this folder are for different devices ({'; '.join(names)}), and"
        " a device must not get another one's firmware. To have a latest release, make one folder for each board."
    )


def _name(kind: Kind) -> str:
    vendor_id, class_id = kind
    if class_id is None and vendor_id is None:
        return "manifests that name no class"
    return f"class {class_id or 'unnamed'} of vendor {vendor_id or 'unnamed'}"
