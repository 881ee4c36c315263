"""What programs ask for over HTTP, and what people's forms send."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import bottle

from common.device_url import parse_list
from common.errors import InvalidRelease, InvalidRequest, NotFound, ReleaseNotFound
from common.notification import Notification, Nul
from common.release import Release, State, check_publish_id
from server.coap.urls import CoapUrls
from server.firmware.catalogue import LiveCatalogue
from server.firmware.image import ImageChanged
from server.firmware.images import ImageCache
from server.firmware.publishing import Publisher
from server.fleet.notifier import Notifier
from server.web import uploads

MAX_DEVICES = 1000
_WAITING_WORKERS = 2
_LONGEST_WAIT = 30.0
"""Seconds that a poll may ask to wait."""


class Api:
    """Turns requests into calls and results into JSON.

    Threads: the web workers call it; at most two of them wait for a notification's end.
    """

    def __init__(
        self,
        live: LiveCatalogue,
        publisher: Publisher,
        notifier: Notifier,
        cache: ImageCache,
        urls: CoapUrls,
        max_file: int,
        stopping: threading.Event,
    ) -> None:
        self._live = live
        self._publisher = publisher
        self._notifier = notifier
        self._cache = cache
        self._urls = urls
        self._max_file = max_file
        self._stopping = stopping
        self._waiters = threading.BoundedSemaphore(_WAITING_WORKERS)

    def with_urls(self, release: Release) -> Release:
        """The release with the CoAP URLs that the asking side would use."""
        peer = bottle.request.environ.get("REMOTE_ADDR", "::1")
        base = f"coap://{self._urls.authority(peer)}"
        return replace(release, files=tuple(replace(f, url=self._urls.with_base(base, f.path)) for f in release.files))

    def publish(self) -> tuple[Release, bool]:
        """The release, and whether it is new."""
        upload = uploads.read(bottle.request, self._max_file)
        release, created = self._publisher.publish(upload.publish_id, upload.files, upload.force)
        return self.with_urls(release), created

    def releases(self) -> dict[str, Any]:
        """The JSON shape `releases`."""
        current = self._live.current
        return {
            "releases": [self.with_urls(r).to_json() for r in current.releases],
            "problems": [p.to_json() for p in current.problems],
        }

    def release(self, publish_id: str) -> Release:
        """Raises ReleaseNotFound."""
        found = self._live.current.by_id.get(publish_id)
        if found is None:
            raise ReleaseNotFound(f"There is no release {publish_id!r}.")
        return self.with_urls(found)

    def remove(self, publish_id: str) -> dict[str, Any]:
        """Remove a release and say so."""
        self._publisher.remove(self.release(publish_id).publish_id)
        return {"removed": publish_id}

    def remove_json(self) -> dict[str, Any]:
        """`POST /remove`: `publish_id`, and the `version` below it where the original ota-server's callers name one."""
        try:
            asked = json.loads(bottle.request.body.read(65536))
            publish_id, version = str(asked["publish_id"]), asked.get("version")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InvalidRequest('The body is no JSON such as {"publish_id": "version_42"}.') from None
        if version is not None and f"{publish_id}/{version}" in self._live.current.by_id:
            publish_id = f"{publish_id}/{version}"
        return self.remove(publish_id)

    def coap_url(self, publish_id: str) -> str:
        """What RIOT's build of 2019 asks before it signs: the release's base URL, published or not."""
        check_publish_id(publish_id)
        peer = bottle.request.environ.get("REMOTE_ADDR", "::1")
        return f"coap://{self._urls.authority(peer, always_port=True)}/{publish_id}"

    def notify(self, wait: bool) -> tuple[Notification, bool]:
        """Start to tell devices; the notification, and whether it is done. Waits only when `wait` and a place is free."""
        forms = uploads.fields(bottle.request)
        publish_id = uploads.field(forms, "publish_id")
        text = ",".join(uploads.field(forms, name) for name in ("urls", "device_urls") if forms.getall(name))
        try:
            nul = Nul(uploads.field(forms, "nul", default="auto") or "auto")
        except ValueError:
            raise InvalidRequest(f"The field 'nul' is {forms.get('nul')!r}; it is auto, yes or no.") from None
        devices = parse_list(text)
        if not devices:
            raise InvalidRequest("No device is named: give device URLs in the field 'urls', parted by commas.")
        if len(devices) > MAX_DEVICES:
            raise InvalidRequest(f"{len(devices)} devices are named; at most {MAX_DEVICES} can be told at once.")
        release = self.release(publish_id)
        if release.state is not State.READY:
            raise InvalidRelease(
                f"{publish_id!r} is {release.state}, so devices could not fetch it and nobody was told.", release.findings
            )
        notification = self._notifier.start(publish_id, devices, nul)
        if wait:
            notification = self._wait(notification.id, float("inf"))
        return notification, notification.done

    def notification(self, number: str) -> Notification:
        """The state of a notification; `?wait=N` gives it up to N seconds to become done. Raises NotFound."""
        found = self._notifier.get(number)
        if found is None:
            raise NotFound("There is no such notification any more; the server keeps only the latest ones.")
        try:
            seconds = float(bottle.request.query.get("wait", "0"))
        except ValueError:
            raise InvalidRequest("The parameter 'wait' is no number of seconds.") from None
        return self._wait(number, min(seconds, _LONGEST_WAIT)) if seconds > 0 and not found.done else found

    def _wait(self, number: str, seconds: float) -> Notification:
        """Hold this worker until the notification is done, if fewer than two are held already."""
        notification = self._notifier.get(number)
        assert notification is not None  # the newest is kept
        if not self._waiters.acquire(blocking=False):
            return notification
        try:
            while not (notification.done or self._stopping.is_set()) and seconds > 0:
                step = min(seconds, 0.25)
                notification = self._notifier.wait(number, step)
                seconds -= step
        finally:
            self._waiters.release()
        return notification

    def file(self, path: str) -> bottle.HTTPResponse:
        """A download of what devices get at this path: the checked bytes."""
        image = self._live.current.images.get(path)
        if image is None:
            raise NotFound(f"No file is served as {path!r}.")
        etag = f'"{image.sha256}"'
        if bottle.request.get_header("If-None-Match") == etag:
            return bottle.HTTPResponse(status=304, ETag=etag)
        try:
            content = self._cache.load(image)
        except (ImageChanged, OSError):
            self._live.refresh()
            raise NotFound(f"{path!r} has just been changed in the firmware folder; ask again.") from None
        name = "-".join(path.split("/"))
        return bottle.HTTPResponse(
            content.data,
            Content_Type="application/octet-stream",
            Content_Disposition=f'attachment; filename="{_ascii(name)}"',
            ETag=etag,
        )


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
