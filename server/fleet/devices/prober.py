"""Asks a device what it says of itself: which slot is active, which version runs, which board it is."""

from __future__ import annotations

import logging

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from common.release import Release
from server.coap.client import CoapClient
from server.fleet.devices.facts import Shown

SLOT_PATH = "suit/slot/active"
"""RIOT: sys/suit/transport/coap.c; "0" or "1"."""
BOARD_PATH = "riot/board"
_log = logging.getLogger(__name__)


class Prober:
    """Threads: any; each call waits for the device, at most as long as the client's timing says."""

    def __init__(self, client: CoapClient, version_path: str | None) -> None:
        """`version_path`: where devices show which release they run, if they have such a resource."""
        self._client = client
        self._version_path = version_path.strip("/") if version_path else None

    def is_of_use(self, listing: bytes) -> bool:
        """Whether a device whose .well-known/core this is shows anything of itself."""
        return f"</{SLOT_PATH}>".encode() in listing or self._version_path is not None

    def show(self, device: DeviceUrl, release: Release | None) -> Shown:
        """What can prove that the device runs `release`."""
        try:
            slot = self._text(device, SLOT_PATH)
            version = self._text(device, self._version_path) if self._version_path else None
        except (DeviceUnreachable, DeviceRefused):
            return Shown(answered=False)
        runs = version in names_of(release) if version is not None and release is not None else None
        return Shown(True, int(slot) if slot in ("0", "1") else None, runs)

    def board(self, device: DeviceUrl) -> str | None:
        """The board's name; None where the device does not say."""
        try:
            return (self._text(device, BOARD_PATH) or "")[:64] or None
        except (DeviceUnreachable, DeviceRefused):
            return None

    def _text(self, device: DeviceUrl, path: str) -> str | None:
        """Raises DeviceUnreachable and DeviceRefused."""
        answer = self._client.request("GET", device, path)
        if answer.code != "2.05":
            return None
        text = answer.payload.decode("utf-8", "replace").strip("\0 \r\n\t")
        return text if text.isprintable() else None


def names_of(release: Release) -> frozenset[str]:
    """What a version resource shows where the device runs this release: its id, the last part of that, or its number."""
    number = () if release.sequence_number is None else (str(release.sequence_number),)
    return frozenset((release.publish_id, release.publish_id.rpartition("/")[2], *number))
