"""Ends of transfers in the history: each once, and nothing is kept of those that are over."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from common.finding import Role
from common.transfer import Transfer, TransferState
from server.fleet.chronicle import Chronicle
from server.fleet.record.history import History

_BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_DONE = Transfer(
    "fd00::2", "v1", Role.SLOT0, "v1/slot0", "0" * 64, 16, 16, 1024, 1024, None, None, 0, 0, TransferState.DONE, _BEGAN, _BEGAN
)  # fmt: skip


class Lines(History):
    """Only counts what it is given."""

    def __init__(self) -> None:
        self.count = 0

    def record(self, *_: object, **_details: Any) -> None:
        self.count += 1


def test_an_end_is_recorded_once_however_many_others_end_meanwhile() -> None:
    lines = Lines()
    chronicle = Chronicle(lines)
    chronicle.ended([_DONE])
    others = [replace(_DONE, device="fd00::3", started=_BEGAN + dt.timedelta(seconds=n)) for n in range(25_000)]
    for other in others:
        chronicle.ended([other], over=[other])
    chronicle.ended([replace(_DONE, asked_again=1)])
    assert chronicle.ends == {TransferState.DONE: 1 + len(others)}
    assert lines.count == 1 + len(others)
