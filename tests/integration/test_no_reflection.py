"""What comes in with a request goes out as text, never as markup or a header: every route, every place of a request."""

from __future__ import annotations

import functools
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import server.web
from tests.support.coap import get
from tests.support.releases import write_release
from tests.support.site import Answer, Site, site
from tests.waiting import wait_until

MARK = "zq7\"zq7'zq7<zq7>&"
"""Has all that a page must escape; the server's own pages have no `zq7`."""
MARKUP = (b"<zq7", b'zq7"', b"zq7'")
SPLIT = "x\r\nX-Injected: 1\r\n\r\n<zq7>"
pytestmark = pytest.mark.expects_log("in the firmware folder, ")
HOSTILE_NAMES = (MARK, "<zq7 onload=x>", "line\nX-Injected: 1", "\u202e<zq7>.svg")
HEADERS = (
    "Host", "Accept", "Accept-Language", "User-Agent", "Origin", "Referer", "Content-Type", "If-None-Match", "If-Modified-Since",
    "If-Range", "Range", "Last-Event-ID", "Prefer", "Sec-Fetch-Site", "Cookie", "Authorization", "X-Requested-With",
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-HTTP-Method-Override",
    "Forwarded", "Via",
)  # fmt: skip
_READS = re.compile(r"""(?:field|yes|texts|_texts?|_number|getunicode|getall|get)\((?:\w+, )?"([a-z][a-z0-9_]*)\"""")
_FOUND = {name for path in Path(server.web.__file__).parent.glob("*.py") for name in _READS.findall(path.read_text())}
NAMES = sorted(_FOUND | {"state", "name", "device_urls", "kind", "device", "_method"})
"""Of every field and parameter that the code reads, some of them from a list."""
VALID = {"publish_id": "valid", "state": "paused", "nul": "auto", "name": "cellar", "group": "nobody", "sure": "no"}


@dataclass(frozen=True)
class Case:
    """Where in which request the hostile text stands."""

    method: str
    rule: str
    place: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.rule} {self.place} {self.name}"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that has seen a device, has hostile names in its folder, and works under way."""
    with site(tmp_path_factory.mktemp("hostile")) as there:
        for name in ("valid", "shown"):
            write_release(there.folder / name, size=500)
        for name in HOSTILE_NAMES:
            write_release(there.folder / name, size=500)
            (there.folder / "shown" / f"{name}.html").write_text("<script>1</script>")
        wait_until(lambda: there.ask("GET", "/api/v1/releases/valid").json.get("state") == "ready")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.settimeout(60)
            device.sendto(get("valid/manifest"), ("127.0.0.1", there.coap_port))
            device.recv(2000)
        wait_until(lambda: there.ask("GET", "/api/v1/devices").json["devices"])
        called = json.dumps({"name": MARK, "group": MARK}).encode()
        headers = {"Content-Type": "application/json"}
        assert there.ask("PUT", "/api/v1/devices/127.0.0.1", headers=headers, body=called).status == 200
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        begun = there.ask("POST", "/notify", headers=form, body=b"publish_id=valid&urls=127.0.0.1:1/%3Czq7%3E")
        assert begun.status in (200, 202)
        begun = there.ask("POST", "/api/v1/rollouts", headers=form, body=b"publish_id=valid&urls=127.0.0.1:1/%3Czq7%3E")
        assert begun.status == 201
        yield there


@functools.cache
def cases(there: Site) -> list[Case]:
    found = []
    for route in there.routes:
        rule, method = route.rule, route.method
        places = [("nothing", ""), ("path", ""), *(("header", name) for name in HEADERS)]
        if method == "GET":
            places += [("query", name) for name in (*NAMES, MARK)]
        else:
            places += [(kind, name) for kind in ("form", "multipart", "json") for name in (*NAMES, MARK)]
            places += [("file", name) for name in ("manifest", "slot0", MARK)] + [("filename", "manifest"), ("body", "")]
        found += [Case(method, rule, *place) for place in places]
    return sorted(found, key=lambda case: "remove" in case.rule or case.method == "DELETE")


