"""What people ask for of the devices: the list, one device's page, and the forms on both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import quote

import bottle

from common.device import Device
from common.errors import InvalidRequest
from common.transfer import Transfer
from server.firmware.catalogue import LiveCatalogue
from server.fleet.fleet import Fleet
from server.web import device_rows, uploads
from server.web.auth import Guard
from server.web.device_screens import LONGEST_CHOICE, Choice, DeviceContext, DeviceScreens, tag
from server.web.fleet import FleetApi
from server.web.proxy import address_of
from server.web.responses import as_page, see_other
from server.web.rollouts import RolloutApi
from server.web.works import Work, of_notifications, of_rollouts

_EVENTS = 200
_GROUPS = frozenset(name for name, _ in device_rows.GROUPS)


class DevicePages:
    """Threads: the web workers call it."""

    def __init__(
        self,
        fleet: Fleet,
        calls: FleetApi,
        rollouts: RolloutApi,
        live: LiveCatalogue,
        guard: Guard,
        coap_port: int,
        wall: Callable[[], float],
    ) -> None:
        """`wall` gives Unix time."""
        self._fleet = fleet
        self._calls = calls
        self._rollouts = rollouts
        self._live = live
        self._guard = guard
        self._coap_port = coap_port
        self._wall = wall
        self._screens = DeviceScreens()

    def counts(self) -> tuple[int, int]:
        """How many devices there are, and how many need a look."""
        with self._calls.turn:
            moving = device_rows.current(self._fleet.transfers.all())
            looks = [device_rows.look(d.update, moving.get(d.device)) for d in self._fleet.devices.all()]
        return len(looks), sum(look.group == "trouble" for look in looks)

    def devices(self) -> bottle.HTTPResponse:
        """The list; `?show=GROUP&q=WORDS` narrow it down. `forgotten=ADDRESS` says that it is, as long as that is so."""
        query = bottle.request.query
        group = query.getunicode("show", "")
        words = query.getunicode("q", "").strip()[:LONGEST_CHOICE]
        choice = Choice(words, group if group in _GROUPS else "")
        asked = query.getunicode("forgotten", "")
        with self._calls.turn:
            rows = device_rows.rows(self._fleet.devices.all(), self._fleet.transfers.all())
            gone = asked if address_of(asked) is not None and all(row.address != asked for row in rows) else ""
            releases = self._live.current.releases
            page = self._screens.devices(rows, self._work(), releases, choice, self._context(), gone)
        return as_page(page, Cache_Control="no-store")

    def works(self) -> bottle.HTTPResponse:
        """What goes on with many at once; 304 while that is unchanged."""
        works, context = self._work(), self._context()
        return _unless_known(tag(works, context.trouble, context.visitor), lambda: self._screens.works(works, context))

    def device(self, address: str) -> bottle.HTTPResponse:
        """One device; 304 while nothing is new of it. Raises NotFound."""
        device, transfers = self._of(address)
        events, context = self._fleet.history.last(_EVENTS, device=device.device), self._context()
        known = tag(device, transfers, events, context.trouble, context.visitor)
        return _unless_known(known, lambda: self._screens.device(device, transfers, events, context))

    def name(self, address: str) -> bottle.HTTPResponse:
        """Its form was sent. Raises NotFound and InvalidRequest."""
        self._calls.name(address)
        return see_other(quote(address, safe=""))

    def forget(self, address: str) -> bottle.HTTPResponse:
        """The question, and once it was answered the list. Raises NotFound and InvalidRequest."""
        device, transfers = self._of(address)
        if not uploads.yes(uploads.fields(bottle.request), "sure"):
            self._fleet.forgetting.check(device.device)
            return as_page(self._screens.confirm_forget(device, transfers))
        self._calls.forget(device.device)
        return see_other(f"../../devices?forgotten={quote(device.device, safe='')}")

    def notification_state(self, number: str) -> bottle.HTTPResponse:
        """A button beside a notification. Raises NotFound and InvalidRequest."""
        self._calls.set_state(number)
        return see_other("../devices")

    def rollout(self) -> bottle.HTTPResponse:
        """The form that begins a rollout. Raises what RolloutApi.create raises."""
        self._rollouts.create()
        return see_other("devices")

    def rollout_state(self, number: str) -> bottle.HTTPResponse:
        """A button beside a rollout. Raises NotFound and InvalidRequest."""
        self._rollouts.set_state(number)
        return see_other("../devices")

    def _of(self, address: str) -> tuple[Device, list[Transfer]]:
        try:
            device = self._fleet.devices.get(address)
        except UnicodeError:
            raise InvalidRequest("That is no device's address.") from None
        with self._calls.turn:
            return device, [t for t in self._fleet.transfers.all() if t.device == device.device]

    def _work(self) -> list[Work]:
        return of_rollouts(self._fleet.rollouts.all()) + of_notifications(self._fleet.notifier.all())

    def _context(self) -> DeviceContext:
        now = dt.datetime.fromtimestamp(self._wall(), dt.UTC)
        visitor = self._guard.visitor(bottle.request.environ)
        return DeviceContext(now, visitor, self._fleet.history.trouble, self._coap_port)


def _unless_known(etag: str, make: Callable[[], str]) -> bottle.HTTPResponse:
    if bottle.request.get_header("If-None-Match") == etag:
        return bottle.HTTPResponse(status=304, ETag=etag, Cache_Control="no-cache")
    return as_page(make(), ETag=etag, Cache_Control="no-cache")
