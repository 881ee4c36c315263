"""The Bottle application: which request goes where, and in which form the answer comes back."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import bottle

from common import __version__
from common.errors import OtaError, TokenWanted
from common.release import Release
from server.access.token import Right
from server.coap.urls import CoapUrls
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.web import uploads
from server.web.api import Api
from server.web.auth import Guard
from server.web.device_pages import DevicePages
from server.web.errors import Failure, failure
from server.web.events import Events
from server.web.fleet import FleetApi
from server.web.login import Login
from server.web.monitors import Monitors
from server.web.openapi import document
from server.web.pages import PageContext, Pages
from server.web.responses import as_json, as_page, see_other, unless_known, wants_page, way_up, with_security_headers
from server.web.rollouts import RolloutApi
from server.web.static_files import StaticFiles
from server.web.target import unreadable

STATIC = Path(__file__).parent / "static"
_log = logging.getLogger(__name__)


def create_app(
    api: Api,
    fleet: FleetApi,
    events: Events,
    pages: Pages,
    live: LiveCatalogue,
    urls: CoapUrls,
    guard: Guard,
    folder: Path,
    monitors: Monitors,
    rollouts: RolloutApi,
    device_pages: DevicePages,
    login: Login,
) -> Callable[..., Any]:
    """The WSGI application. Its parts come in ready-made; it owns nothing."""
    site = _Site(api, pages, live, urls, guard, folder, device_pages.counts, login)
    app = bottle.Bottle()
    app.default_error_handler = site.routing_error
    app.install(site)
    app.add_hook("before_request", site.check_target)
    app.get("/", callback=site.index)
    static = StaticFiles(STATIC)
    app.get("/static/<name:path>", callback=static.answer)
    app.get("/favicon.ico", callback=lambda: static.answer("favicon.svg"))
    described = document.document()
    app.get(document.PATH, callback=lambda: unless_known(described))
    app.get("/healthz", callback=monitors.health)
    app.get("/metrics", callback=monitors.metrics)
    app.get("/files/<path:path>", callback=api.file)
    app.get("/coap/url/<publish_id:path>", callback=site.coap_url)
    app.get("/api/v1/releases", callback=site.releases)
    app.get("/api/v1/releases/<publish_id:path>", callback=lambda publish_id: api.release(publish_id).to_json())
    app.get("/api/v1/notifications/<number>", callback=lambda number: api.notification(number).to_json())
    app.get("/api/v1/transfers", callback=fleet.transfers)
    app.get("/api/v1/devices", callback=fleet.devices)
    app.get("/api/v1/devices/<address>", callback=fleet.device)
    app.get("/api/v1/history", callback=fleet.history)
    app.get("/api/v1/history.csv", callback=fleet.history_csv)
    app.get("/api/v1/notifications", callback=fleet.notifications)
    app.get("/api/v1/events", callback=events.stream)
    app.get("/api/v1/rollouts", callback=rollouts.all)
    app.get("/api/v1/rollouts/<number>", callback=rollouts.one)
    app.get("/devices", callback=device_pages.devices)
    app.get("/devices/<address>", callback=device_pages.device)
    app.get("/works", callback=device_pages.works)
    app.get("/notifications/<number>", callback=lambda number: pages.notification(api.notification(number)))
    app.get("/login", callback=login.form)
    app.post("/login", callback=login.log_in)
    app.post("/logout", callback=login.log_out)
    for right, method, path, callback in (
        (Right.PUBLISH, "POST", "/publish", site.publish),
        (Right.PUBLISH, "POST", "/check", site.check),
        (Right.NOTIFY, ["POST", "PUT"], "/notify", site.notify),
        (Right.NOTIFY, "POST", "/notifyv4", site.notify),  # what RIOT's forks of early 2019 ask for
        (Right.REMOVE, "POST", "/remove", site.remove),
        (Right.PUBLISH, "POST", "/withdraw", site.withdraw),
        (Right.PUBLISH, "POST", "/restore", site.restore),
        (Right.REMOVE, "DELETE", "/api/v1/releases/<publish_id:path>", api.remove),
        (Right.PUBLISH, "PUT", "/api/v1/devices/<address>", fleet.name),
        (Right.PUBLISH, "DELETE", "/api/v1/devices/<address>", fleet.forget),
        (Right.NOTIFY, "POST", "/api/v1/notifications/<number>", lambda number: fleet.set_state(number).to_json()),
        (Right.NOTIFY, "POST", "/api/v1/rollouts", rollouts.create_json),
        (Right.PUBLISH, "POST", "/devices/<address>", device_pages.name),
        (Right.PUBLISH, "POST", "/devices/<address>/forget", device_pages.forget),
        (Right.NOTIFY, "POST", "/notifications/<number>", device_pages.notification_state),
        (Right.NOTIFY, "POST", "/rollouts", device_pages.rollout),
        (Right.NOTIFY, "POST", "/rollouts/<number>", device_pages.rollout_state),
        (Right.NOTIFY, "POST", "/api/v1/rollouts/<number>", lambda number: rollouts.set_state(number).to_json()),
    ):
        app.route(path, method, callback, changes=right)
    return monitors.counted(with_security_headers(app))


class _Site:
    """The handlers that answer people and programs differently; also the plugin around all handlers.

    Threads: the web workers call it.
    """

    name = "site"
    api = 2
    """Bottle's plugin interface: apply(callback, route)."""

    def __init__(
        self,
        api: Api,
        pages: Pages,
        live: LiveCatalogue,
        urls: CoapUrls,
        guard: Guard,
        folder: Path,
        counts: Callable[[], tuple[int, int]],
        login: Login,
    ) -> None:
        """`counts` gives how many devices there are, and how many need a look."""
        self._calls = api
        self._pages = pages
        self._live = live
        self._urls = urls
        self._guard = guard
        self._folder = folder
        self._counts = counts
        self._login = login
        self._start = secrets.token_hex(4)

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """A Bottle plugin: who may not, does not; an error is a sentence; anything else is a bug and a 500."""

        @wraps(callback)
        def guarded(*arguments: Any, **named: Any) -> Any:
            try:
                self._guard.check_host(bottle.request.environ)
                right = route.config.get("changes")
                if right is not None:
                    self._guard.check_change(bottle.request.environ, right)
                return callback(*arguments, **named)
            except bottle.HTTPResponse as response:
                return response
            except TokenWanted as error:
                return self._login.wanted(error) if wants_page() else self._error(failure(error))
            except OtaError as error:
                return self._error(failure(error))
            except Exception:
                _log.exception("a bug answers %s %r", bottle.request.method, bottle.request.path)
                return self._error(Failure(500, "internal-error", "The server made a mistake; its log says more."))

        return guarded

    def check_target(self) -> None:
        """A Bottle hook, called before a route is looked for."""
        failed = unreadable(bottle.request.environ)
        if failed is not None:
            raise self._error(failed)

    def routing_error(self, error: bottle.HTTPError) -> Any:
        """Bottle's own refusals: no such path, no such method, a path that is not UTF-8."""
        status = error.status_code
        messages = {404: "There is nothing at this address.", 405: "This address does not take requests of this kind."}
        codes = {404: "not-found", 405: "method-not-allowed"}
        message = messages.get(status, "The request could not be understood.")
        body = self._error(Failure(status, codes.get(status, "bad-request"), message))
        for name, value in error.headers.items():
            if name == "Allow":
                body.set_header(name, value)
        body.apply(bottle.response)
        return body.body

    def index(self) -> Any:
        """The page; 304 while nothing has changed."""
        current = self._live.current
        context = self._context()

        def page() -> bottle.HTTPResponse:
            releases = [self._calls.with_urls(r) for r in current.releases]
            return as_page(self._pages.index(releases, current.problems, context))

        return self._unless_known(current, context, page)

    def releases(self) -> Any:
        """All of them for programs; 304 while nothing has changed."""
        current, base = self._live.current, self._calls.base()

        def listed() -> bottle.HTTPResponse:
            return bottle.HTTPResponse(self._calls.releases(current, base), Content_Type="application/json")

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

    def _error(self, found: Failure) -> bottle.HTTPResponse:
        if wants_page():
            page = self._pages.error(found.status, found.title, found.message, found.findings, way_up())
            answer = as_page(page, found.status)
        else:
            answer = as_json(found.to_json(), found.status)
        for name, value in found.headers:
            answer.set_header(name, value)
        return answer
