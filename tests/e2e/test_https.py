"""HTTPS: the real server behind the real nginx, with the site that is shipped, under a path prefix and another name."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from common.client import Client
from tests.e2e.conftest import CHROMIUM, TIMEOUT
from tests.support.access import add_token
from tests.support.nginx import NAME, Proxy, proxying
from tests.support.releases import write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZE = 300_000
"""Bytes: the largest file that this server takes."""
LISTEN = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", e => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@dataclass(frozen=True)
class Place:
    """The server, nginx before it, and a token."""

    server: Server
    proxy: Proxy
    token: str

    def curl(self, path: str, *arguments: str, client: str = "127.0.0.77") -> tuple[int, dict[str, Any], str]:
        """Status, headers (in lower case) and body, asked by the public name from the address `client`."""
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", "--cacert", self.proxy.certificate, "--interface", client,
             "--resolve", f"{NAME}:{self.proxy.port}:127.0.0.1", "--resolve", f"{NAME}:{self.proxy.http_port}:127.0.0.1",
             "-w", "%{stderr}%{http_code} %{header_json}", *arguments, self.proxy.url + path],
            check=False, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        status, _, headers = done.stderr.partition(" ")
        return int(status), json.loads(headers), done.stdout

    @property
    def authorized(self) -> tuple[str, str]:
        """curl's words for the token."""
        return "-H", f"Authorization: Bearer {self.token}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """nginx complains of nothing."""
    folder = tmp_path_factory.mktemp("https")
    flags = ("--trusted-proxy", "127.0.0.1", "--max-image-size", str(SIZE), "--image-cache", str(10 * SIZE))
    with running(folder / "fw", folder / "state", *flags) as server:
        write_release(server.folder / "kept", size=500)
        (server.folder / "kept" / "page.html").write_text("<script>document.title = 'ran'</script>")
        (server.folder / "kept" / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>')
        server.wait_ready("kept")
        token = add_token(server.state)
        with proxying(folder / "nginx", server.url) as proxy:
            yield Place(server, proxy, token)
            assert proxy.errors == "", proxy.errors


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, place: Place) -> Place:
    """In this process the public name is this machine's, and its certificate is trusted."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: resolve("127.0.0.1" if host == NAME else host, *a, **k))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place.proxy.certificate))
    return place


def test_the_public_name_is_answered_and_http_says_where_to_go(place: Place) -> None:
    for version in ("--http1.1", "--http2"):
        status, headers, body = place.curl("healthz", version)
        assert (status, json.loads(body)["status"]) == (200, "ok")
        assert headers["x-content-type-options"] == ["nosniff"]
    answer = requests.get(
        f"http://127.0.0.1:{place.proxy.http_port}/ota/?q=1", headers={"Host": NAME}, allow_redirects=False, timeout=30
    )
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{NAME}/ota/?q=1")
    for host in ("evil.example", "evil.example:80", NAME.upper()):
        answer = requests.get(
            f"http://127.0.0.1:{place.proxy.http_port}//evil.example", headers={"Host": host}, allow_redirects=False, timeout=30
        )
        assert answer.headers["Location"] == f"https://{NAME}//evil.example"


def test_no_other_name_gets_through(place: Place) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://localhost:{place.proxy.port}/ota/", verify=False, timeout=60)
    direct = requests.get(place.server.url, headers={"Host": NAME}, timeout=60)
    assert direct.status_code == 403
    told = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Via": "1.1 nginx"}
    with requests.Session() as session:
        session.mount("http://", _From("127.0.0.2"))
        assert session.get(place.server.url, headers={"Host": NAME} | told, timeout=60).status_code == 403


