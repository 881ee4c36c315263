"""A release as every part of the system sees it: its name, its files, its state, what was found.

The JSON shapes are those of the server's HTTP API: `Release.to_json` and `Release.from_json` are
inverses, and unknown keys are ignored, so that an older client reads a newer server.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.errors import InvalidRelease
from common.finding import Finding, Role

RESERVED_SEGMENTS = frozenset({"latest", "rd", ".well-known"})
MAX_PUBLISH_ID = 200
"""Bytes. A publish id is ASCII, so characters are bytes."""

Kind = tuple[str | None, str | None]
"""Vendor and class, as the manifest names them; None where it is opaque."""
_NO_TIME = dt.datetime.min.replace(tzinfo=dt.UTC)
_SEGMENT = re.compile(r"[A-Za-z0-9_\-+~][A-Za-z0-9._\-+~]*", re.ASCII)


class State(StrEnum):
    """ready: served. incomplete: not whole yet. rejected: cannot work. withdrawn: taken out by a person."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


def check_publish_id(text: str) -> str:
    """Return `text` when it is a publish id, else raise InvalidRelease with the rule that it breaks.

    One or more segments of letters, digits, `.`, `_`, `-`, `+`, `~`, parted by `/`, none starting with
    a dot, none reserved, at most 200 bytes in all.
    """
    if not text:
        raise InvalidRelease("The publish id is empty: give the release a name, such as version_42.")
    if len(text) > MAX_PUBLISH_ID:
        raise InvalidRelease(
            f"The publish id has {len(text)} characters; at most {MAX_PUBLISH_ID} are allowed, and a short"
            " one is better: it becomes part of the URL that devices are sent."
        )
    for segment in text.split("/"):
        if segment in RESERVED_SEGMENTS:
            raise InvalidRelease(f"The publish id {text!r} has the reserved part {segment!r}: choose another name.")
        if not segment:
            raise InvalidRelease(f"The publish id {text!r} has an empty part: write one / between two names, none at the ends.")
        if segment.startswith("."):
            raise InvalidRelease(f"The publish id {text!r} has a part that starts with a dot: such names are never served.")
        if not _SEGMENT.fullmatch(segment):
            raise InvalidRelease(
                f"The publish id {text!r} has a part with other characters than A-Z, a-z, 0-9 and . _ - + ~: {segment!r}."
            )
    return text


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release. `name` is its name in the folder, `path` where devices ask for it."""

    role: Role
    name: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex, 64 characters."""
    path: str
    """Without a leading slash: `version_42/slot0`."""
    also_served_at: tuple[str, ...] = ()
    url: str | None = None
    """The CoAP URL, when somebody who knows the server's address filled it in."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is published under one publish id."""

    publish_id: str
    published: dt.datetime
    """Aware, UTC: the manifest file's modification time."""
    state: State
    files: tuple[ReleaseFile, ...]
    findings: tuple[Finding, ...] = ()
    forced: bool = False
    sequence_number: int | None = None
    vendor_id: str | None = None
    class_id: str | None = None
    board: str | None = None
    signature: str = "absent"
    """"valid", "unverified", "invalid" or "absent"."""

    @property
    def kind(self) -> Kind:
        """For whom it is: its vendor and class."""
        return (self.vendor_id, self.class_id)

    @property
    def age(self) -> tuple[int, dt.datetime]:
        """The newest of one kind has the highest: the sequence number, or without one, when it was published."""
        if self.sequence_number is None:
            return (-1, self.published)
        return (self.sequence_number, _NO_TIME)

    def file(self, role: Role) -> ReleaseFile | None:
        """The file that has this role, if the release has one."""
        return next((f for f in self.files if f.role is role), None)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(f.size for f in self.files)

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a release."""
        return {
            "publish_id": self.publish_id,
            "published": self.published.isoformat().replace("+00:00", "Z"),
            "state": self.state.value,
            "forced": self.forced,
            "sequence_number": self.sequence_number,
            "vendor_id": self.vendor_id,
            "class_id": self.class_id,
            "board": self.board,
            "signature": self.signature,
            "files": [
                {
                    "role": f.role.value,
                    "name": f.name,
                    "size": f.size,
                    "sha256": f.sha256,
                    "coap_path": f.path,
                    "coap_url": f.url,
                    "also_served_at": list(f.also_served_at),
                }
                for f in self.files
            ],
            "findings": [f.to_json() for f in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Release:
        """The inverse of `to_json`. Raises KeyError, ValueError or TypeError for anything else."""
        return cls(
            publish_id=data["publish_id"],
            published=_instant(data["published"]),
            state=State(data["state"]),
            files=tuple(
                ReleaseFile(
                    role=Role(f["role"]),
                    name=f["name"],
                    size=int(f["size"]),
                    sha256=f["sha256"],
                    path=f["coap_path"],
                    also_served_at=tuple(f.get("also_served_at", ())),
                    url=f.get("coap_url"),
                )
                for f in data["files"]
            ),
            findings=tuple(Finding.from_json(f) for f in data.get("findings", ())),
            forced=data.get("forced", False),
            sequence_number=None if (number := data.get("sequence_number")) is None else int(number),
            vendor_id=data.get("vendor_id"),
            class_id=data.get("class_id"),
            board=data.get("board"),
            signature=data.get("signature", "absent"),
        )


def _instant(text: str) -> dt.datetime:
    read = dt.datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone, so it is no RFC 3339 time")
    return read


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the firmware folder that is not served, and why. `path` is relative to the folder."""

    path: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """The JSON shape of a problem."""
        return {"path": self.path, "message": self.message}


def ready_by_kind(releases: Iterable[Release]) -> dict[Kind, list[Release]]:
    """The releases that are ready, by vendor and class: only within one of these is one release newer than another."""
    kinds: dict[Kind, list[Release]] = {}
    for release in releases:
        if release.state is State.READY:
            kinds.setdefault(release.kind, []).append(release)
    return kinds


def newest(releases: Iterable[Release]) -> Release:
    """The one newest ready release, for one class of device.

    Newest is the highest sequence number within one vendor and class; without a manifest that says so,
    the latest `published`. Raises InvalidRelease when there is none, or when the newest is not one
    release for one class of device: a person has to name it then.
    """
    kinds = ready_by_kind(releases)
    if not kinds:
        raise InvalidRelease("No release is ready on the server: publish one first.")
    if len(kinds) > 1:
        names = ", ".join(sorted(max(group, key=_age).publish_id for group in kinds.values()))
        raise InvalidRelease(
            f"The server has releases for {len(kinds)} classes of device, so there is no one newest."
            f" Name the one that you mean with --publish-id; the newest of each class: {names}."
        )
    [group] = kinds.values()
    best = max(group, key=_age)
    same = sorted(r.publish_id for r in group if r.age == best.age)
    if len(same) > 1:
        raise InvalidRelease(f"{' and '.join(same)} are equally new: name the one that you mean with --publish-id.")
    return best


def _age(release: Release) -> tuple[int, dt.datetime]:
    return release.age
