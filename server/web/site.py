"""The handlers that answer people and programs differently."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bottle

from common import __version__
from common.release import Release
from server.coap.urls import CoapUrls
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.web import uploads
from server.web.api import Api
from server.web.auth import Guard
from server.web.pages import PageContext, Pages
from server.web.responses import as_json, as_page, in_pieces, see_other, wants_page


class Site:
    """Threads: the web workers call it."""

    def __init__(
        self,
        api: Api,
        pages: Pages,
        live: LiveCatalogue,
        urls: CoapUrls,
        guard: Guard,
        folder: Path,
        counts: Callable[[], tuple[int, int]],
    ) -> None:
        """`counts` gives how many devices there are, and how many need a look."""
        self._calls = api
        self._pages = pages
        self._live = live
        self._urls = urls
        self._guard = guard
        self._folder = folder
        self._counts = counts
        self._start = secrets.token_hex(4)

    def index(self) -> Any:
        """The page; 304 while nothing has changed."""
        current, base = self._live.current, self._calls.base()
        context = self._context()

        def page() -> bottle.HTTPResponse:
            with_urls = partial(self._calls.with_base, base=base)
            return as_page(in_pieces(self._pages.index(current.releases, current.problems, context, with_urls)))

        return self._unless_known(current, context, page)

    def releases(self) -> Any:
        """All of them for programs; 304 while nothing has changed."""
        current, base = self._live.current, self._calls.base()

        def listed() -> bottle.HTTPResponse:
            return bottle.HTTPResponse(in_pieces(self._calls.releases(current, base)), Content_Type="application/json")

        return self._unless_known(current, base, listed)

    def coap_url(self, publish_id: str) -> Any:
        """Plain text, as the original ota-server had it."""
        return bottle.HTTPResponse(self._calls.coap_url(publish_id), Content_Type="text/plain; charset=utf-8")

    def publish(self) -> Any:
        """201 new, 200 the same bytes were there; people are sent back to the page."""
        release, created = self._calls.publish()
        if wants_page():
            return see_other("./")
        return as_json(release.to_json(), 201 if created else 200)

    def check(self) -> Any:
        """200 whatever was found; nothing is stored."""
        return as_json(self._calls.check().to_json(), 200)

    def withdraw(self) -> Any:
        """The release, or the page for people."""
        return self._changed(self._calls.withdraw())

    def restore(self) -> Any:
        """The release, or the page for people."""
        return self._changed(self._calls.restore())

    def notify(self) -> Any:
        """200 with every result, or 202 where to ask for them."""
        page = wants_page()
        asynchronous = "respond-async" in bottle.request.get_header("Prefer", "")
        notification, done = self._calls.notify(wait=not (asynchronous or page))
        if page:
            return see_other(f"notifications/{notification.id}")
        where = f"/api/v1/notifications/{notification.id}"
        return as_json(notification.to_json(), 200) if done else as_json(notification.to_json(), 202, Location=where)

    def remove(self) -> Any:
        """JSON from programs; from a form only after the question was answered."""
        if uploads.is_form(bottle.request):
            forms = uploads.fields(bottle.request)
            release = self._calls.release(uploads.field(forms, "publish_id"))
            if not uploads.yes(forms, "sure"):
                return as_page(self._pages.confirm_remove(release))
            self._calls.remove(release.publish_id)
            return see_other("./")
        return as_json(self._calls.remove_json(), 200)

    def _unless_known(self, current: Catalogue, besides: object, make: Callable[[], bottle.HTTPResponse]) -> bottle.HTTPResponse:
        """What `make` gives of this catalogue, unless whoever asks has it already; `besides` is what else it is made of."""
        tag = hashlib.sha256(f"{self._start} {current.number} {besides}".encode()).hexdigest()[:16]
        headers = {"ETag": f'W/"{tag}"', "Cache_Control": "no-cache"}
        if bottle.request.get_header("If-None-Match") == headers["ETag"]:
            return bottle.HTTPResponse(status=304, **headers)
        answer = make()
        for name, value in headers.items():
            answer.set_header(name.replace("_", "-"), value)
        return answer

    @staticmethod
    def _changed(release: Release) -> bottle.HTTPResponse:
        return see_other("./") if wants_page() else as_json(release.to_json(), 200)

    def _context(self) -> PageContext:
        devices, in_trouble = self._counts()
        return PageContext(
            folder=str(self._folder),
            coap_url=f"coap://{self._urls.authority(bottle.request.environ.get('REMOTE_ADDR', '::1'))}",
            visitor=self._guard.visitor(bottle.request.environ),
            notice=None,
            version=__version__,
            devices=devices,
            in_trouble=in_trouble,
        )
