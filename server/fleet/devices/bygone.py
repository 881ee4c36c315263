"""What forgotten devices had asked for until then: how it ends is no sign that they are there again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from common.transfer import Transfer

_Key = tuple[str, str, dt.datetime]


class Bygone:
    """A transfer's end comes up to 247 s after its last block. Not thread-safe: `Devices` locks."""

    def __init__(self) -> None:
        self._seen: dict[_Key, dt.datetime] = {}
        """When each device had asked last, by its transfers: the time is told by them, so a wall clock that is put right
        changes nothing."""

    def take(self, address: str, transfers: Iterable[Transfer]) -> None:
        """The device at this address is forgotten; `transfers` are all that are told of: what is told of no more is let go."""
        before = self._seen
        keys = ((_key(transfer), transfer) for transfer in transfers)
        self._seen = {
            key: transfer.last_seen if transfer.device == address else before[key]
            for key, transfer in keys
            if transfer.device == address or key in before
        }

    def has(self, transfer: Transfer) -> bool:
        """Whether its device asked for nothing more since it was forgotten."""
        seen = self._seen.get(_key(transfer))
        return seen is not None and transfer.last_seen <= seen


def _key(transfer: Transfer) -> _Key:
    return transfer.device, transfer.path, transfer.started
