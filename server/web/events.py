"""Server-Sent Events: what changes with the devices, as it changes (WHATWG HTML, 9.2)."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import bottle

from common.device import Device
from common.transfer import Transfer
from server.fleet.fleet import Fleet

MOST_STREAMS = 3
"""Each holds a worker for as long as it lasts; the others poll."""
_STEP = 0.5
"""Seconds between two looks at whether the server stops."""
_EVERY = 1.0
"""Seconds between two looks at the devices."""
_ALIVE = 2.0
"""Seconds after which a comment shows that the stream is alive: only what is sent finds out that nobody listens any more, and
a page that is loaded again needs its place."""

_K = TypeVar("_K")
_V = TypeVar("_V", Device, Transfer)


class Events:
    """Threads: the web workers call `stream`, and one of them goes through each stream."""

    def __init__(self, fleet: Fleet, stopping: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._fleet = fleet
        self._stopping = stopping
        self._clock = clock
        self._places = threading.BoundedSemaphore(MOST_STREAMS)

    def stream(self) -> bottle.HTTPResponse:
        """`devices`: all at first, then those that changed; `forgotten`: addresses of those that are known no more.
        `transfers`: as `devices`. `history`: each event, with its id.

        With Last-Event-ID the history goes on behind that event. 503 where too many listen already.
        """
        if not self._places.acquire(blocking=False):
            text = "Too many listen to events already; ask /api/v1/devices and /api/v1/transfers again and again instead."
            body = json.dumps({"error": "too-many-streams", "message": text})
            return bottle.HTTPResponse(body, status=503, Content_Type="application/json", Retry_After="5")
        given = bottle.request.get_header("Last-Event-ID", "")
        after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else self._fleet.history.latest_id
        headers = {"Content_Type": "text/event-stream; charset=utf-8", "Cache_Control": "no-cache", "X_Accel_Buffering": "no"}
        return bottle.HTTPResponse(_Stream(self._events(after), self._places.release), **headers)

    def _events(self, after: int) -> Iterator[bytes]:
        told: dict[str, Device] = {}
        shown: dict[tuple[str, str, dt.datetime], Transfer] = {}
        yield b"retry: 3000\n\n"
        alive, first = self._clock(), True
        while not self._stopping.is_set():
            parts = self._devices(told, first)
            first = False
            parts += [_list("transfers", moved)] if (moved := self._transfers(shown)) else []
            for event in self._fleet.history.since(after).events if self._fleet.history.latest_id > after else ():
                parts.append(_event("history", event.to_json(), event.id))
                after = event.id
            if not parts and self._clock() - alive >= _ALIVE:
                parts = [b": alive\n\n"]
            if parts:
                alive = self._clock()
                yield from parts
            for _ in range(int(_EVERY / _STEP)):
                if self._stopping.wait(_STEP):
                    return

    def _devices(self, told: dict[str, Device], first: bool) -> list[bytes]:
        """At first a list in any case: who comes back after a while learns by it that there is none any more."""
        now = {device.device: device for device in self._fleet.devices.all()}
        gone = [address for address in told if address not in now]
        parts = [_event("forgotten", {"forgotten": gone})] if gone else []
        return parts + ([_list("devices", news)] if (news := _news(now, told)) or first else [])

    def _transfers(self, shown: dict[tuple[str, str, dt.datetime], Transfer]) -> list[bytes]:
        return _news({(t.device, t.path, t.started): t for t in self._fleet.transfers.all()}, shown)


class _Stream:
    """Gives its place back when the other side is gone, too: waitress calls `close`."""

    def __init__(self, events: Iterator[bytes], release: Callable[[], None]) -> None:
        self._events = events
        self._release = release
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        """Once is enough."""
        if self._open:
            self._open = False
            self._release()


def _news(now: dict[_K, _V], before: dict[_K, _V]) -> list[bytes]:
    """What is new or otherwise than `before`, which becomes `now`, as JSON: thousands may be.

    As many may have ended: of those nothing is made anew.
    """
    news = [json.dumps(value.to_json()).encode() for key, value in now.items() if before.get(key) != value]
    before.clear()
    before.update(now)
    return news


def _list(kind: str, items: list[bytes]) -> bytes:
    return b'event: %b\ndata: {"%b": [%b]}\n\n' % (kind.encode(), kind.encode(), b", ".join(items))


def _event(kind: str, data: dict[str, Any], number: int | None = None) -> bytes:
    first = "" if number is None else f"id: {number}\n"
    return f"{first}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
