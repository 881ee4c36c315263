"""What programs ask for over HTTP, and what people's forms send."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import bottle

from common.checked import Checked
from common.errors import InvalidRelease, InvalidRequest, NotFound, ReleaseNotFound
from common.notification import Notification, Nul
from common.release import Release, State, check_publish_id
from server.coap.urls import CoapUrls
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.image import ImageChanged
from server.firmware.images import ImageCache
from server.firmware.publishing import Publisher
from server.fleet.fleet import Fleet
from server.web import uploads
from server.web.asker import note, who_asks
from server.web.kept_bytes import KeptBytes
from server.web.recipients import recipients
from server.web.release_lists import ReleaseLists

_REMEDIES: Mapping[State, str] = MappingProxyType({
    State.INCOMPLETE: "Add what is missing, or wait until it is whole.",
    State.REJECTED: "Publish files that fit together.",
    State.WITHDRAWN: "Restore it first, or tell them of another release.",
})
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
        fleet: Fleet,
        cache: ImageCache,
        urls: CoapUrls,
        max_file: int,
        stopping: threading.Event,
    ) -> None:
        self._live = live
        self._publisher = publisher
        self._fleet = fleet
        self._notifier = fleet.notifier
        self._cache = cache
        self._urls = urls
        self._max_file = max_file
        self._stopping = stopping
        self._lists = ReleaseLists(self.with_base)
        self._waiters = threading.BoundedSemaphore(_WAITING_WORKERS)

    def base(self) -> str:
        """What is before each CoAP path that the asking side would use."""
        return f"coap://{self._urls.authority(bottle.request.environ.get('REMOTE_ADDR', '::1'))}"

    def with_urls(self, release: Release) -> Release:
        """The release with the CoAP URLs that the asking side would use."""
        return self.with_base(release, self.base())

    def with_base(self, release: Release, base: str) -> Release:
        """The same below another base than the asking side's."""
        return replace(release, files=tuple(replace(f, url=self._urls.with_base(base, f.path)) for f in release.files))

    def publish(self) -> tuple[Release, bool]:
        """The release, and whether it is new."""
        upload = uploads.to_publish(bottle.request)
        assert upload.publish_id is not None  # to_publish saw to it
        release, created = self._publisher.publish(upload.publish_id, upload.files, upload.force, upload.aliases)
        if created:
            self._record("published", f"Published {release.publish_id}.", release.publish_id, forced=release.forced)
        return self.with_urls(release), created

    def check(self) -> Checked:
        """What publishing the files would find; nothing is kept of them."""
        upload = uploads.to_check(bottle.request)
        return Checked.of(self._publisher.check(upload.publish_id, upload.files), self._live.judge.boards.name)

    def releases(self, current: Catalogue, base: str) -> Iterator[bytes]:
        """The JSON shape `releases`, in pieces."""
        return self._lists.of(current, base)

    def release(self, publish_id: str) -> Release:
        """Raises ReleaseNotFound."""
        found = self._live.current.by_id.get(publish_id)
        if found is None:
            raise ReleaseNotFound(f"There is no release {publish_id!r}.")
        return self.with_urls(found)

    def remove(self, publish_id: str) -> dict[str, Any]:
        """Remove a release and say so."""
        self._publisher.remove(self.release(publish_id).publish_id)
        self._record("removed", f"Removed {publish_id}.", publish_id)
        return {"removed": publish_id}

    def remove_json(self) -> dict[str, Any]:
        """`POST /remove`: `publish_id`, and the `version` below it where the original ota-server's callers name one."""
        return self.remove(self._of_version(*uploads.named(bottle.request)))

    def withdraw(self) -> Release:
        """Take the release that a form or JSON names from the devices; its files stay."""
        release, is_news = self._publisher.withdraw(_asked_id())
        if is_news:
            self._record("withdrawn", f"Withdrew {release.publish_id}.", release.publish_id)
        return self.with_urls(release)

    def restore(self) -> Release:
        """Give it back to them."""
        release, is_news = self._publisher.restore(_asked_id())
        if is_news:
            self._record("restored", f"Restored {release.publish_id}.", release.publish_id)
        return self.with_urls(release)

    def coap_url(self, publish_id: str) -> str:
        """What RIOT's build of 2019 asks before it signs: the release's base URL, published or not."""
        check_publish_id(publish_id)
        peer = bottle.request.environ.get("REMOTE_ADDR", "::1")
        return f"coap://{self._urls.authority(peer, always_port=True)}/{publish_id}"

    def notify(self, wait: bool) -> tuple[Notification, bool]:
        """Start to tell devices; the notification, and whether it is done. Waits only when `wait` and a place is free."""
        forms = uploads.fields(bottle.request)
        publish_id = self._of_version(uploads.field(forms, "publish_id"), uploads.field(forms, "version", default="") or None)
        text = ",".join(uploads.field(forms, name) for name in ("urls", "device_urls") if forms.getall(name))
        try:
            nul = Nul(uploads.field(forms, "nul", default="auto") or "auto")
        except ValueError:
            raise InvalidRequest(f"The field 'nul' is {forms.get('nul')!r}; it is auto, yes or no.") from None
        devices = recipients(text, uploads.texts(forms, "group"), self._fleet.devices, "can be told at once")
        release = self.release(publish_id)
        if release.state is not State.READY:
            raise InvalidRelease(
                f"{publish_id!r} is {release.state}, so devices could not fetch it and nobody was told."
                f" {_REMEDIES[release.state]}",
                release.findings,
            )
        notification = self._notifier.start(publish_id, devices, nul, who_asks())
        count = f"{len(devices)} device{'s' if len(devices) > 1 else ''}"
        told = [str(device) for device in devices[:100]]
        self._record("notified", f"Notified {count} of {publish_id}.", publish_id, notification=notification.id, devices=told)
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
        headers = {"ETag": f'"{image.sha256}"', "Cache_Control": "no-cache"}
        if bottle.request.get_header("If-None-Match") == headers["ETag"]:
            return bottle.HTTPResponse(status=304, **headers)
        try:
            content = self._cache.load(image)
        except (ImageChanged, OSError):
            with contextlib.suppress(OSError):  # the thread that watches the folder says so
                self._live.refresh()
            raise NotFound(f"{path!r} has just been changed in the firmware folder; ask again.") from None
        name = "-".join(path.split("/"))
        return bottle.HTTPResponse(
            KeptBytes(content.data),
            Content_Type="application/octet-stream",
            Content_Length=str(len(content.data)),
            Content_Disposition=f'attachment; filename="{_ascii(name)}"',
            **headers,
        )

    def _record(self, kind: str, what: str, publish_id: str, **details: Any) -> None:
        note(self._fleet.history, kind, what, publish_id, **details)

    def _of_version(self, publish_id: str, version: str | None) -> str:
        """The release of a version below a publish id, where there is one; RIOT's build of 2019 parts the two."""
        below = f"{publish_id}/{version}"
        return below if version is not None and below in self._live.current.by_id else publish_id



def _asked_id() -> str:
    if uploads.is_form(bottle.request):
        return uploads.field(uploads.fields(bottle.request), "publish_id")
    return uploads.named(bottle.request)[0]


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
