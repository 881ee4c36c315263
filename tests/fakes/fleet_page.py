"""The page of the devices over made-up ones, and a stream of events that says what a test wants said.

    python -m tests.fakes.fleet_page 8099 40
"""

from __future__ import annotations

import datetime as dt
import json
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import bottle

from common.device import Device, Update, UpdateState
from common.event import Event
from common.finding import Role
from common.transfer import Transfer, TransferState
from server.access.visitor import AT_THE_MACHINE
from server.web import device_rows
from server.web.device_screens import Choice, DeviceContext, DeviceScreens
from server.web.responses import CONTENT_SECURITY_POLICY
from tests.fakes.page_app import STATIC, PageApp, serve
from tests.fakes.page_releases import release

NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
CONTEXT = DeviceContext(NOW, AT_THE_MACHINE, "")
FULL = "The history is not recorded: the disk is full. Devices are served all the same."
_STATES = list(UpdateState)


def device(number: int, state: UpdateState | None = UpdateState.CONFIRMED, age: int = 60, **more: Any) -> Device:
    """A made-up device; `age` in seconds is that of its state."""
    over = state in (UpdateState.CONFIRMED, UpdateState.FAILED, UpdateState.SILENT)
    reason = "It has the manifest and asked for no image: likely the signature." if state is UpdateState.FAILED else ""
    update = Update("fw/sample/1", state, reason, NOW - dt.timedelta(seconds=age), over) if state is not None else None
    address = f"fd00::{number:x}"
    made = Device(address, f"[{address}]/suit/trigger", "", "", "samr21-xpro", NOW, None, update)
    return replace(made, **more)


def transfer(number: int, done: int, state: TransferState = TransferState.RUNNING, age: int = 0) -> Transfer:
    """What it fetches: `done` per cent of 100 kB."""
    seen = NOW - dt.timedelta(seconds=age)
    running = state is TransferState.RUNNING
    return Transfer(
        f"fd00::{number:x}", "fw/sample/1", Role.SLOT0, "fw/sample/1/slot0", "0" * 64, done, 100, done * 1000, 100_000,
        1234.5 if running else None, (100 - done) * 1000 / 1234.5 if running else None, 0, 0, state, NOW, seen,
    )  # fmt: skip


class FleetPage:
    """State and routes. Threads: one a request; `tell` is for the test's."""

    def __init__(self, devices: Sequence[Device] = (), transfers: Sequence[Transfer] = (), trouble: str = "") -> None:
        self.devices = list(devices)
        self.transfers = list(transfers)
        self.context = replace(CONTEXT, trouble=trouble)
        self.hold = threading.Event()
        """Set by `serve` at the end: it ends the streams."""
        self.refused = False
        """Whether streams are refused, as the fourth one is."""
        self.streams = 0
        self._news: queue.Queue[tuple[str, list[Any]]] = queue.Queue()
        self._screens = DeviceScreens()

    def tell(
        self, devices: Sequence[Device] = (), transfers: Sequence[Transfer] = (), forgotten: Sequence[str] = ()
    ) -> None:
        """Say it on the stream; `forgotten` are addresses."""
        if forgotten:
            self._news.put(("forgotten", list(forgotten)))
        if devices:
            self._news.put(("devices", [one.to_json() for one in devices]))
        if transfers:
            self._news.put(("transfers", [one.to_json() for one in transfers]))

    def wsgi(self) -> bottle.Bottle:
        """The application."""
        app = bottle.Bottle()
        app.get("/static/<path:path>", callback=lambda path: bottle.static_file(path, root=str(STATIC)))
        app.get("/devices", callback=self.overview)
        app.get("/devices/<address>", callback=self.one)
        app.get("/works", callback=lambda: self._screens.works([], self.context))
        app.get("/api/v1/events", callback=self._stream)
        app.get("/api/v1/devices", callback=lambda: {"devices": [one.to_json() for one in self.devices]})
        app.get("/api/v1/transfers", callback=lambda: {"transfers": [one.to_json() for one in self.transfers]})
        app.add_hook("after_request", lambda: bottle.response.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        return app

    def overview(self) -> str:
        """The list as it is now."""
        rows = device_rows.rows(self.devices, self.transfers)
        return self._screens.devices(rows, [], [release("fw/sample/1")], Choice(), self.context)

    def one(self, address: str) -> str:
        """A device's page."""
        found = next(one for one in self.devices if one.device == address)
        event = Event(1, NOW, "named", "somebody", f"{address} is called {found.name!r}.", None, address)
        return self._screens.device(found, [t for t in self.transfers if t.device == address], [event], self.context)

    def _stream(self) -> Any:
        if self.refused:
            return bottle.HTTPResponse("{}", 503, Content_Type="application/json")
        self.streams += 1
        return bottle.HTTPResponse(self._events(), Content_Type="text/event-stream")

    def _events(self) -> Iterator[bytes]:
        yield b"retry: 3000\n\n"
        yield _event("devices", [one.to_json() for one in self.devices])
        yield _event("transfers", [one.to_json() for one in self.transfers])
        while not self.hold.is_set():
            try:
                kind, items = self._news.get(timeout=0.1)
            except queue.Empty:
                continue
            yield _event(kind, items)


def _event(kind: str, items: list[Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({kind: items})}\n\n".encode()


def many(count: int) -> FleetPage:
    """Devices in every state; half of them fetch."""
    devices = [device(n, _STATES[n % len(_STATES)], age=n) for n in range(1, count + 1)]
    return FleetPage(devices, [transfer(n, n % 100) for n in range(1, count + 1, 2)])


def serving(page: FleetPage, port: int = 0) -> Any:
    """As `page_app.serve`."""
    return serve(cast(PageApp, page), port)


if __name__ == "__main__":
    with serving(many(int(sys.argv[2])), int(sys.argv[1])) as address:
        print(f"{address}devices")
        threading.Event().wait()
