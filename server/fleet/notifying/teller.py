"""Tells one device where a release's manifest is, and says what came of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from common.notification import DeviceResult, DeviceState, Nul
from server.coap.client import Answer, CoapClient, request_size
from server.coap.urls import CoapUrls
from server.fleet.devices.facts import Shown

log = logging.getLogger(__name__)

# What RIOT devices take, in bytes: /suit/trigger's payload, its NUL included; the path that they keep of it.
_LONGEST_PAYLOAD = 127
_LONGEST_PATH = 72
# More than this is sent, with a caution: release 2024.10 drops a longer datagram without a word, and a block number
# of 16 or more needs a byte beside the path.
_SAFE_DATAGRAM = 112
_SAFE_PATH = 68

_WORDS = {
    "4.04": "the device has no such path",
    "4.05": "the device takes neither POST nor PUT there",
    "4.08": "the device found the notification incomplete",
    "4.13": "the device found the notification too long",
}


class Witness(Protocol):
    """Who keeps in mind what devices are told. All devices are numeric."""

    def before(self, device: DeviceUrl, publish_id: str, listing: bytes) -> Shown | None:
        """It answered with this .well-known/core: what it shows of itself before it is told; None where that proves nothing."""

    def intend(self, device: DeviceUrl, publish_id: str, before: Shown | None = None) -> None:
        """The device is about to be told; `before` is as it was."""

    def told(self, device: DeviceUrl, publish_id: str, state: DeviceState, message: str) -> None:
        """This came of it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a device is to be told, once it has shown that it is there."""

    target: DeviceUrl
    """Numeric."""
    payload: bytes
    caution: str
    before: Shown | None


class Teller:
    """Threads: any; a call waits for the device."""

    def __init__(
        self,
        client: CoapClient,
        urls: CoapUrls,
        known: Callable[[DeviceUrl], None] = lambda _: None,
        witness: Witness | None = None,
    ) -> None:
        """`known` hears of each device before it is told, with its numeric address; so does the `witness`."""
        self._client = client
        self._urls = urls
        self._known = known
        self._witness = witness

    def locate(self, device: DeviceUrl) -> DeviceUrl:
        """The device with its numeric address. Raises DeviceUnreachable and DeviceRefused."""
        return self._client.resolve(device)

    def prepare(self, publish_id: str, device: DeviceUrl, target: DeviceUrl, nul: Nul) -> Notice:
        """Ask it what has to be known before it is told; `target` is the device with its numeric address.

        Raises DeviceUnreachable and DeviceRefused.
        """
        self._known(target)
        peer = target.host + (f"%{target.zone}" if target.zone else "")
        url = self._urls.url(f"{publish_id}/manifest", peer=peer)
        caution = _check_length(url, device, nul)
        before = None
        if nul is Nul.AUTO:
            listing = self._listing(target)
            nul = Nul.YES if b"</riot/board>" in listing else Nul.NO
            if self._witness is not None and listing:
                before = self._witness.before(target, publish_id, listing)
        return Notice(target, url.encode() + (b"\0" if nul is Nul.YES else b""), caution, before)

    def intend(self, publish_id: str, notice: Notice) -> None:
        """The device is about to be told."""
        if self._witness is not None:
            self._witness.intend(notice.target, publish_id, notice.before)

    def tell(self, publish_id: str, device: DeviceUrl, notice: Notice) -> DeviceResult:
        """What came of it."""
        try:
            result = self._tell(device, notice)
        except (DeviceUnreachable, DeviceRefused) as error:
            result = failed(device, error)
        if self._witness is not None:
            self._witness.told(notice.target, publish_id, result.state, result.message)
        return result

    def lost(self, publish_id: str, target: DeviceUrl, result: DeviceResult) -> None:
        """The device at this numeric address could not be told at all."""
        if self._witness is not None:
            self._witness.intend(target, publish_id)
            self._witness.told(target, publish_id, result.state, result.message)

    def _tell(self, device: DeviceUrl, notice: Notice) -> DeviceResult:
        try:
            answer = self._client.request("POST", notice.target, device.path, notice.payload)
            if answer.code == "4.05":  # devices of the original ota-server of 2019 take PUT
                answer = self._client.request("PUT", notice.target, device.path, notice.payload)
        except DeviceUnreachable as error:
            raise DeviceUnreachable(f"{error}{notice.caution}") from error
        return _result(device, answer, notice.caution)

    def _listing(self, target: DeviceUrl) -> bytes:
        """Its .well-known/core; empty where it has none. Raises DeviceUnreachable."""
        try:
            listing = self._client.request("GET", target, ".well-known/core")
        except DeviceRefused:
            return b""  # it is there, and that is what counts: the notification itself may be welcome
        return listing.payload if listing.code == "2.05" else b""


def failed(device: DeviceUrl, error: DeviceUnreachable | DeviceRefused) -> DeviceResult:
    """The row of a device that could not be told."""
    if isinstance(error, DeviceRefused):
        return DeviceResult(str(device), DeviceState.REFUSED, error.code, str(error))
    return DeviceResult(str(device), DeviceState.UNREACHABLE, None, str(error))


def _result(device: DeviceUrl, answer: Answer, caution: str) -> DeviceResult:
    if answer.code.startswith("2."):
        return DeviceResult(str(device), DeviceState.ACCEPTED, answer.code, f"Accepted ({answer.code}).{caution}")
    why = _readable(answer.payload) or _WORDS.get(answer.code, "the device gave no reason")
    return DeviceResult(str(device), DeviceState.REFUSED, answer.code, f"Refused ({answer.code}): {why.rstrip('.')}.")


def _check_length(url: str, device: DeviceUrl, nul: Nul) -> str:
    """The caution that belongs into the result, or nothing. Raises DeviceRefused for what no device takes."""
    ending = 0 if nul is Nul.NO else 1
    length, path = len(url.encode()) + ending, len(urlsplit(url).path)
    if length > _LONGEST_PAYLOAD:
        raise DeviceRefused(
            f"The manifest's URL is {length} bytes long{' with its final NUL' if ending else ''}, and devices take at most"
            f" {_LONGEST_PAYLOAD}: publish it under a publish id that is shorter by {length - _LONGEST_PAYLOAD}."
        )
    if path > _LONGEST_PATH:
        raise DeviceRefused(
            f"The path in the manifest's URL is {path} bytes long, and devices take at most {_LONGEST_PATH}:"
            f" publish it under a publish id that is shorter by {path - _LONGEST_PATH}."
        )
    size = request_size(device.path, bytes(length))
    cautions = []
    if size > _SAFE_DATAGRAM:
        cautions.append(f"RIOT 2024.10 silently drops datagrams of more than {_SAFE_DATAGRAM} bytes, and this one has {size}")
    if path > _SAFE_PATH:
        cautions.append(f"a path of more than {_SAFE_PATH} bytes can end a transfer, and this one has {path}")
    if not cautions:
        return ""
    shorter = max(size - _SAFE_DATAGRAM, path - _SAFE_PATH)
    return f" Caution: {'; '.join(cautions)}. A publish id that is shorter by {shorter} is safe."


def _readable(diagnostic: bytes) -> str:
    """A diagnostic payload (RFC 7252, 5.5.2) as one line for a person."""
    text = re.sub(r"\s+", " ", diagnostic.decode("utf-8", "replace"))
    return "".join(c for c in text if c.isprintable())[:200].strip()
