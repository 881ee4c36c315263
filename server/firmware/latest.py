"""`<folder>/latest/manifest`: which release of a folder of releases is its newest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.finding import Role
from common.release import Kind, Problem, Release, State, ready_by_kind
from server.firmware import precedence
from server.firmware.precedence import Past, Watch

LATEST = "latest"
"""The segment that is reserved for it."""
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
    left: Mapping[str, Past] = field(default_factory=dict)
    """Folder -> the newest that is not ready now, and since when it is not even being rebuilt: its kind may come back."""

    def renewed(
        self, folders: Mapping[str, Release | Iterable[Release]], watch: Watch
    ) -> Latest:
        """The same with these folders anew, each with its newest release where that is known, else with all its releases.

        One without any has no newest.
        """
        holders, unclear, left = dict(self.holders), dict(self.unclear), dict(self.left)
        for folder, releases in folders.items():
            last = left.pop(folder, None)
            before = holders.pop(folder, None)
            unclear.pop(folder, None)
            if isinstance(releases, Release):
                holders[folder] = releases
                continue
            kinds = ready_by_kind(releases)
            last = Past.of(before, watch.now) if before is not None else last
            kept = watch.settle(last, kinds) if last is not None else None
            found = kept if kept is not None else _unheld(folder, kinds)
            if isinstance(found, Release):
                holders[folder] = found
            elif isinstance(found, Past):
                left[folder] = found
            elif found is not None:
                unclear[folder] = found
        return Latest(holders, unclear, left)

    def expired(self, watch: Watch) -> set[str]:
        """The folders in which others may be the newest from now on."""
        return {f for f, last in self.left.items() if not watch.keeps(last)}

    def path_of(self, release: Release) -> str | None:
        """Where the manifest of this release is served because it is the newest."""
        folder = release.publish_id.rpartition("/")[0]
        holder = self.holders.get(folder)
        return latest_path(folder) if holder is not None and holder.publish_id == release.publish_id else None


def _unheld(folder: str, kinds: Mapping[Kind, list[Release]]) -> Release | Problem | None:
    """The newest ready one where nobody had it before; None where none is ready.

    Of several kinds there is no telling: a device that polls `latest` never gets another board's firmware. That is a
    problem, but at the top, where releases for many devices may well stand beside each other.
    """
    if not kinds:
        return None
    if len(kinds) > 1:
        return Problem(latest_path(folder), _several(kinds)) if folder else None
    [group] = kinds.values()
    return precedence.best(group)


def successor(holder: Release, changes: Iterable[tuple[str, Release | None]]) -> Release | None:
    """The newest of a folder after these changes, publish id and release; None where they alone do not tell.

    So a change costs the same however many releases lie beside it.
    """
    come = []
    for publish_id, release in changes:
        if publish_id == holder.publish_id:
            return None
        if release is not None and release.state is State.READY and release.kind == holder.kind:
            come.append(release)
    return precedence.successor(holder, come)


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
