"""What can be said of the picked files, by the server or without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.boards import Boards
from common.checked import Checked
from common.client import Client
from common.errors import OtaError
from common.preflight import check
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.proposal import propose


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of the picked files."""

    checked: Checked | None
    proposal: str
    note: str
    """By whom it was checked; "" where there is nothing to say."""


def look(bundle: Bundle, url: str | None, publish_id: str, boards: Boards, cancelled: Callable[[], bool] | None = None) -> Look:
    """What the server says of the files, or, where none answers, what they say of each other."""
    if not bundle.files:
        return Look(None, "", "")
    files = bundles.as_files(bundle)
    proposal = propose(files, bundle, boards)
    local = Checked.of(check(files), boards.name)
    if url is None:
        return Look(local, proposal, "Checked on this computer: there is no server that could say more.")
    paths = {role: file.path for role, file in bundle.files.items() if not file.gone}
    try:
        with Client(url, timeout=20, connect_timeout=3) as client:
            return Look(client.check(paths, publish_id or None, cancelled=cancelled), proposal, "")
    except OtaError as error:
        return Look(local, proposal, f"Checked on this computer. {error}")
