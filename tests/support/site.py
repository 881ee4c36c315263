"""The real web application in process: all parts of a server, asked by WSGI, without a socket between."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import bottle

from server import parts
from server.settings.config import Config
from server.sockets import Sockets
from server.systemd import Manager
from server.web.door import listener


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The one header of this name, or ""."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} is there twice: {found}"
        return found[0] if found else ""

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, eq=False)
class Site:
    """The application, its routes, and its server's folder and CoAP port."""

    app: Any = field(repr=False)
    routes: list[bottle.Route] = field(repr=False)  # its repr can be endless
    folder: Path
    coap_port: int

    def ask(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One request; `path` is decoded, as WSGI has it. Of an endless answer the first piece is taken."""
        given = {"Host": "localhost:8080"} | dict(headers or {})
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": query,
            "SERVER_NAME": "localhost", "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(), "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }  # fmt: skip
        for name, value in given.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.encode().decode("latin-1")
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started[:] = [int(status.split()[0]), headers]

        pieces = self.app(environ, start)
        with closing(pieces) if hasattr(pieces, "close") else _nothing():
            endless = any("event-stream" in value for _, value in (started[1] if started else ()))
            data = next(iter(pieces), b"") if endless else b"".join(pieces)
        status, got = started
        return Answer(status, got, data)


@contextmanager
def site(place: Path, **settings: Any) -> Iterator[Site]:
    """A server's parts in `place`, started and stopped; nobody listens to HTTP. The settings are Config's."""
    apps: list[Any] = []
    routes: list[bottle.Route] = []
    create, add = listener.create, bottle.Bottle.add_route

    def noting(app: Any, *arguments: Any) -> Any:
        apps.append(app)
        return create(app, *arguments)

    def adding(app: bottle.Bottle, route: bottle.Route) -> None:
        routes.append(route)
        add(app, route)

    died: list[str] = []
    folder, spool = place / "fw", tempfile.tempdir
    config = Config(folder, place / "state", http_port=0, coap_bind="127.0.0.1", coap_port=0, **settings)
    with Sockets([]) as sockets:
        process = parts.Surroundings(sockets, Manager({}), died.append, lambda: 0.0, str)
        with patch.object(listener, "create", noting), patch.object(bottle.Bottle, "add_route", adding):
            try:
                with parts.started(config, process), sockets.udp(config) as udp:
                    yield Site(*apps, routes, folder, udp.getsockname()[1])
            finally:
                tempfile.tempdir = spool
    assert died == []


@contextmanager
def _nothing() -> Iterator[None]:
    yield
