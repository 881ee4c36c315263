"""The most that may be asked for at once is taken, and what is more is refused in words that are true."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from common.device_url import LONGEST
from server.web.device_screens import LONGEST_CHOICE
from server.web.recipients import LONGEST_BODY, MAX_DEVICES
from tests.support.outline import Outline
from tests.support.site import Answer, Site, site

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
NAME = ".".join(["n" * 63] * 3 + ["n" * 56])
URLS = [f"coap://{n:04}.{NAME}:65535/{'(' * 253}/)" for n in range(MAX_DEVICES)]
TOO_MANY = [f"10.0.{n // 256}.{n % 256}" for n in range(MAX_DEVICES + 1)]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("large")) as there:
        yield there


def post(there: Site, path: str, body: str, kind: str = FORM) -> Answer:
    return there.ask("POST", path, headers={"Content-Type": kind}, body=body.encode())


def form(urls: list[str]) -> str:
    """As the page sends it: a browser ends each line of a field with CR LF."""
    return urlencode({"publish_id": "v1", "urls": "\r\n".join(urls), "nul": "auto"})


def test_the_longest_urls_are_the_longest() -> None:
    assert {len(url) for url in URLS} == {LONGEST}
    assert len(form(URLS)) > 102_400


@pytest.mark.parametrize("path", ["/notify", "/rollouts"])
def test_a_form_holds_as_many_devices_as_may_be_named(there: Site, path: str) -> None:
    for urls, status, words in ((URLS, 404, "There is no release 'v1'"), (TOO_MANY, 400, f"{len(TOO_MANY)} devices are named")):
        answer = post(there, path, form(urls))
        assert answer.status == status, answer.json
        assert words in answer.json["message"]


def test_each_device_may_have_a_field_of_its_own(there: Site) -> None:
    answer = post(there, "/rollouts", urlencode({"publish_id": "v1", "urls": URLS}, doseq=True))
    assert (answer.status, answer.json["error"]) == (404, "release-not-found")
    answer = post(there, "/rollouts", "&".join(["publish_id=v1", *["group=a"] * 2 * MAX_DEVICES]))
    assert (answer.status, "more than 2000 fields" in answer.json["message"]) == (413, True)


@pytest.mark.parametrize("accent", ["(", "é", "\U0001f600"])
def test_json_holds_as_many_devices_as_may_be_named(there: Site, accent: str) -> None:
    path = accent * (255 // len(accent.encode()))
    urls = [f"coap://{n:04}.{NAME}:65535/{path}" for n in range(MAX_DEVICES)]
    answer = post(there, "/api/v1/rollouts", json.dumps({"publish_id": "v1", "urls": urls}), JSON)
    assert (answer.status, answer.json["error"]) == (404, "release-not-found"), answer.json


@pytest.mark.parametrize("kind", [FORM, JSON])
@pytest.mark.parametrize("path", ["/rollouts", "/withdraw", "/remove"])
def test_what_is_longer_is_called_too_long(there: Site, path: str, kind: str) -> None:
    body = json.dumps({"publish_id": "v1", "urls": "a" * LONGEST_BODY}) if kind == JSON else f"urls={'a' * LONGEST_BODY}"
    answer = post(there, path, body, kind)
    assert (answer.status, answer.json["error"]) == (413, "too-large"), answer.json
    assert f"longer than {LONGEST_BODY} bytes" in answer.json["message"]


@pytest.mark.parametrize(("path", "kind"), [("/notify", FORM), ("/rollouts", FORM), ("/rollouts", JSON)])
def test_a_long_form_that_has_no_room_on_the_disk_says_so(
    there: Site, path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(there.folder / "gone"))
    answer = post(there, path, form(URLS), kind)
    assert (answer.status, answer.json["error"]) == (507, "store-full"), answer.json


def test_very_many_short_names_are_counted_before_they_are_read(there: Site) -> None:
    answer = post(there, "/notify", f"publish_id=v1&urls={','.join(map(str, range(200_000)))}")
    assert (answer.status, "200000 devices are named" in answer.json["message"]) == (400, True), answer.json["message"][:200]


def test_a_text_that_is_too_long_for_a_form_with_files_is_not_called_missing(there: Site) -> None:
    parts = (f'--zz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in (
        ("publish_id", "v1"), ("urls", "\r\n".join(f"{url}/{'p' * 200}" for url in TOO_MANY[1:]))
    ))  # fmt: skip
    answer = post(there, "/notify", "".join([*parts, "--zz--\r\n"]), "multipart/form-data; boundary=zz")
    assert answer.status in (404, 413), answer.json  # bottle 0.12 takes it
    assert "missing" not in answer.json["message"]


def test_texts_are_read_as_utf_8_in_all_encodings(there: Site) -> None:
    for body in (urlencode({"publish_id": "é+ü"}), "publish_id=é%2Bü"):
        assert "There is no release 'é+ü'" in post(there, "/remove", body).json["message"]
    for body in ("publish_id=%ff", "publish_id=a&publish_id=b", "", "&&="):
        assert post(there, "/withdraw", body).json["error"] == "invalid-request"


def test_a_filter_has_a_bound(there: Site) -> None:
    words = "1 " * 1500
    answer = there.ask("GET", "/devices", query=f"q={words.replace(' ', '+')}", headers={"Accept": "text/html"})
    [box] = Outline(answer.body.decode()).all("input", name="q")
    assert (box["value"], box["maxlength"]) == (words[:LONGEST_CHOICE], str(LONGEST_CHOICE))
    widest = quote("\U0001f600" * LONGEST_CHOICE, safe="")
    assert there.ask("GET", "/devices", query=f"show=confirmed&q={widest}").status == 200


def test_a_query_has_a_bound(there: Site) -> None:
    refused = there.ask("GET", "/devices", query="q=" + "1+" * 100_000)
    assert (refused.status, refused.json["error"]) == (414, "uri-too-long")
    assert "200002 bytes" in refused.json["message"]
    page = there.ask("GET", "/devices", query="q=" + "1+" * 100_000, headers={"Accept": "text/html"})
    assert (page.status, page.header("Content-Type").split(";")[0]) == (414, "text/html")
    assert "That address is too long" in Outline(page.body.decode()).text
