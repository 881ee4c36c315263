"""The Bottle application: which request goes where, and which right it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bottle

from server.access.token import Right
from server.coap.urls import CoapUrls
from server.firmware.catalogue import LiveCatalogue
from server.web.api import Api
from server.web.auth import Guard
from server.web.device_pages import DevicePages
from server.web.events import Events
from server.web.fleet import FleetApi
from server.web.login import Login
from server.web.monitors import Monitors
from server.web.openapi import document
from server.web.pages import Pages
from server.web.plugin import Plugin
from server.web.responses import unless_known, with_security_headers
from server.web.rollouts import RolloutApi
from server.web.site import Site
from server.web.static_files import StaticFiles

STATIC = Path(__file__).parent / "static"


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
    site = Site(api, pages, live, urls, guard, folder, device_pages.counts)
    plugin = Plugin(guard, login, pages)
    app = bottle.Bottle()
    app.default_error_handler = plugin.routing_error
    app.install(plugin)
    app.add_hook("before_request", plugin.check_target)
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