def test_a_proxy_without_via_is_refused_with_the_line_that_it_lacks(place: Place) -> None:
    told = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Authorization": f"Bearer {place.token}"}
    for path, method in (("/", "GET"), ("/api/v1/history", "GET"), ("/healthz", "GET"), ("/publish", "POST"), ("/login", "POST")):
        answer = requests.request(method, place.server.url + path, headers={"Host": NAME} | told, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid-request")
        assert 'proxy_set_header Via "1.1 nginx"' in answer.json()["message"]
    page = requests.get(place.server.url, headers={"Host": NAME, "Accept": "text/html"} | told, timeout=60)
    assert "proxy_set_header Via &quot;1.1 nginx&quot;" in page.text
    assert "192.0.2.1" not in place.server.log


def test_no_script_of_a_site_whose_name_was_made_to_point_here_gets_through(place: Place, visiting: Callable[..., Page]) -> None:
    """DNS rebinding, in a real browser: to it, the site's script asks its own server, and may add headers."""
    ask = """async told => {
      const answer = await fetch("/api/v1/history", {headers: told});
      return [answer.status, (await answer.json()).message];
    }"""
    told = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": NAME, "Via": "1.1 nginx"}
    page = visiting(place.server.url.replace("127.0.0.1", "evil.example"))
    assert "was asked for as" in page.inner_text("body")
    status, message = page.evaluate(ask, told)
    assert status == 400
    assert "has no Via" in message


class _From(requests.adapters.HTTPAdapter):
    """Asks from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **named)


def test_the_history_and_the_log_name_who_asked_and_nobody_forges_it(place: Place) -> None:
    forged = ("-H", "X-Forwarded-For: 192.0.2.9", "-H", "X-Forwarded-Proto: http", "-H", "X-Forwarded-Host: evil.example")
    for release, lies in (("by-curl", ()), ("forged", forged)):
        files = ("-F", f"publish_id={release}", "-F", "manifest=m;filename=m", "-F", "slot0=abc;filename=a")
        status, _, body = place.curl("publish", *place.authorized, *lies, *files)
        assert status == 201, body

    def published() -> list[tuple[str, str]]:
        events = json.loads(place.curl("api/v1/history?kind=published")[2])["events"]
        return [(event["publish_id"], event["who"]) for event in events]

    wait_until(lambda: len(published()) == 2, what="both in the history")
    assert published() == [(release, "laptop (127.0.0.77)") for release in ("by-curl", "forged")]
    wait_until(lambda: place.server.log.count("laptop (127.0.0.77): Published") == 2, what="both in the log")


def test_without_a_token_nothing_is_changed_through_the_proxy(place: Place) -> None:
    for arguments in ((), ("-H", "X-Forwarded-For: 127.0.0.1")):
        status, _, body = place.curl("withdraw", "-d", "publish_id=kept", *arguments, client="127.0.0.1")
        assert (status, json.loads(body)["error"]) == (401, "token-wanted")


def test_a_page_of_the_public_name_changes_and_others_do_not(place: Place) -> None:
    own = f"https://{NAME}:{place.proxy.port}"
    foreign = (own.replace("https", "http"), f"https://{NAME}", "https://evil.example", "null")
    for origin, wanted in ((own, 404), *((one, 403) for one in foreign)):
        status, _, _ = place.curl("withdraw", *place.authorized, "-H", f"Origin: {origin}", "-d", "publish_id=none")
        assert status == wanted, origin


def test_events_come_as_they_happen(named: Place) -> None:
    with requests.get(f"{named.proxy.url}api/v1/events", stream=True, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        pieces = answer.iter_content(None)
        assert b"retry: 3000" in next(pieces)
        form = {"publish_id": "kept"}
        for verb in ("withdraw", "restore"):
            requests.post(named.proxy.url + verb, data=form, headers={"Authorization": f"Bearer {named.token}"}, timeout=60)
        got, end = b"", time.monotonic() + 60
        while b"Withdrew kept" not in got and time.monotonic() < end:
            got += next(pieces)
        assert b"Withdrew kept" in got


def test_uploads_up_to_the_limit_and_one_beyond_it_is_refused_in_a_sentence(place: Place, tmp_path: Path) -> None:
    whole, large, huge = (tmp_path / name for name in ("whole", "large", "huge"))
    whole.write_bytes(bytes(range(250)) * (SIZE // 250))
    large.write_bytes(bytes(SIZE + 1))
    huge.write_bytes(bytes(6 * SIZE + (1 << 20)))
    manifest = ("-F", "manifest=m;filename=m")
    for version in ("--http1.1", "--http2"):
        name = "limit" + version.replace("-", "").replace(".", "")
        images = ("-F", f"slot0=@{whole}", "-F", f"slot1=@{whole}", "-F", "force=1")
        status, _, body = place.curl("publish", version, *place.authorized, "-F", f"publish_id={name}", *manifest, *images)
        assert status == 201, body
        assert place.curl(f"files/{name}/slot0", version, "-o", str(tmp_path / "got"))[0] == 200
        assert (tmp_path / "got").read_bytes() == whole.read_bytes()
        for file in (large, huge):
            refused = ("-F", "publish_id=no", *manifest, "-F", f"slot0=@{file}")
            status, _, body = place.curl("publish", version, *place.authorized, *refused)
            assert (status, json.loads(body)["error"]) == (413, "too-large")


def test_programs_of_ours_publish_under_the_prefix(named: Place) -> None:
    with Client(named.proxy.url, token=named.token) as client:
        assert "kept" in [release.publish_id for release in client.releases()]
    answer = requests.post(
        f"{named.proxy.url}notify", data={"publish_id": "kept", "urls": "127.0.0.1:9/x"},
        headers={"Authorization": f"Bearer {named.token}", "Prefer": "respond-async"}, timeout=60,
    )  # fmt: skip
    assert answer.status_code == 202
    assert answer.headers["Location"].startswith("/ota/api/v1/notifications/")


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "slot0"])
def test_a_download_never_renders_here(place: Place, name: str) -> None:
    _, headers, _ = place.curl(f"files/kept/{name}", "-H", "Accept: text/html")
    assert headers["content-type"] == ["application/octet-stream"]
    assert headers["content-disposition"][0].startswith("attachment; ")
    assert headers["x-content-type-options"] == ["nosniff"]
    assert "default-src 'none'" in headers["content-security-policy"][0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """To it the public name, and another site's, are this machine's."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no browser: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        arguments = [f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP evil.example 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Page]:
    """A page in a browser that takes the certificate. What is said in its console fails the test."""
    said: list[str] = []
    with browser.new_context(ignore_https_errors=True) as context:
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
    assert [text for text in said if "status of 404" not in text] == []


def test_every_page_works_under_the_prefix_and_none_breaks_the_policy(place: Place, look: Page) -> None:
    from playwright.sync_api import expect

    failed: list[str] = []
    look.on("requestfailed", lambda request: failed.append(request.url) if request.failure != "net::ERR_ABORTED" else None)
    asked: list[str] = []
    look.on("request", lambda request: asked.append(request.url))

    def safe() -> None:
        look.wait_for_load_state()  # so its style sheets and its scripts are at work
        assert look.evaluate("violations") == []
        assert look.evaluate("[...document.styleSheets].every(sheet => sheet.cssRules.length)")

    look.goto(place.proxy.url)
    safe()
    look.goto(f"{place.proxy.url}login")
    look.fill("[name=token]", place.token)
    look.click("button.primary")
    look.wait_for_url(place.proxy.url)
    expect(look.locator('.card[data-id="kept"]')).to_be_visible()
    safe()
    look.locator('.card[data-id="kept"] .shelve').click()
    expect(look.locator('.card[data-id="kept"] .badge.withdrawn')).to_be_visible()
    look.locator('.card[data-id="kept"] .shelve').click()
    expect(look.locator('.card[data-id="kept"] .badge.ready')).to_be_visible()
    with look.expect_download() as download:
        look.locator('.card[data-id="kept"] td.get a').first.click()
    assert download.value.suggested_filename.startswith("kept-")
    card = look.locator('.card[data-id="kept"]')
    card.locator("details.notify summary").click()
    card.locator("[name=urls]").fill("127.0.0.1:9/suit")
    card.locator("details.notify .primary").click()
    expect(card.locator(".results")).to_contain_text("127.0.0.1:9")
    safe()
    look.locator("nav a", has_text="Devices").click()
    expect(look.locator("tr.device").first).to_be_visible()
    safe()
    look.locator("tr.device .title").first.click()
    expect(look.locator("#naming")).to_be_visible()
    look.fill("[name=name]", "cellar")
    look.click("#naming button")
    expect(look.locator("h1")).to_have_text("cellar")
    safe()
    for path in ("notifications/1", "nothing/here/at/all", "devices?show=trouble&q=x", "devices/nobody"):
        look.goto(place.proxy.url + path)
        safe()
        look.locator("a", has_text="eleases").first.click()
        look.wait_for_url(place.proxy.url)
    assert failed == []
    assert [url for url in asked if not url.startswith((place.proxy.url, "data:", "blob:"))] == []
