"""Which files of a folder make a release.

The plain form: `manifest`, `slot0`, `slot1` in a folder of their own, by exact name or with `.bin`,
`.suit` or `.cbor` behind it; the release has the folder's name. RIOT's form, as `make suit/publish` copies
it: `riot.suit.<version>.bin`, `slot0.<version>.bin`, `slot1.<version>.bin` of many versions in one folder,
each of which is a release `<folder>/<version>`. RIOT's older names have the application in front.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.errors import InvalidRelease
from common.finding import Role
from common.release import check_publish_id

FORCED = ".forced"
"""An empty file of this name beside a release: it is served whatever the checks found."""
WITHDRAWN = ".withdrawn"
"""The same: it is not served, whatever they found."""
LATEST_COPY = "riot.suit.latest.bin"
"""RIOT's build copies each manifest to this name, too. It has no version: it is the file that it is."""
_NAMES = {f"{role}{suffix}": role for role in Role for suffix in ("", ".bin", ".suit", ".cbor")}
_UPLOAD = (
    (Role.MANIFEST, re.compile(r".*riot\.suit(v4_signed)?\.[^/]*bin|.*\.suit|.*manifest.*")),
    (Role.SLOT0, re.compile(r"(.*[^a-z0-9])?slot0([^0-9].*)?")),
    (Role.SLOT1, re.compile(r"(.*[^a-z0-9])?slot1([^0-9].*)?")),
)
_RIOT = re.compile(
    r"(?:.+-)?(?:(?P<manifest>riot\.suit(?:v\d+)?(?:_signed)?)|(?P<image>slot[01]))\.(?P<version>\d{1,10})(?:\.riot)?\.bin",
    re.ASCII,
)
"""APP_VER is a number of 32 bits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files that play a role, and the roles that more than one file claims."""

    names: Mapping[Role, str]
    doubled: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    version: str = ""
    """Of RIOT's form; "" of the plain one."""

    @property
    def files(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset([*self.names.values(), *(name for names in self.doubled.values() for name in names)])

    def mark(self, kind: str) -> str:
        """The name of the empty file that says FORCED or WITHDRAWN of this release alone."""
        return f"{kind}.{self.version}" if self.version else kind

    def has_mark(self, kind: str, names: Iterable[str]) -> bool:
        """Whether it is among these names; in RIOT's form one without a version is for all of the folder."""
        return not {kind, self.mark(kind)}.isdisjoint(names)

    def publish_id(self, folder: str) -> str:
        """The name of the release, for a folder at this path."""
        return "/".join(part for part in (folder, self.version) if part)


def releases(names: Iterable[str]) -> tuple[Layout, ...]:
    """Each release in these file names: one in the plain form, else those of RIOT's by version, else none."""
    names = list(names)
    found = plain(names)
    return (found,) if found is not None else riot(names)


def plain(names: Iterable[str]) -> Layout | None:
    """The plain form in these file names; None where no file has a role's name."""
    found: dict[Role, list[str]] = {}
    for name in names:
        role = role_of(name)
        if role is not None:
            found.setdefault(role, []).append(name)
    return _layout(found) if found else None


def riot(names: Iterable[str]) -> tuple[Layout, ...]:
    """RIOT's form in these file names, by version."""
    versions: dict[str, dict[Role, list[str]]] = {}
    for name in names:
        match = _RIOT.fullmatch(name)
        if match is not None:
            role = Role.MANIFEST if match["manifest"] else Role(match["image"])
            versions.setdefault(match["version"], {}).setdefault(role, []).append(name)
    return tuple(_layout(found, version) for version, found in sorted(versions.items()))


def of_release(names: Iterable[str], version: str) -> Layout | None:
    """RIOT's form of one version, where there is no plain one."""
    return next((layout for layout in releases(names) if layout.version and layout.version == version), None)


def _layout(found: Mapping[Role, list[str]], version: str = "") -> Layout:
    return Layout(
        {role: names[0] for role, names in found.items() if len(names) == 1},
        {role: tuple(sorted(names)) for role, names in found.items() if len(names) > 1},
        version,
    )


def role_of(name: str) -> Role | None:
    """The role that a file of the folder plays by its name."""
    return _NAMES.get(name)


def role_of_upload(name: str) -> Role | None:
    """The role of an uploaded part by its field's base name; RIOT's build writes whole paths into it."""
    base = base_name(name).lower()
    exact = role_of(base)
    if exact is not None:
        return exact
    fitting = [role for role, pattern in _UPLOAD if pattern.fullmatch(base)]
    return fitting[0] if len(fitting) == 1 else None


def base_name(name: str) -> str:
    """The last part of a path, of whichever system."""
    return name.replace("\\", "/").rpartition("/")[2]


def is_alias(name: str) -> bool:
    """Whether a file of a release may have this name beside that of its role: it plays no role by it, and can be asked for."""
    try:
        return role_of(name) is None and "/" not in check_publish_id(name)
    except InvalidRelease:
        return False
