"""What programs ask for of the devices: JSON of what server/fleet knows."""

from __future__ import annotations

from typing import Any

from server.fleet.transfers import Transfers


class FleetApi:
    """Threads: the web workers call it."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers

    def transfers(self) -> dict[str, Any]:
        """The JSON shape `transfers`: those under way, and those that ended within the last hour."""
        return {"transfers": [transfer.to_json() for transfer in self._transfers.all()]}
