"""Transfers as a server reports them."""

from __future__ import annotations

import datetime as dt

from common.finding import Role
from common.transfer import Transfer, TransferState

BEGIN = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)


def transfer(
    device: str,
    publish_id: str | None = "v1",
    role: Role = Role.SLOT1,
    state: TransferState = TransferState.RUNNING,
    done: int = 41_000,
    started: float = 0,
) -> Transfer:
    """A file of 100 kB, of which `done` bytes were sent; `started` in seconds after BEGIN."""
    running = state is TransferState.RUNNING
    begin = BEGIN + dt.timedelta(seconds=started)
    size = 100_000
    sent = size if state is TransferState.DONE else done
    return Transfer(
        device, publish_id, role, f"{publish_id}/{role}", "ab" * 32, sent // 64, -(-size // 64), sent, size,
        1234.5 if running else None, 187.0 if running else None, 0, 0, state, begin, begin + dt.timedelta(seconds=1),
    )  # fmt: skip
