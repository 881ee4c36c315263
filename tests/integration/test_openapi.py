"""The OpenAPI document is what the server does: every route and no other, every answer in its shape, nothing undocumented."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from werkzeug.test import Client, TestResponse

from server.web.openapi.document import PATH, document
from tests.fakes.riot_device import RiotDevice
from tests.fakes.riot_fetch import fetch
from tests.support.releases import suit_release
from tests.support.site import Site, site
from tests.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")  # as in server/__main__.py
FOR_PEOPLE = re.compile(r"/|/favicon\.ico|/static/.*|/works|/devices.*|/notifications/.*|/rollouts.*|/log(in|out)")
"""The pages, and what their forms send."""
FROM_HERE = {"REMOTE_ADDR": "127.0.0.1"}
METHODS = ("get", "put", "post", "delete")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as server:
        yield server


def strict(shape: Any) -> Any:
    """The same with no properties but those that it names."""
    if isinstance(shape, list):
        return [strict(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    found = {key: strict(part) for key, part in shape.items()}
    return found | ({"additionalProperties": False} if "properties" in found and found.get("type") == "object" else {})


class Described:
    """Asks the server, and holds each answer against what the document says of it."""

    def __init__(self, server: Site) -> None:
        self._client = Client(server.app)
        self._document = strict(self._client.get(PATH, environ_base=FROM_HERE).json)
        self.seen: set[tuple[str, str, int]] = set()

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        answer = self._client.open(path, method=method.upper(), environ_base=FROM_HERE, **more)
        template, operation = self._operation(method, path.partition("?")[0])
        said = operation["responses"].get(str(answer.status_code))
        assert said, f"{method} {template} answers {answer.status_code}, which is not documented: {answer.text}"
        if "$ref" in said:
            said = self._document["components"]["responses"][said["$ref"].rpartition("/")[2]]
        self.seen.add((method, template, answer.status_code))
        if "content" not in said:
            assert answer.data == b""
            return answer
        assert answer.mimetype in said["content"]
        if answer.mimetype == "application/json":
            whole = {**said["content"]["application/json"]["schema"], "components": self._document["components"]}
            jsonschema_rs.validator_for(whole, validate_formats=True).validate(answer.json)
        for header in said.get("headers", {}):
            assert header in answer.headers
        return answer

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        def fits(template: str) -> bool:
            return re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(template)), path) is not None

        template = max(filter(fits, self._document["paths"]), key=lambda t: len(t) - 100 * t.count("{"))
        return template, self._document["paths"][template][method]


def files(*names: str, folder: Path) -> dict[str, Any]:
    return {name: (io.BytesIO((folder / name).read_bytes()), name) for name in names}


def test_every_route_is_described_with_its_right_and_nothing_else(server: Site) -> None:
    described = {
        (method.upper(), path, str(operation.get("security", [{"token": [None]}])[0]["token"][0]))
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    }
    routes = {
        (route.method, re.sub(r"<(\w+)(:path)?>", r"{\1}", route.rule), str(route.config.get("changes")))
        for route in server.routes
    }
    assert described == {route for route in routes if not FOR_PEOPLE.fullmatch(route[1])}


def test_every_operation_has_a_name_of_its_own_and_every_reference_leads_somewhere() -> None:
    found = document()
    operations = [item[method] for item in found["paths"].values() for method in METHODS if method in item]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for target in re.findall(r"#/components/(\w+)/([\w-]+)", str(found)):
        assert target[1] in found["components"][target[0]]
    for path, item in found["paths"].items():
        for method in METHODS:
            named = [p["name"] for p in item.get(method, {}).get("parameters", ()) if p["in"] == "path"]
            assert method not in item or named == re.findall(r"\{(\w+)\}", path)


def test_who_has_the_document_is_not_sent_it_again(server: Site) -> None:
    client = Client(server.app)
    first = client.get(PATH, environ_base=FROM_HERE)
    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert client.get(PATH, environ_base=FROM_HERE, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.expects_log("cannot be read")
def test_health_has_its_shape_also_when_something_is_wrong(server: Site, tmp_path: Path) -> None:
    ask = Described(server).ask
    assert ask("get", "/healthz").json["status"] == "ok"
    server.folder.rename(tmp_path / "away")
    wait_until(lambda: ask("get", "/healthz").json["status"] == "failing", what="the folder to be missed")
    assert ask("get", "/healthz").status_code == 503


@pytest.mark.expects_log("The link leads nowhere")
def test_every_answer_has_the_shape_that_is_written(server: Site, tmp_path: Path) -> None:
    described = Described(server)
    ask = described.ask
    built = tmp_path / "built"
    suit_release(built, 7)
    (server.folder / "nowhere").symlink_to("nothing")

    found = ask("post", "/check", data={"publish_id": "v1", **files("manifest", "slot0", folder=built)})
    assert found.json["manifest"]["sequence_number"] == 7
    for status in (201, 200):
        answer = ask("post", "/publish", data={"publish_id": "v1", **files("manifest", "slot0", folder=built)})
        assert answer.status_code == status
    suit_release(built, 8, seed=2)
    assert ask("post", "/publish", data={"publish_id": "v1", **files("manifest", "slot0", folder=built)}).status_code == 409
    refused = ask("post", "/publish", data={"publish_id": "v2", **files("manifest", folder=built)})
    assert (refused.status_code, [f["code"] for f in refused.json["findings"]][:1]) == (400, ["no-image"])
    assert ask("post", "/publish", data=b"x").status_code == 400
    control = b'--b\r\nContent-Disposition: form-data; name="a\x00"\r\n\r\n1\r\n--b--\r\n'
    assert ask("post", "/publish", data=control, content_type="multipart/form-data; boundary=b").status_code == 400

    wait_until(lambda: ask("get", "/api/v1/releases").json["problems"], what="the problem to be seen")
    etag = ask("get", "/api/v1/releases").headers["ETag"]
    assert ask("get", "/api/v1/releases", headers={"If-None-Match": etag}).status_code == 304
    assert ask("get", "/api/v1/releases/v1").json["findings"]
    assert ask("get", "/api/v1/releases/v9").status_code == 404
    assert ask("get", "/coap/url/v1").text.endswith(f":{server.coap_port}/v1")
    assert ask("get", "/coap/url/.v1").status_code == 400
    assert ask("get", "/files/v1/slot0").data == (server.folder / "v1" / "slot0").read_bytes()
    assert ask("get", "/files/v1/slot1").status_code == 404
    for path in ("/healthz", "/metrics", PATH):
        assert ask("get", path).status_code == 200

    with RiotDevice(host="127.0.0.1") as device:
        told = ask("post", "/notify", data={"publish_id": "v1", "urls": device.url})
        assert (told.status_code, told.json["results"][0]["state"]) == (200, "accepted")
        later = ask("put", "/notify", data={"publish_id": "v1", "urls": device.url}, headers={"Prefer": "respond-async"})
        assert later.status_code == 202
        number = later.json["id"]
        assert ask("get", f"/api/v1/notifications/{number}?wait=20").json["results"][0]["state"] == "accepted"
        assert ask("get", f"/api/v1/notifications/{number}?wait=x").status_code == 400
        assert ask("post", f"/api/v1/notifications/{number}", data={"state": "cancelled"}).status_code == 200
        assert ask("post", "/api/v1/notifications/none", data={"state": "paused"}).status_code == 404
        assert ask("get", "/api/v1/notifications").json["notifications"]
        fetch(("127.0.0.1", server.coap_port), "v1/slot0")
        wait_until(lambda: ask("get", "/api/v1/transfers").json["transfers"], what="the transfer")
        wait_until(lambda: ask("get", "/api/v1/devices/127.0.0.1").json["update"], what="the device's update")
        assert ask("put", "/api/v1/devices/127.0.0.1", json={"name": "cellar", "group": "house"}).json["group"] == "house"
        assert ask("put", "/api/v1/devices/::9", json={"name": "cellar"}).status_code == 404
        assert ask("get", "/api/v1/devices").json["devices"]
        begun = ask("post", "/api/v1/rollouts", json={"publish_id": "v1", "urls": [device.url]})
        assert begun.status_code == 201
        rollout = f"/api/v1/rollouts/{begun.json['id']}"
        assert ask("get", rollout).json["waves"]
        assert ask("post", rollout, json={"state": "stopped"}).json["state"] in ("stopped", "done")
        assert ask("get", "/api/v1/rollouts").json["rollouts"]
        assert ask("post", "/api/v1/rollouts", json={"publish_id": "v9", "urls": [device.url]}).status_code == 404
    wait_until(lambda: ask("delete", "/api/v1/devices/127.0.0.1").json == {"forgotten": "127.0.0.1"}, what="no wait for it")
    assert ask("delete", "/api/v1/devices/127.0.0.1").status_code == 404
    wait_until(lambda: ask("get", "/api/v1/history?limit=3").json["next"], what="the history")
    assert ask("get", "/api/v1/history?since=x").status_code == 400
    assert ask("get", "/api/v1/history.csv").status_code == 200

    for verb, state in (("withdraw", "withdrawn"), ("restore", "ready")):
        assert ask("post", f"/{verb}", json={"publish_id": "v1"}).json["state"] == state
    assert ask("post", "/remove", json={"publish_id": "v9"}).status_code == 404
    assert ask("post", "/remove", data={"publish_id": "v1"}).mimetype == "text/html"
    assert ask("delete", "/api/v1/releases/v1").json == {"removed": "v1"}
    assert ask("post", "/remove", data={"publish_id": "v1"}, headers={"Accept": "text/html"}).mimetype == "text/html"
    missing = {(method, path) for path, item in document()["paths"].items() for method in METHODS if method in item}
    assert missing - {(method, path) for method, path, _ in described.seen} == {("post", "/notifyv4"), ("get", "/api/v1/events")}


def test_who_may_not_change_anything_is_refused_as_it_is_written(tmp_path: Path) -> None:
    with site(tmp_path, http_host="0.0.0.0") as server:
        described = Described(server)
        for path, item in document()["paths"].items():
            for method in (m for m in METHODS if m in item):
                changes = "security" in item[method]
                if changes:
                    answer = described.ask(method, path.replace("{", "").replace("}", ""))
                    assert answer.status_code in (401, 403)
                    assert answer.json["error"] != "internal-error"
                assert changes or method == "get"
