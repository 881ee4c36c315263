"""A server's list of releases, and reading it anew while much of it is known already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.release import Release


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """All releases of one server, whatever their state, and by what the server knows this list again."""

    releases: tuple[Release, ...] = ()
    etag: str | None = None
    """As the server sent it (RFC 9110, 8.8.3)."""


class ListReader:
    """Makes releases of JSON piece by piece, and keeps those that are as before.

    Threads: one at a time. JSON of ten thousand releases that is read in one go keeps every other thread waiting, and so many
    new objects have Python look through all that there are.
    """

    def __init__(self, known: ReleaseList) -> None:
        self._known = {release.publish_id: release for release in known.releases}

    def piece(self, data: dict[str, Any]) -> Any:
        """For `json.loads` as its `object_hook`: a Release in place of its JSON, and all else as it is."""
        if "publish_id" not in data or "files" not in data:
            return data
        try:
            return self._release(data)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            return data  # `whole` finds it again, and says so

    def whole(self, data: Mapping[str, Any]) -> tuple[Release, ...]:
        """Of the JSON shape `releases`. Raises KeyError, ValueError or TypeError for anything else."""
        return tuple(r if isinstance(r, Release) else Release.from_json(r) for r in data["releases"])

    def _release(self, data: Mapping[str, Any]) -> Release:
        new = Release.from_json(data)
        old = self._known.get(new.publish_id)
        return old if old is not None and old == new else new
