"""Which files of a folder make a release.

The plain form: `manifest`, `slot0`, `slot1` in a folder of their own, by exact name or with `.bin`,
`.suit` or `.cbor` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from common.finding import Role

FORCED = ".forced"
"""An empty file of this name beside a release: it is served whatever the checks found."""
_NAMES = {f"{role}{suffix}": role for role in Role for suffix in ("", ".bin", ".suit", ".cbor")}
_UPLOAD = (
    (Role.MANIFEST, re.compile(r".*riot\.suit(v4_signed)?\.[^/]*bin|.*\.suit|.*manifest.*")),
    (Role.SLOT0, re.compile(r"(.*[^a-z0-9])?slot0([^0-9].*)?")),
    (Role.SLOT1, re.compile(r"(.*[^a-z0-9])?slot1([^0-9].*)?")),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files that play a role, and the roles that more than one file claims."""

    names: dict[Role, str]
    doubled: dict[Role, tuple[str, ...]]


def plain(names: Iterable[str]) -> Layout | None:
    """The plain form in these file names; None where no file has a role's name."""
    found: dict[Role, list[str]] = {}
    for name in names:
        role = role_of(name)
        if role is not None:
            found.setdefault(role, []).append(name)
    if not found:
        return None
    return Layout(
        {role: names[0] for role, names in found.items() if len(names) == 1},
        {role: tuple(sorted(names)) for role, names in found.items() if len(names) > 1},
    )


def role_of(name: str) -> Role | None:
    """The role that a file of the folder plays by its name."""
    return _NAMES.get(name)


def role_of_upload(name: str) -> Role | None:
    """The role of an uploaded part by its field's base name; RIOT's build writes whole paths into it."""
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    exact = role_of(base)
    if exact is not None:
        return exact
    fitting = [role for role, pattern in _UPLOAD if pattern.fullmatch(base)]
    return fitting[0] if len(fitting) == 1 else None
