"""The CoAP paths that signed manifests name for their images: which release is served at which of them.

A device asks for an image where its manifest says, and a signed manifest cannot be changed: so wherever a release
was published, its images are served there too. A real file at that path wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from common.finding import Role
from common.release import Problem, Release, State, ready_by_kind
from server.firmware import precedence
from server.firmware.image import Image
from server.firmware.judging import Shelved
from server.firmware.precedence import Past, Watch
from server.firmware.shelving import Change

_ROLES = frozenset(role.value for role in Role)
_NAMED = 4
"""Releases that a problem names at most."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A ready release whose manifest names a path for one of its images."""

    release: Release
    role: Role
    image: Image


@dataclass(frozen=True, slots=True)
class Near:
    """What else there is that matters for a claim."""

    real: Mapping[str, Image]
    """Path -> what files and releases have there by their names alone."""
    watch: Watch

    def is_taken(self, path: str) -> bool:
        """Whether it is the place of another release's manifest or image, even of one that is not served."""
        above, _, name = path.rpartition("/")
        return name in _ROLES and self.watch.is_there(above)


@dataclass(frozen=True, slots=True)
class SignedPaths:
    """Every claimed path, who claims it, and who holds it."""

    claimants: Mapping[str, Mapping[str, Claim]] = field(default_factory=dict)
    """Path -> publish id -> its claim."""
    holders: Mapping[str, Claim] = field(default_factory=dict)
    """Path -> whose image is served there, unless there is a real file."""
    left: Mapping[str, Past] = field(default_factory=dict)
    """Path -> the last holder, and since when none of its kind is there: it may come back."""
    disputes: Mapping[str, Problem] = field(default_factory=dict)
    """Path -> that releases with different images claim it."""

    def renewed(
        self, changes: Sequence[Change], paths: Collection[str], near: Near
    ) -> tuple[SignedPaths, set[str]]:
        """The same after these changes, and the paths that had to be looked at for it.

        `paths` are those at which real files came, went or changed.
        """
        changed = {change.publish_id for change in changes}
        touched = {p for p, last in self.left.items() if last.publish_id in changed or not near.watch.keeps(last)}
        touched.update(path for path in paths if path in self.claimants)
        touched.update(path for c in changes for path in _roles(c.publish_id) if path in self.claimants)
        claimants = dict(self.claimants)
        for change in changes:
            for path in _claims(change.before):
                claimants[path] = {k: v for k, v in claimants[path].items() if k != change.publish_id}
                touched.add(path)
        for change in changes:
            for path, claim in _claims(change.after).items():
                claimants[path] = {**claimants.get(path, {}), change.publish_id: claim}
                touched.add(path)
        if not touched:
            return self, touched
        holders, left, disputes = dict(self.holders), dict(self.left), dict(self.disputes)
        for path in touched:
            here = claimants.get(path, {})
            before, last = holders.pop(path, None), left.pop(path, None)
            disputes.pop(path, None)
            last = Past.of(before.release, near.watch.now) if before is not None else last
            found = _settled(last, [] if near.is_taken(path) else [claim.release for claim in here.values()], near.watch)
            if isinstance(found, Past):
                left[path] = found
            elif found is not None:
                holders[path] = here[found.publish_id]
            holder = found if isinstance(found, Release) else None
            if len({claim.image.sha256 for claim in here.values()}) > 1:
                disputes[path] = _dispute(path, near.real.get(path), holder, here)
            if not here:
                claimants.pop(path, None)
        return SignedPaths(claimants, holders, left, disputes), touched

    @property
    def waiting(self) -> bool:
        """A path is kept for a kind of device whose release is gone, while others claim it."""
        return any(path in self.claimants for path in self.left)


def _claims(shelved: Shelved | None) -> dict[str, Claim]:
    """By path; of two images that one manifest wants at the same path, the first."""
    if shelved is None or shelved.release.state is not State.READY:
        return {}
    found: dict[str, Claim] = {}
    for role, path in shelved.claims.items():
        found.setdefault(path, Claim(shelved.release, role, shelved.files.images[role]))
    return found


def _settled(last: Past | None, claimants: Iterable[Release], watch: Watch) -> Release | Past | None:
    """Who holds a path, or for whom it is kept; of several kinds where nobody had it the one that was published first."""
    kinds = ready_by_kind(claimants)
    found = watch.settle(last, kinds) if last is not None else None
    if found is not None or not kinds:
        return found
    return precedence.best(min(kinds.values(), key=lambda group: min((r.published, r.publish_id) for r in group)))


def _roles(publish_id: str) -> Iterable[str]:
    return (f"{publish_id}/{role}" for role in Role)


def _dispute(path: str, real: Image | None, holder: Release | None, claimants: Mapping[str, Claim]) -> Problem:
    names = sorted(claimants, key=lambda name: (holder is None or name != holder.publish_id, name))
    shown = [repr(name) for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown = [*shown[:-1], f"{len(names) - _NAMED + 1} others"]
    if real is not None:
        served = f"the file {real.path!r} is served there"
    else:
        served = f"{holder.publish_id!r} is served there" if holder is not None else "nothing is served there now"
    return Problem(
        path,
        f"The manifests of {', '.join(shown[:-1])} and {shown[-1]} name this path for different images; {served}."
        " Devices that follow another one's manifest get an image that does not match it: build each release for a path of its"
        " own (RIOT: another SUIT_COAP_ROOT or APP_VER), or remove those that are not needed.",
    )
