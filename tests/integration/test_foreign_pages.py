"""Another site's page changes nothing, however it asks; and a name that was made to point here is no way in."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

import pytest

from tests.support.releases import write_release
from tests.support.site import Site, site
from tests.waiting import wait_until

ORIGINS = (None, "null", "", "http://evil.example", "http://localhost", "http://localhost:8081", "https://localhost:8080",
           "http://localhost:8080.evil.example", "http://evil.example/http://localhost:8080", "localhost:8080")  # fmt: skip
SITES = (None, "none", "same-origin", "same-site", "cross-site", "Same-Origin", "nonsense", "")
OWN_ORIGINS, OWN_SITES = (None, "http://localhost:8080"), (None, "none", "same-origin")
JSON = json.dumps({"publish_id": "kept", "state": "cancelled", "name": "x", "sure": "1"}).encode()
FORM = b"publish_id=kept&state=cancelled&name=x&sure=1"
BODIES = (
    ("application/json", JSON), ("text/plain", JSON), ("text/plain;charset=UTF-8", JSON), ("", JSON),
    ("application/x-www-form-urlencoded", FORM), ("application/x-www-form-urlencoded", JSON),
    ("multipart/form-data; boundary=zz", b'--zz\r\nContent-Disposition: form-data; name="publish_id"\r\n\r\nkept\r\n--zz--\r\n'),
)  # fmt: skip


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("foreign")) as there:
        write_release(there.folder / "kept", size=500)
        wait_until(lambda: there.ask("GET", "/api/v1/releases/kept").json.get("state") == "ready")
        yield there


def changing(there: Site) -> list[tuple[str, str]]:
    """Method and path of every route that changes something."""
    found = [(route.method, re.sub(r"<[^>]+>", "kept", route.rule)) for route in there.routes if route.method != "GET"]
    assert len(found) >= 15
    return found


def test_no_page_of_another_site_changes_anything(there: Site) -> None:
    routes = itertools.cycle(changing(there))
    for origin, fetched, (kind, body) in itertools.product(ORIGINS, SITES, BODIES):
        if origin in OWN_ORIGINS and fetched in OWN_SITES:
            continue
        for method, path in itertools.islice(routes, 4):
            headers = {"Origin": origin, "Sec-Fetch-Site": fetched, "Content-Type": kind, "Accept": "text/html"}
            answer = there.ask(method, path, headers={k: v for k, v in headers.items() if v is not None}, body=body)
            refusals = {403} | ({400} if path == "/login" else set())  # that one reads its form first
            assert answer.status in refusals, (method, path, origin, fetched, kind)
    assert there.ask("GET", "/api/v1/releases/kept").json["state"] == "ready"


def test_every_route_that_is_not_a_get_is_guarded_and_no_get_changes_anything(there: Site) -> None:
    guarded = {(route.method, route.rule) for route in there.routes if route.config.get("changes")}
    assert {(route.method, route.rule) for route in there.routes if route.method != "GET"} >= guarded
    for route in there.routes:
        assert (route.method == "GET") != bool(route.config.get("changes")) or re.search("log-?(in|out)", route.rule), route.rule


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_method_stands_for_another(there: Site, header: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/api/v1/releases/kept", "/api/v1/releases/kept?_method=DELETE"):
        path, _, query = path.partition("?")
        assert there.ask("POST", path, query, {header: "DELETE"} | form, b"_method=DELETE").status == 405
        assert there.ask("GET", path, query, {header: "DELETE"}).status == 200
    assert there.ask("GET", "/api/v1/releases/kept").status == 200


@pytest.mark.parametrize("host", [
    "localhost", "localhost:8080", "LOCALHOST:8080", "localhost.", "localhost.:8080", "127.0.0.1", "127.0.0.1:8080", "127.8.8.8",
    "[::1]", "[::1]:8080", "[0:0::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]:8080", "localhost:",
])  # fmt: skip
def test_it_answers_to_its_own_names(there: Site, host: str) -> None:
    assert there.ask("GET", "/healthz", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", [
    "evil.example", "localhost.evil.example", "evil.example:8080", "127.0.0.1.evil.example", "2130706433", "0x7f000001", "127.1",
    "0177.0.0.1", "0.0.0.0", "[::]", "[::ffff:192.0.2.1]", "::1", "[::1", "[fe80::1%lo]", "localhost:80:80", "localhost:8o",
    "localhost, evil.example", "localhost evil.example", "evil.example@localhost", "localhost/", "localhost\\@evil.example",
    "localhost#", "localhost..", "localhost\u3002", "lоcalhost", "127.0.0.1%00", "%6cocalhost", "*", ".", "localhost;",
])  # fmt: skip
def test_and_to_nobody_elses(there: Site, host: str) -> None:
    for path in ("/", "/healthz", "/files/kept/slot0", "/api/v1/releases"):
        answer = there.ask("GET", path, headers={"Host": host})
        assert answer.status == 403, (path, host)
        assert "answers only on this machine" in answer.json["message"]


def test_a_header_of_a_proxy_that_is_not_trusted_lets_no_name_in(there: Site) -> None:
    told = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost"}
    assert there.ask("GET", "/healthz", headers={"Host": "evil.example"} | told).status == 403
