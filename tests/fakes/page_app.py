"""The page over made-up releases: the routes that it calls, answered from memory.

    python -m tests.fakes.page_app 8099 typical
"""

from __future__ import annotations

import hashlib
import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import bottle

import server.web.pages
from common.finding import Finding, Role
from common.notification import DeviceResult, DeviceState, Notification
from common.release import Problem, Release, State
from server.access.visitor import AT_THE_MACHINE, Visitor
from server.web.auth import NO_TOKEN
from server.web.pages import PageContext, Pages
from server.web.responses import CONTENT_SECURITY_POLICY
from tests.fakes import page_releases
from tests.fakes.page_releases import BASE, MISSING, SAMPLE, TOO_LONG, dispute, release

STATIC = Path(server.web.pages.__file__).parent / "static"
COMMAND = "sudo ota-server token add laptop"
CONTEXT = PageContext("/var/lib/ota-server/firmware", BASE.rstrip("/"), AT_THE_MACHINE, None, "0.1.0")
_ANSWERS = {
    "refused": (DeviceState.REFUSED, "4.04", "The device has nothing at this path (4.04): is it built with SUIT?"),
    "silent": (DeviceState.UNREACHABLE, None, "Nothing came back within 45 s: is the device switched on and in range?"),
}


def index_of(pages: Pages, releases: Sequence[Release], problems: Sequence[Problem], context: PageContext) -> str:
    """The first page as one text."""
    return b"".join(pages.index(releases, problems, context)).decode()


@dataclass
class PageApp:
    """State and routes. Threads: one a request; tests change `releases` and `problems` by assigning new lists."""

    releases: list[Release] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    context: PageContext = CONTEXT
    refusal: tuple[int, dict[str, Any]] | None = None
    """Answers every change while it is set: a status and an error's JSON."""
    findings: list[Finding] = field(default_factory=list)
    """What the checks say of all that is uploaded."""

    def __post_init__(self) -> None:
        self.pages = Pages()
        self.uploads: list[dict[str, tuple[str, int]]] = []
        self.fields: list[dict[str, str]] = []
        """The text fields of each upload."""
        self.not_modified = 0
        self.hold = threading.Event()
        self.hold.set()
        """While it is clear, an upload is not answered."""
        self._notification: Notification | None = None

    def wsgi(self) -> bottle.Bottle:
        """The application."""
        app = bottle.Bottle()
        app.get("/", callback=self._index)
        app.get("/static/<path:path>", callback=lambda path: bottle.static_file(path, root=str(STATIC)))
        app.get("/files/<path:path>", callback=self._file)
        app.post("/publish", callback=self._changes(self._publish))
        app.post("/check", callback=self._changes(self._check))
        app.post("/withdraw", callback=self._changes(lambda: self._shelve(State.WITHDRAWN)))
        app.post("/restore", callback=self._changes(lambda: self._shelve(State.READY)))
        app.post("/notify", callback=self._changes(self._notify))
        app.get("/api/v1/notifications/<number>", callback=lambda number: self._step().to_json())  # noqa: ARG005
        app.get("/notifications/<number>", callback=lambda number: self.pages.notification(self._step()))  # noqa: ARG005
        app.post("/remove", callback=self._changes(self._remove))
        app.add_hook("after_request", lambda: bottle.response.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        return app

    def _changes(self, handler: Callable[[], Any]) -> Callable[[], Any]:
        def handle() -> Any:
            bottle.request.body.read()
            if self.refusal is None:
                return handler()
            status, data = self.refusal
            if not _wants_page():
                return bottle.HTTPResponse(json.dumps(data), status, Content_Type="application/json")
            findings = [Finding.from_json(f) for f in data.get("findings", ())]
            return bottle.HTTPResponse(self.pages.error(status, "That did not work", data["message"], findings), status)

        return handle

    def _index(self) -> Any:
        html = index_of(self.pages, self.releases, self.problems, self.context)
        etag = f'W/"{hashlib.sha256(html.encode()).hexdigest()[:16]}"'
        if bottle.request.get_header("If-None-Match") == etag:
            self.not_modified += 1
            return bottle.HTTPResponse(status=304, ETag=etag)
        bottle.response.set_header("ETag", etag)
        bottle.response.set_header("Cache-Control", "no-cache")
        return html

    def _file(self, path: str) -> Any:
        if path not in {f.path for r in self.releases for f in r.files}:
            return bottle.HTTPResponse(self.pages.error(404, "There is nothing here", f"No file is served as {path!r}."), 404)
        name = path.replace("/", "-")
        return bottle.HTTPResponse(f"bytes of {path}".encode(), Content_Type="application/octet-stream",
                                   Content_Disposition=f'attachment; filename="{name}"')

    def _publish(self) -> Any:
        contents = self._upload()
        made = release(bottle.request.forms.getunicode("publish_id"), findings=self.findings)
        sent = tuple(replace(f, size=contents[f.role][1]) for f in made.files if f.role in contents)
        self.releases = [replace(made, files=sent, forced=bool(bottle.request.forms.get("force"))), *self.releases]
        if _wants_page():
            return bottle.HTTPResponse(status=303, Location="./")
        return bottle.HTTPResponse(json.dumps(self.releases[0].to_json()), 201, Content_Type="application/json")

    def _check(self) -> Any:
        contents = self._upload()
        images = [{"role": role, "offset": 4096, "size": size} for role, (_, size) in contents.items() if role != Role.MANIFEST]
        read = {"sequence_number": 1700000100, "board": "samr21-xpro", "signature": "unverified", "images": images}
        return {"findings": [f.to_json() for f in self.findings], "manifest": read if Role.MANIFEST in contents else None}

    def _upload(self) -> dict[Role, tuple[str, int]]:
        """Notes what came: each file's name and size, and the text fields."""
        forms, files = bottle.request.forms, bottle.request.files
        self.hold.wait(60)
        contents = {role: (files[role].raw_filename, len(files[role].file.read())) for role in Role if role in files}
        self.uploads.append({role.value: content for role, content in contents.items()})
        self.fields.append({name: forms.getunicode(name) for name in forms})
        return contents

    def _shelve(self, state: State) -> Any:
        form = bottle.request.content_type.startswith("application/x-www-form-urlencoded")
        asked = bottle.request.forms.getunicode("publish_id") if form else json.loads(bottle.request.body.read())["publish_id"]
        self.releases = [replace(r, state=state) if r.publish_id == asked else r for r in self.releases]
        found = next(r for r in self.releases if r.publish_id == asked)
        return bottle.HTTPResponse(status=303, Location="./") if form and _wants_page() else found.to_json()

    def _notify(self) -> Any:
        devices = bottle.request.forms.getunicode("urls").replace(",", " ").split()
        waiting = tuple(DeviceResult(d, DeviceState.WAITING, None, "It has not answered yet.") for d in devices)
        self._notification = Notification("7", bottle.request.forms.getunicode("publish_id"), waiting)
        if _wants_page():
            return bottle.HTTPResponse(status=303, Location="/notifications/7")
        return bottle.HTTPResponse(json.dumps(self._notification.to_json()), 202, Content_Type="application/json",
                                   Location="/api/v1/notifications/7")

    def _step(self) -> Notification:
        """One more device answers each time somebody asks; one called "waiting" never does."""
        assert self._notification is not None
        results = list(self._notification.results)
        for index, result in enumerate(results):
            if result.state is DeviceState.WAITING and "waiting" not in result.device:
                told = next((a for key, a in _ANSWERS.items() if key in result.device), None)
                state, code, message = told or (DeviceState.ACCEPTED, "2.01", "The device took the message (2.01).")
                results[index] = DeviceResult(result.device, state, code, message)
                break
        self._notification = replace(self._notification, results=tuple(results))
        return self._notification

    def _remove(self) -> Any:
        form = bottle.request.content_type.startswith("application/x-www-form-urlencoded")
        forms = bottle.request.forms
        publish_id = forms.getunicode("publish_id") if form else json.loads(bottle.request.body.read())["publish_id"]
        found = next(r for r in self.releases if r.publish_id == publish_id)
        if form and forms.get("sure") != "1":
            return self.pages.confirm_remove(found)
        self.releases = [r for r in self.releases if r is not found]
        return bottle.HTTPResponse(status=303, Location="/") if form else {"removed": publish_id}


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = False
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    timeout = 60
    """Seconds: a browser opens connections ahead of need, and may leave them unused."""

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def serve(app: PageApp, port: int = 0) -> Iterator[str]:
    """Serve on loopback; yields the address, which ends in a slash."""
    with make_server("127.0.0.1", port, app.wsgi(), _Server, _Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), name="page-app")
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}/"
        finally:
            app.hold.set()
            httpd.shutdown()
            thread.join()


