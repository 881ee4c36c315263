"""Which role a file plays by its name alone, for whoever is given files one by one."""

from __future__ import annotations

import re

from common.finding import Role

LONGEST = 255
"""Of a file's name (NAME_MAX of Linux). In a longer one no pattern is looked for, which would take long."""
_EXACT = {f"{role}{suffix}": role for role in Role for suffix in ("", ".bin", ".suit", ".cbor")}
_PATTERNS = (
    (Role.MANIFEST, re.compile(r".*riot\.suit(v4_signed)?\.[^/]*bin|.*\.suit|.*manifest.*")),
    (Role.SLOT0, re.compile(r"(.*[^a-z0-9])?slot0([^0-9].*)?")),
    (Role.SLOT1, re.compile(r"(.*[^a-z0-9])?slot1([^0-9].*)?")),
)


def role_of(name: str) -> Role | None:
    """The role that a file plays by its exact name, as in a release's folder; None where it has another one."""
    return _EXACT.get(name)


def base_name(name: str) -> str:
    """The last part of a path, of whichever system."""
    return name.replace("\\", "/").rpartition("/")[2]


def role_by_name(name: str) -> Role | None:
    """The role in a file's name or path, of whichever system; None where it tells none, or more than one.

    `slot0`, `app-slot1.42.riot.bin`, `riot.suit.42.bin`, `fw.suit`: the names of RIOT's build, and what is like them.
    """
    base = base_name(name).lower()
    exact = role_of(base)
    if exact is not None:
        return exact
    fitting = [role for role, pattern in _PATTERNS if len(base) <= LONGEST and pattern.fullmatch(base)]
    return fitting[0] if len(fitting) == 1 else None
