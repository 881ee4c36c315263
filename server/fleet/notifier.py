"""Tells devices where a release's manifest is, many at a time, and keeps what each of them answered."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from common.notification import DeviceResult, DeviceState, Notification, Nul
from server.coap.client import Answer, CoapClient, request_size
from server.coap.urls import CoapUrls

log = logging.getLogger(__name__)

# What RIOT devices take, in bytes: /suit/trigger's payload, its NUL included; the path that they keep of it.
_LONGEST_PAYLOAD = 127
_LONGEST_PATH = 72
# More than this is sent, with a caution: release 2024.10 drops a longer datagram without a word, and a block number
# of 16 or more needs a byte beside the path.
_SAFE_DATAGRAM = 112
_SAFE_PATH = 68

_STOPPING = "The server is stopping."
_WORDS = {
    "4.04": "the device has no such path",
    "4.05": "the device takes neither POST nor PUT there",
    "4.08": "the device found the notification incomplete",
    "4.13": "the device found the notification too long",
}


@dataclass(slots=True, eq=False)
class _Run:
    """A notification under way; `Notifier` locks."""

    id: str
    publish_id: str
    rows: list[DeviceResult]
    waiting: int

    def snapshot(self) -> Notification:
        return Notification(self.id, self.publish_id, tuple(self.rows))


class Notifier:
    """Starts notifications, and answers what became of them.

    Threads: any thread calls `start`, `get` and `wait`; one owner calls `stop`. The devices are asked by the threads
    "notify-N", which all notifications share.
    """

    def __init__(
        self,
        client: CoapClient,
        urls: CoapUrls,
        at_once: int = 32,
        keep: int = 100,
        known: Callable[[DeviceUrl], None] = lambda _: None,
    ) -> None:
        """`at_once` devices are asked at a time; of the finished notifications the last `keep` are remembered.

        `known` hears of each device before it is told, with its numeric address.
        """
        self._client = client
        self._known = known
        self._urls = urls
        self._keep = keep
        self._pool = ThreadPoolExecutor(at_once, "notify")
        self._changed = threading.Condition()
        self._runs: dict[str, _Run] = {}
        """In the order in which they were started; a finished one moves to the end."""
        self._stopping = False

    def start(self, publish_id: str, devices: Sequence[DeviceUrl], nul: Nul = Nul.AUTO) -> Notification:
        """Begin to tell each of `devices` once; returns at once, with rows that wait."""
        each = list(dict.fromkeys(devices))
        rows = [DeviceResult(str(device), DeviceState.WAITING, None, "Waiting.") for device in each]
        run = _Run(secrets.token_urlsafe(12), publish_id, rows, len(rows))
        with self._changed:
            self._runs[run.id] = run
            if self._stopping:
                self._abandon(run)
            else:
                for row, device in enumerate(each):
                    self._pool.submit(self._work, run, row, device, nul)
            if not run.waiting:
                self._finished(run)
            return run.snapshot()

    def get(self, notification_id: str) -> Notification | None:
        """How far it is; None when it is unknown or forgotten."""
        with self._changed:
            run = self._runs.get(notification_id)
            return run.snapshot() if run else None

    def wait(self, notification_id: str, timeout: float) -> Notification:
        """Wait until it is done, `timeout` seconds are over, or the server stops. Raises KeyError for an unknown id."""
        with self._changed:
            run = self._runs[notification_id]
            self._changed.wait_for(lambda: not run.waiting or self._stopping, timeout)
            return run.snapshot()

    def stop(self) -> None:
        """End all work; the client is stopped too, because the workers wait in it. A second call does nothing."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._client.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._changed:
            for run in self._runs.values():
                self._abandon(run)
            self._changed.notify_all()

    def _abandon(self, run: _Run) -> None:
        for number, row in enumerate(run.rows):
            if row.state is DeviceState.WAITING:
                run.rows[number] = dataclasses.replace(row, state=DeviceState.UNREACHABLE, message=_STOPPING)
        run.waiting = 0

    def _work(self, run: _Run, row: int, device: DeviceUrl, nul: Nul) -> None:
        try:
            result = self._tell(run.publish_id, device, nul)
        except DeviceUnreachable as error:
            result = DeviceResult(str(device), DeviceState.UNREACHABLE, None, str(error))
        except DeviceRefused as error:
            result = DeviceResult(str(device), DeviceState.REFUSED, error.code, str(error))
        except Exception:
            log.exception("telling %s of %s failed", device, run.publish_id)
            why = "An internal error of the server; its log has the details."
            result = DeviceResult(str(device), DeviceState.UNREACHABLE, None, why)
        log.info("notified %s of %s: %s: %s", device, run.publish_id, result.state, result.message)
        with self._changed:
            run.rows[row] = result
            run.waiting -= 1
            if not run.waiting:
                self._finished(run)
            self._changed.notify_all()

    def _finished(self, run: _Run) -> None:
        self._runs[run.id] = self._runs.pop(run.id)
        done = [r.id for r in self._runs.values() if not r.waiting]
        for old in itertools.islice(done, max(0, len(done) - self._keep)):
            del self._runs[old]

    def _tell(self, publish_id: str, device: DeviceUrl, nul: Nul) -> DeviceResult:
        target = self._client.resolve(device)
        self._known(target)
        peer = target.host + (f"%{target.zone}" if target.zone else "")
        url = self._urls.url(f"{publish_id}/manifest", peer=peer)
        caution = _check_length(url, device, nul)
        if nul is Nul.AUTO:
            nul = Nul.YES if self._is_riot(target) else Nul.NO
        payload = url.encode() + (b"\0" if nul is Nul.YES else b"")
        try:
            answer = self._client.request("POST", target, device.path, payload)
            if answer.code == "4.05":  # devices of the original ota-server of 2019 take PUT
                answer = self._client.request("PUT", target, device.path, payload)
        except DeviceUnreachable as error:
            raise DeviceUnreachable(f"{error}{caution}") from error
        return _result(device, answer, caution)

    def _is_riot(self, target: DeviceUrl) -> bool:
        try:
            listing = self._client.request("GET", target, ".well-known/core")
        except DeviceRefused:
            return False  # it is there, and that is what counts: the notification itself may be welcome
        return listing.code == "2.05" and b"</riot/board>" in listing.payload


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
