"""What monitors ask for: whether all is well, and counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bottle
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from server.firmware.catalogue import LiveCatalogue
from server.health import Health, Status
from server.web.metrics import HttpSeries
from server.web.responses import as_json

_Wsgi = Callable[..., Iterable[bytes]]


class Responses:
    """How many requests were answered with which status. Threads: the web workers call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, status: str) -> None:
        """One more; `status` as WSGI has it: "404 Not Found"."""
        with self._lock:
            self._counts[status[:3]] += 1

    def counts(self) -> dict[str, int]:
        """By status code."""
        with self._lock:
            return dict(self._counts)


class Monitors:
    """`GET /healthz` and `GET /metrics`. Threads: the web workers call it; it changes nothing."""

    def __init__(self, health: Health, live: LiveCatalogue, series: Sequence[Collector]) -> None:
        """`series` are read when they are asked for."""
        self._health = health
        self._live = live
        self._responses = Responses()
        self._registry = CollectorRegistry(auto_describe=False)
        for collector in (*series, HttpSeries(self._responses.counts)):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    def health(self) -> bottle.HTTPResponse:
        """200 when all is well, else 503; the JSON says what is wrong."""
        verdict = self._health.look()
        data = verdict.to_json() | {"releases": len(self._live.current.releases)}
        return as_json(data, 200 if verdict.status is Status.OK else 503, Cache_Control="no-store")

    def metrics(self) -> bytes:
        """Prometheus' text format; its type goes into the current response."""
        bottle.response.content_type = CONTENT_TYPE_LATEST
        return generate_latest(self._registry)

    def counted(self, app: _Wsgi) -> _Wsgi:
        """The same application; what it answers is counted."""

        def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
                self._responses.add(status)
                return start_response(status, headers, *exc_info)

            return app(environ, start)

        return wrapped
