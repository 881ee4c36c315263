"""An OTA Server as its HTTP clients see it, without folder and devices; and the servers that they may meet instead."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import socket
import struct
import threading
from dataclasses import replace
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from common.checked import Checked
from common.finding import Finding, Role
from common.notification import DeviceResult, DeviceState, Notification
from common.release import Release, ReleaseFile, State
from common.transfer import Transfer

ACCEPTED = (DeviceState.ACCEPTED, "2.01", "The device took the notification.")


class Fault(Enum):
    """How the server misbehaves, for every request until it is changed."""

    HTML = auto()
    HTML_413 = auto()
    HTML_403 = auto()
    OTHER_JSON = auto()
    INTERNAL_ERROR = auto()
    EMPTY = auto()
    REDIRECT = auto()
    NO_ANSWER = auto()
    """The connection ends where the answer should begin."""
    HALF_ANSWER = auto()
    """It ends within the bytes that Content-Length promised."""
    HALF_JSON = auto()
    """It ends within the JSON, and nothing promised more."""
    NOT_HTTP = auto()
    EARLY_413 = auto()
    """Too large is said before the body was read, and the connection closed."""
    RESET_IN_UPLOAD = auto()
    """A part of the body is read, then the connection is reset."""
    SILENCE = auto()
    """Nothing comes until the server stops."""


class FakeOtaServer:
    """Keeps releases in memory and gives each device the answer that the test set; `with` runs it on a free port.

    Threads: its own, one a connection; the test reads and sets what is public.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.error: tuple[int, dict[str, Any]] | None = None
        """A status and JSON that answer every publish, check, withdrawal and restoration."""
        self.findings: tuple[Finding, ...] = ()
        """Of every release that is published."""
        self.state = State.READY
        """The same."""
        self.force_counts = False
        """Whether a release that was published with force=1 is a forced one: the check found errors."""
        self.checked = Checked((), None)
        """What every check finds."""
        self.checks: list[tuple[str | None, list[str]]] = []
        """(publish id, roles of the files) of each check."""
        self.releases: dict[str, Release] = {}
        self.forced: list[str] = []
        self.answers: dict[str, tuple[DeviceState, str | None, str]] = {}
        """What a device says; `ACCEPTED` where none is set."""
        self.slow: set[str] = set()
        """Devices that are waited for until `answer` names them."""
        self.notified: list[tuple[str, list[str], str]] = []
        """(publish id, device URLs, nul) of each notification."""
        self.transfers: tuple[Transfer, ...] | None = None
        """What it reports of downloads; None: it is too old to report any."""
        self.requests: list[str] = []
        """Method and path as they came."""
        self.stopping = threading.Event()
        self._http = _HttpServer(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, device: str) -> None:
        """Let a slow device answer now."""
        self.slow.discard(device)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()

    def notification(self, number: int) -> Notification:
        """How far the notification is, as of now."""
        publish_id, devices, _ = self.notified[number]
        return Notification(str(number), publish_id, tuple(self._result(device) for device in devices))

    def _result(self, device: str) -> DeviceResult:
        if device in self.slow:
            return DeviceResult(device, DeviceState.WAITING, None, "Waiting for its answer.")
        return DeviceResult(device, *self.answers.get(device, ACCEPTED))


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() joins them
    request_queue_size = 64

    def __init__(self, ota: FakeOtaServer) -> None:
        self.ota = ota
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what several tests are about; anything else is shown by its missing answer."""

    def end_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it went by itself


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET

    def _serve(self) -> None:
        ota = self.server.ota
        ota.requests.append(f"{self.command} {self.path}")
        if ota.fault is not None:
            self._misbehave(ota.fault)
            return
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        path = urlsplit(self.path).path
        status, data, headers = self._route(ota, path, body)
        self._send(status, json.dumps(data).encode(), "application/json", headers)

    def _route(self, ota: FakeOtaServer, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        api = "/api/v1/releases/"
        if (self.command, path) == ("POST", "/publish"):
            return (*self._publish(ota, body), {})
        if (self.command, path) == ("POST", "/check"):
            return (*self._check(ota, body), {})
        if self.command == "POST" and path in ("/withdraw", "/restore"):
            return (*self._shelve(ota, path, body), {})
        if (self.command, path) == ("POST", "/notify"):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            if form["publish_id"] not in ota.releases:
                return 404, {"error": "release-not-found", "message": f"There is no release {form['publish_id']!r}."}, {}
            ota.notified.append((form["publish_id"], form["urls"].split(","), form["nul"]))
            number = len(ota.notified) - 1
            status = 202 if self.headers.get("Prefer") == "respond-async" else 200
            return status, ota.notification(number).to_json(), {"Location": f"/api/v1/notifications/{number}"}
        if found := re.fullmatch(r"/api/v1/notifications/(\d+)", path):
            if int(found[1]) >= len(ota.notified):
                return 404, {"error": "release-not-found", "message": "There is no such notification any more."}, {}
            return 200, ota.notification(int(found[1])).to_json(), {}
        if path == "/api/v1/transfers" and ota.transfers is not None:
            return 200, {"transfers": [transfer.to_json() for transfer in ota.transfers]}, {}
        if path == "/api/v1/releases":
            return 200, {"releases": [r.to_json() for r in ota.releases.values()], "problems": []}, {}
        if path.startswith(api) and unquote(path[len(api) :]) in ota.releases:
            publish_id = unquote(path[len(api) :])
            if self.command == "DELETE":
                del ota.releases[publish_id]
                return 200, {"removed": publish_id}, {}
            return 200, ota.releases[publish_id].to_json(), {}
        return 404, {"error": "release-not-found", "message": f"There is no release at {path!r}."}, {}

    def _publish(self, ota: FakeOtaServer, body: bytes) -> tuple[int, Any]:
        if ota.error is not None:
            return ota.error
        fields, files = _multipart(self.headers["Content-Type"], body)
        publish_id = fields["publish_id"]
        if fields.get("force") == "1":
            ota.forced.append(publish_id)
        release = Release(
            publish_id=publish_id,
            published=dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC),
            state=ota.state,
            forced=ota.force_counts and fields.get("force") == "1",
            files=tuple(
                ReleaseFile(Role(role), name, len(data), hashlib.sha256(data).hexdigest(), f"{publish_id}/{role}")
                for role, (name, data) in files.items()
            ),
            findings=ota.findings,
        )
        before = ota.releases.get(publish_id)
        if before and [f.sha256 for f in before.files] != [f.sha256 for f in release.files]:
            return 409, {"error": "release-exists", "message": f"{publish_id} has other bytes: choose another name."}
        ota.releases[publish_id] = before or release
        return 200 if before else 201, ota.releases[publish_id].to_json()

    def _check(self, ota: FakeOtaServer, body: bytes) -> tuple[int, Any]:
        if ota.error is not None:
            return ota.error
        fields, files = _multipart(self.headers["Content-Type"], body)
        ota.checks.append((fields.get("publish_id"), list(files)))
        return 200, ota.checked.to_json()

    def _shelve(self, ota: FakeOtaServer, path: str, body: bytes) -> tuple[int, Any]:
        publish_id = json.loads(body)["publish_id"]
        if ota.error is not None:
            return ota.error
        if publish_id not in ota.releases:
            return 404, {"error": "release-not-found", "message": f"There is no release {publish_id!r}."}
        state = State.WITHDRAWN if path == "/withdraw" else ota.state
        ota.releases[publish_id] = replace(ota.releases[publish_id], state=state)
        return 200, ota.releases[publish_id].to_json()

    def _misbehave(self, fault: Fault) -> None:
        self.close_connection = True
        if fault is Fault.EARLY_413:
            self._send(413, b'{"error": "too-large", "message": "The files are over 16 MB."}', "application/json")
            return
        if fault is Fault.RESET_IN_UPLOAD:
            self.rfile.read(1000)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        page = b"<!DOCTYPE html><html><head><title>Printer status</title></head><body>Paper is low</body></html>"
        match fault:
            case Fault.HTML:
                self._send(200, page, "text/html; charset=utf-8")
            case Fault.HTML_413:
                self._send(413, page, "text/html")
            case Fault.HTML_403:
                self._send(403, page, "text/html")
            case Fault.OTHER_JSON:
                self._send(200, b'{"paper": "low"}', "application/json")
            case Fault.INTERNAL_ERROR:
                self._send(500, b'{"error": "internal-error", "message": "The server has a fault."}', "application/json")
            case Fault.EMPTY:
                self._send(200, b"", "application/json")
            case Fault.REDIRECT:
                self._send(301, b"", "text/html", {"Location": "https://gateway.example/"})
            case Fault.HALF_ANSWER:
                self.wfile.write(b'HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"publish_id": ')
            case Fault.HALF_JSON:
                head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                self.wfile.write(head + b'{"publish_id": ')
            case Fault.NOT_HTTP:
                self.wfile.write(b"220 mail.example ESMTP\r\n")
            case Fault.SILENCE:
                self.server.ota.stopping.wait()

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _multipart(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    """Text fields, and file parts as (file name, bytes)."""
    boundary = content_type.partition("boundary=")[2].encode()
    fields: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        parameters = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        if "filename" in parameters:
            files[parameters["name"]] = (parameters["filename"], data)
        else:
            fields[parameters["name"]] = data.decode()
    return fields, files