def _wants_page() -> bool:
    return "text/html" in bottle.request.get_header("Accept", "")


def scene(name: str) -> PageApp:
    """Something to look at: empty, typical, checked, many, thousand, long, closed."""
    stray = "This looks like a release without a publish id: put its files into a folder of their own."
    conflict = "Syncthing kept this copy because two sides changed the file: keep one of the two."
    typical = page_releases.typical()
    match name:
        case "empty":
            return PageApp()
        case "many":
            conflicts = [f"incoming/build-{n}/firmware.sync-conflict-20261123-155109-J35G5MY.bin" for n in range(23)]
            return PageApp([release(f"version_{n}", age=n) for n in range(40)], [Problem(path, conflict) for path in conflicts])
        case "thousand":
            return PageApp([release(f"version_{n}", age=n, riot=1700000000 - n) for n in range(1000)])
        case "checked":
            problem = dispute(f"{SAMPLE}/slot0.1700000100.bin", "nucleo/1700000100", f"{SAMPLE}/1700000100")
            return PageApp(page_releases.checked(), [problem])
        case "long":
            deep = "/".join(["a-very-long-product-name"] * 8)
            findings = [MISSING, replace(TOO_LONG, message=f"coap://[fd00::1]/{'z' * 150} is long.", code="a-code-" * 8)]
            wide = replace(release(deep + "/2", riot=1), board="b" * 64, forced=True, findings=tuple(findings))
            releases = [release("x" * 200), release(deep, State.INCOMPLETE, findings, riot=1700000100), wide]
            problems = [Problem("y" * 250, stray), Problem("slot0.bin", stray), dispute(f"{deep}/slot0.1.bin", deep, f"{deep}/2")]
            return PageApp(releases, problems)
        case "closed":
            stranger = Visitor(why_not=NO_TOKEN.format(COMMAND), command=COMMAND)
            return PageApp([*typical[:2], typical[-1]], context=replace(CONTEXT, visitor=stranger))
    return PageApp(typical, [Problem("slot0.1700000300.bin", stray)])


if __name__ == "__main__":
    with serve(scene(sys.argv[2]), int(sys.argv[1])) as address:
        print(address)
        threading.Event().wait()
