"""Which release a device's requests are about, by what they ask for."""

from __future__ import annotations

from collections.abc import Callable

from common.finding import Role
from common.release import Release
from common.transfer import Transfer
from server.fleet.verdicts import Trace


def of_transfer(
    trace: Trace | None, transfer: Transfer, release: Callable[[str], Release | None]
) -> tuple[str, Role] | None:
    """The publish id and the role; None where the file is of no release.

    One file may be of two releases: then it is of the one that the device is at.
    """
    if trace is not None:
        current = release(trace.publish_id)
        for file in current.files if current is not None else ():
            if file.sha256 == transfer.sha256:
                return trace.publish_id, file.role
    if transfer.publish_id is None or transfer.role is None:
        return None
    return transfer.publish_id, transfer.role


def manifest_path(publish_id: str, release: Release | None) -> str:
    """Where devices are told that the manifest is."""
    file = release.file(Role.MANIFEST) if release is not None else None
    return file.path if file is not None else f"{publish_id}/{Role.MANIFEST}"
