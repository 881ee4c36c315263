"""What can be said of the picked files: at once by this computer, then by the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.boards import Boards
from common.checked import Checked
from common.errors import OtaError
from common.preflight import check
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.proposal import propose
from desktop.server import Server


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of the picked files."""

    checked: Checked | None
    proposal: str
    note: str
    """By whom it was checked; "" where there is nothing to say."""


def look(
    bundle: Bundle, server: Server | None, publish_id: str, boards: Boards, cancelled: Callable[[], bool] | None = None
) -> Iterator[Look]:
    """What the files say of each other, and then, where there is a server, what that says of them. The last one counts."""
    if not bundle.files:
        yield Look(None, "", "")
        return
    files = bundles.as_files(bundle)
    proposal = propose(files, bundle, boards)
    local = Checked.of(check(files), boards.name)
    if server is None:
        yield Look(local, proposal, "Checked on this computer: there is no server that could say more.")
        return
    yield Look(local, proposal, "Checked on this computer; asking the server…")
    paths = {role: file.path for role, file in bundle.files.items() if not file.gone}
    try:
        with server.client(timeout=20, connect_timeout=3) as client:
            found = Look(client.check(paths, publish_id or None, cancelled=cancelled), proposal, "")
    except OtaError as error:
        found = Look(local, proposal, f"Checked on this computer. {error}")
    yield found
