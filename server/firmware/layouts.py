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
from common.roles import role_of

FORCED = ".forced"
"""An empty file of this name beside a release: it is served whatever the checks found."""
WITHDRAWN = ".withdrawn"
"""The same: it is not served, whatever they found."""
MARKS = (FORCED, WITHDRAWN)
LATEST_COPY = "riot.suit.latest.bin"
"""RIOT's build copies each manifest to this name, too. It has no version: it is the file that it is."""
_RIOT = re.compile(
    r"(?:.+-)?(?:(?P<manifest>riot\.suit(?:v\d+)?(?P<signed>_signed)?)|(?P<image>slot[01]))\.(?P<version>\d{1,10})(?:\.riot)?\.bin",
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

    @property
    def has_an_image(self) -> bool:
        """Whether there is a manifest and an image to it, by their names."""
        roles = self.names.keys() | self.doubled.keys()
        return Role.MANIFEST in roles and len(roles) > 1

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
    """Each release in these file names: one in the plain form, else those of RIOT's by version, else none.

    A stray file of the plain form's names does not take RIOT's versions out.
    """
    names = list(names)
    found, versions = plain(names), riot(names)
    if found is not None and not (any(v.has_an_image for v in versions) and not found.has_an_image):
        return (found,)
    return versions


def strays(names: Iterable[str]) -> frozenset[str]:
    """Those with a role's name in the plain form that are in a folder of RIOT's."""
    names = list(names)
    if any(layout.version for layout in releases(names)):
        return frozenset(name for name in names if role_of(name) is not None)
    return frozenset()


def plain(names: Iterable[str]) -> Layout | None:
    """The plain form in these file names; None where no file has a role's name."""
    found: dict[Role, list[str]] = {}
    for name in names:
        role = role_of(name)
        if role is not None:
            found.setdefault(role, []).append(name)
    return _layout(found) if found else None


def riot(names: Iterable[str]) -> tuple[Layout, ...]:
    """RIOT's form in these file names, by version; without a manifest images are only files.

    Of 2019's two manifests, signed and not, the signed one counts.
    """
    versions: dict[str, dict[Role, list[str]]] = {}
    signed = set()
    for name in names:
        match = _RIOT.fullmatch(name)
        if match is not None:
            role = Role.MANIFEST if match["manifest"] else Role(match["image"])
            versions.setdefault(match["version"], {}).setdefault(role, []).append(name)
            if match["signed"]:
                signed.add(name)
    for found in versions.values():
        manifests = found.get(Role.MANIFEST, [])
        if not signed.isdisjoint(manifests):
            found[Role.MANIFEST] = [name for name in manifests if name in signed]
    return tuple(_layout(found, version) for version, found in sorted(versions.items()) if Role.MANIFEST in found)


def plays_a_role(name: str) -> bool:
    """Whether a file of this name is a part of a release, in either form."""
    return role_of(name) is not None or _RIOT.fullmatch(name) is not None


def of_release(names: Iterable[str], version: str) -> Layout | None:
    """RIOT's form of one version, where there is no plain one."""
    return next((layout for layout in releases(names) if layout.version and layout.version == version), None)


def _layout(found: Mapping[Role, list[str]], version: str = "") -> Layout:
    return Layout(
        {role: names[0] for role, names in found.items() if len(names) == 1},
        {role: tuple(sorted(names)) for role, names in found.items() if len(names) > 1},
        version,
    )


def is_mark(name: str) -> bool:
    """Whether a file of this name says something of a release."""
    return name.startswith(MARKS)


def is_alias(name: str) -> bool:
    """Whether a file of a release may have this name beside that of its role: it plays no role by it, and can be asked for."""
    try:
        return role_of(name) is None and "/" not in check_publish_id(name)
    except InvalidRelease:
        return False