def send(there: Site, case: Case, text: str, accept: str, method: str = "") -> Answer:
    number = re.search(r"notifications|rollouts", case.rule)
    path = re.sub(r"<[^>]+>", "1" if number else "127.0.0.1" if "<address>" in case.rule else "valid", case.rule)
    query, headers, body = "", {"Accept": accept}, b""
    fields = VALID | ({case.name: text} if case.place in ("form", "multipart", "json") else {})
    if case.place == "path":
        path = re.sub(r"<[^>]+>", lambda _: text, case.rule)
    elif case.place == "query":
        query = f"{quote_plus(case.name)}={quote_plus(text)}"
    if case.place in ("multipart", "file", "filename"):
        files = {case.name: text} if case.place == "file" else {"manifest": "x", "slot0": "y"}
        body = multipart(fields, files, text if case.place == "filename" else "a.bin")
        headers["Content-Type"] = "multipart/form-data; boundary=zz"
    elif case.place == "json":
        body = json.dumps(fields).encode()
        headers["Content-Type"] = "application/json"
    elif case.place == "body":
        body = text.encode()
    elif case.method != "GET":
        body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items()).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if case.place == "header":
        # waitress takes no line breaks in a header; what it takes else is Latin-1.
        value = text.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace").decode("latin-1")
        headers[case.name] = f"{accept}, {value}" if case.name == "Accept" else value
    return there.ask(method or case.method, path, query, headers, body)


def multipart(fields: dict[str, str], files: dict[str, str], filename: str) -> bytes:
    parts = [f'--zz\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = '--zz\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\n{}\r\n'
    return "".join([*parts, *(head.format(n, filename, v) for n, v in files.items()), "--zz--\r\n"]).encode()


def check(answer: Answer, accept: str, case: object) -> None:
    assert answer.status != 500, case
    for name, value in answer.headers:
        assert not re.search(r"[\r\n\0]", name + value), (case, name, value)
        assert name.lower() != "x-injected", case
        assert value.encode("latin-1") is not None, case
    kind = answer.header("Content-Type")
    if kind.startswith("text/html"):
        assert not [mark for mark in MARKUP if mark in answer.body], case
    elif answer.status >= 400 and "/metrics" not in str(case):
        assert kind == "application/json", (case, kind, answer.body[:200])
        assert not answer.body or set(answer.json) >= {"error", "message"}, case  # HEAD has no body
    if answer.status >= 400 and accept == "application/json":
        assert kind == "application/json", case
    assert answer.header("X-Content-Type-Options") == "nosniff", case
    assert "default-src 'none'" in answer.header("Content-Security-Policy"), case
    assert answer.header("Cross-Origin-Resource-Policy") == answer.header("Cross-Origin-Opener-Policy") == "same-origin", case
    assert re.search("no-store|no-cache", answer.header("Cache-Control")), case


def test_names_in_the_folder_and_of_devices_are_text_on_every_page(there: Site) -> None:
    shown = b""
    for path in ("/", "/devices", "/devices/127.0.0.1", "/works", "/notifications/1", "/nothing/here"):
        answer = there.ask("GET", path, headers={"Accept": "text/html"})
        check(answer, "text/html", path)
        shown += answer.body
    assert shown.count(b"zq7&quot;zq7&#039;zq7&lt;zq7&gt;&amp;") > 4
    assert b"line" in shown


def test_nothing_of_a_request_becomes_markup_or_a_header(there: Site) -> None:
    for case in cases(there):
        check(send(there, case, MARK + SPLIT, "text/html"), "text/html", case)
        if case.place in ("nothing", "path", "body", "header"):
            check(send(there, case, MARK + SPLIT, "application/json"), "application/json", case)


@settings(max_examples=300, phases=[Phase.generate])
@given(
    number=st.integers(0, 99_999),
    before=st.text(max_size=12),
    mark=st.sampled_from([MARK, SPLIT, "%3Czq7%3E", "\0<zq7>", "../<zq7>", "zq7'"]),
    after=st.text(max_size=12),
    accept=st.sampled_from(["text/html", "application/json", "*/*"]),
    method=st.sampled_from(["", "", "", "HEAD", "OPTIONS", "PATCH", "TRACE"]),
)
def test_nor_does_any_other_text(there: Site, number: int, before: str, mark: str, after: str, accept: str, method: str) -> None:
    case = cases(there)[number % len(cases(there))]
    check(send(there, case, before + mark + after, accept, method), accept, case)


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if "\n" not in name])
def test_a_download_cannot_run_and_its_name_is_one_line(there: Site, name: str) -> None:
    answer = there.ask("GET", f"/files/shown/{name}.html", headers={"Accept": "text/html"})
    check(answer, "text/html", name)
    assert (answer.status, answer.body) == (200, b"<script>1</script>")
    assert answer.header("Content-Type") == "application/octet-stream"
    assert re.fullmatch(r'attachment; filename="shown-[ -~]*\.html"', answer.header("Content-Disposition"))
    assert answer.header("Content-Disposition").count('"') == 2


def test_every_route_has_been_asked(there: Site) -> None:
    assert len(there.routes) >= 40
    assert {"publish_id", "urls", "wait", "q", "share", "limit", "force", "sure"} <= set(NAMES)
