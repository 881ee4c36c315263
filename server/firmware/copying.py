"""What the names of files mean that other programs make while they copy a folder: Syncthing, rsync, scp and editors."""

from __future__ import annotations

import re

_TEMPORARY = re.compile(r".*~|.*\.part|.*\.filepart", re.DOTALL)
"""Beside these, names that start with a dot."""
_ARRIVING = re.compile(r"\.syncthing\.(?P<syncthing>.+)\.tmp|\.(?P<rsync>.+)\.[A-Za-z0-9]{6}", re.DOTALL)
"""Syncthing's (lib/fs/tempname.go) and rsync's (receiver.c, get_tmpname), both in the folder where the file will be."""
_CONFLICT = re.compile(r"(?P<stem>.+)\.sync-conflict-\d{8}-\d{6}(?:-[A-Z2-7]+)?(?P<suffix>\..*)?", re.DOTALL)
"""Syncthing's lib/model/folder_sendreceive.go, conflictName."""
_ANY_CONFLICT = ".sync-conflict-"


def is_temporary(name: str) -> bool:
    """Whether a file of this name, which starts with no dot, is one that somebody still writes."""
    return _TEMPORARY.fullmatch(name) is not None


def arriving_as(name: str) -> str | None:
    """The name under which a file will be there whose name is this until it is whole; None where this is no such name."""
    match = _ARRIVING.fullmatch(name)
    return (match["syncthing"] or match["rsync"]) if match is not None else None


def is_conflict(name: str) -> bool:
    """Whether Syncthing gave this name to one of two files that were changed at two places."""
    return _ANY_CONFLICT in name


def about_conflict(name: str) -> str:
    """What there is to say to people of such a file."""
    match = _CONFLICT.fullmatch(name)
    kept = "the file that it is a copy of" if match is None else repr(match["stem"] + (match["suffix"] or ""))
    return (
        f"two gateways changed {kept} at the same time, and Syncthing kept the other one's as this copy, which is not served:"
        f" if the copy is the right one, rename it to that name, else delete it. Do so at one gateway; the others follow."
    )
