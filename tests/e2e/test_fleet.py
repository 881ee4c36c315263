"""The devices' side over HTTP: what the API tells, what people may change, and events as they come."""

from __future__ import annotations

import csv
import io
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from common.device import Device, UpdateState
from common.event import Event
from common.transfer import Transfer, TransferState
from server.fleet.devices.known import Known
from server.fleet.devices.register import Register
from server.fleet.fleet import SCHEMA
from server.fleet.record.database import Database
from tests.integration.test_rehearsal import rehearsing, release
from tests.support.server import Server, running
from tests.waiting import wait_until

COUNT = 3
Json = dict[str, Any]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose three devices have updated. Its device at a mesh interface is known from an earlier start."""
    folder = tmp_path_factory.mktemp("fleet")
    database = Database(folder / "state" / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    Register(database).keep(Known("fe80::2%bat0"))
    database.stop()
    with running(folder / "fw", folder / "state", "--patience", "60") as server:
        release(server, "v2")
        flags = ["--count", str(COUNT), "--address", "127.7.0.1", "--port", "0", "--speed", "50", "--block", "256"]
        with rehearsing(*flags) as (_, urls):
            form = {"publish_id": "v2", "urls": ",".join(urls)}
            answer = requests.post(f"{server.url}/notify", data=form, timeout=60)
            assert answer.status_code == 200, answer.text
            everyone = [UpdateState.CONFIRMED] * COUNT
            wait_until(lambda: [d.update.state for d in devices(server) if d.update] == everyone, 120, "the updates")
            yield server


def get(server: Server, path: str, **options: Any) -> requests.Response:
    return requests.get(f"{server.url}/api/v1/{path}", timeout=60, **options)


def devices(server: Server) -> list[Device]:
    return [Device.from_json(device) for device in get(server, "devices").json()["devices"]]


def put(server: Server, device: str, body: object) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.put(f"{server.url}/api/v1/devices/{device}", data=data, timeout=60)


def history(server: Server, **query: Any) -> list[Event]:
    return [Event.from_json(event) for event in get(server, "history", params=query).json()["events"]]


def test_devices_and_transfers(fleet: Server) -> None:
    shown = {device.device: device for device in devices(fleet)}
    device = shown["127.7.0.1"]
    assert set(device.to_json()) == {"device", "url", "name", "group", "board", "last_seen", "completed", "update"}
    assert (device.board, device.completed) == ("samr21-xpro", "v2")
    assert device.url is not None
    assert device.url.startswith("127.7.0.1:")
    assert device.update is not None
    assert (device.update.publish_id, device.update.over) == ("v2", True)
    told = [Transfer.from_json(t) for t in get(fleet, "transfers").json()["transfers"]]
    assert len(told) == 2 * COUNT
    assert {t.state for t in told} == {TransferState.DONE}

    def kinds() -> list[str]:
        return [event["kind"] for event in get(fleet, "devices/127.7.0.1").json()["events"]]

    wait_until(lambda: kinds()[0] == "verdict", what="the verdict, the latest, to be written down")
    assert {"update", "transfer-done"} < set(kinds())
    assert get(fleet, "devices/127.7.0.99").status_code == 404


@pytest.mark.parametrize("path", ["devices", "transfers"])
def test_what_has_not_changed_is_not_sent_again(fleet: Server, path: str) -> None:
    def unchanged() -> bool:
        first = get(fleet, path)
        again = get(fleet, path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code in (200, 304)
        if again.status_code == 304:
            assert (again.content, again.headers["ETag"]) == (b"", first.headers["ETag"])
        return again.status_code == 304

    wait_until(unchanged, what="the devices to be at rest")
    assert get(fleet, path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_name_and_a_group_and_the_history_of_it(fleet: Server) -> None:
    etag = get(fleet, "devices").headers["ETag"]
    answer = put(fleet, "127.7.0.1", {"name": " cellar ü ", "group": "kitchen"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["name"], answer.json()["group"]) == ("cellar ü", "kitchen")
    assert put(fleet, "127.7.0.2", {"group": "kitchen"}).json()["name"] == ""
    assert put(fleet, "127.7.0.1", {"name": "attic"}).json()["group"] == "kitchen"
    assert get(fleet, "devices", headers={"If-None-Match": etag}).status_code == 200
    wait_until(lambda: len(history(fleet, kind="named")) >= 3)
    assert history(fleet, kind="named")[2].what == "127.7.0.1 is called 'attic', in group 'kitchen'."


def test_a_zone_that_looks_like_an_escape_is_a_zone(fleet: Server) -> None:
    assert put(fleet, "fe80::2%25bat0", {"name": "mesh"}).status_code == 200
    assert get(fleet, "devices/fe80::2%25bat0").json()["name"] == "mesh"


@pytest.mark.parametrize(
    ("device", "body", "status", "sentence"),
    [
        ("127.7.0.1", b"", 400, "A device is given a name and a group as JSON"),
        ("127.7.0.1", b"\xff", 400, "A device is given a name"),
        ("127.7.0.1", b'{"name": "x"' + b" " * 2_000_000 + b"}", 413, "What was sent is longer than 1637536 bytes"),
        ("127.7.0.1", [], 400, "A device is given a name"),
        ("127.7.0.1", {}, 400, "A device is given a name"),
        ("127.7.0.1", {"nick": "x"}, 400, "A device is given a name"),
        ("127.7.0.1", {"name": 7}, 400, "The name of a device is a text of at most 64 characters."),
        ("127.7.0.1", {"name": "x" * 65}, 400, "The name of a device is a text"),
        ("127.7.0.1", {"group": "a\nb"}, 400, "The group of a device is a text"),
        ("127.7.0.1", {"group": "\ud800"}, 400, "The group of a device is a text"),
        ("127.7.0.99", {"name": "x"}, 404, "No device is known at '127.7.0.99'."),
    ],
)
def test_a_bad_name_is_refused_with_a_sentence(fleet: Server, device: str, body: object, status: int, sentence: str) -> None:
    answer = put(fleet, device, body)
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["message"].startswith(sentence)
    assert "\n" not in error["message"]


def test_a_group_is_notified(fleet: Server) -> None:
    for number in (1, 3):
        assert put(fleet, f"127.7.0.{number}", {"group": "hall"}).status_code == 200
    answer = requests.post(f"{fleet.url}/notify", data={"publish_id": "v2", "group": "hall"}, timeout=60)
    assert answer.status_code == 200, answer.text
    rows = sorted((row["device"].partition(":")[0], row["state"]) for row in answer.json()["results"])
    assert rows == [("127.7.0.1", "accepted"), ("127.7.0.3", "accepted")]
    for group in ("nobody", ""):
        refused = requests.post(f"{fleet.url}/notify", data={"publish_id": "v2", "group": group}, timeout=60)
        assert refused.status_code == 400, refused.text


def test_the_history_page_by_page_and_as_a_table(fleet: Server) -> None:
    wait_until(lambda: len(history(fleet, kind="verdict")) >= COUNT, what="the verdicts to be written down")
    assert {event.kind for event in history(fleet, kind="verdict")} == {"verdict"}
    of_one = history(fleet, device="127.7.0.2", publish_id="v2")
    assert {(event.device, event.publish_id) for event in of_one} == {("127.7.0.2", "v2")}
    assert history(fleet, device="127.7.0.99") == []
    first = get(fleet, "history", params={"limit": 2}).json()
    assert len(first["events"]) == 2
    rest = history(fleet, since=first["next"])
    assert rest[0].id > first["next"] == first["events"][-1]["id"]
    table = get(fleet, "history.csv")
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [int(row["id"]) for row in rows][: 2 + len(rest)] == [e["id"] for e in first["events"]] + [e.id for e in rest]
    for query in ({"since": "x"}, {"limit": "-1"}, {"since": "9" * 19}):
        refused = get(fleet, "history", params=query)
        assert (refused.status_code, refused.json()["message"].endswith("it is a whole number.")) == (400, True)


@pytest.mark.parametrize(("state", "status"), [("paused", 404), ("done", 400), ("", 400)])
def test_a_batch_that_is_not_there_or_a_state_that_is_none(fleet: Server, state: str, status: int) -> None:
    answer = requests.post(f"{fleet.url}/api/v1/notifications/nothing", data={"state": state}, timeout=60)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"].endswith(".")


@contextmanager
def stream(server: Server, last: int | None = None) -> Iterator[Iterator[tuple[str, str, Json]]]:
    """Events as (kind, id, data). Places that others have left are waited for."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with ExitStack() as stack:
        answers: list[requests.Response] = []

        def opened() -> bool:
            answer = get(server, "events", stream=True, headers=headers)
            if answer.status_code != 200:
                answer.close()
                return False
            answers.append(stack.enter_context(answer))
            return True

        wait_until(opened, 60, "a place")
        assert answers[-1].headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield parts(answers[-1])


def parts(answer: requests.Response) -> Iterator[tuple[str, str, Json]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "event" in fields:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


def test_events_begin_with_what_there_is_and_go_on_with_what_changes(fleet: Server) -> None:
    with stream(fleet) as events:
        kind, _, data = next(events)
        assert kind == "devices"
        assert len(data["devices"]) == COUNT + 1
        kind, _, data = next(events)
        assert (kind, len(data["transfers"]) >= 2 * COUNT) == ("transfers", True)
        put(fleet, "127.7.0.2", {"name": "streamed"})
        names: set[str] = set()
        written = False
        for kind, number, data in events:
            if kind == "devices":
                assert len(data["devices"]) <= COUNT, "only what changed"
                names |= {device["name"] for device in data["devices"]}
            if kind == "history" and data["kind"] == "named":
                assert number == str(data["id"])
                written = True
            if written and "streamed" in names:  # which of the two is first is chance
                break


def test_the_history_goes_on_behind_the_last_event_that_was_heard(fleet: Server) -> None:
    known = history(fleet)
    assert len(known) > 5
    with stream(fleet, known[2].id) as events:
        heard = []
        for kind, number, _ in events:
            if kind == "history":
                heard.append(int(number))
            if len(heard) == len(known) - 3:
                break
    assert heard == [event.id for event in known[3:]]


def test_the_fourth_listener_is_sent_away_and_the_others_hold_nobody_up(fleet: Server) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(stream(fleet)) for _ in range(3)]
        for events in streams:
            next(events)
        refused = stack.enter_context(get(fleet, "events", stream=True))
        assert (refused.status_code, refused.json()["error"], refused.headers["Retry-After"]) == (503, "too-many-streams", "5")
        for _ in range(20):
            assert get(fleet, "devices").status_code == 200
    with stream(fleet) as events:
        next(events)


def test_streams_end_with_the_server_and_the_history_survives(tmp_path: Path) -> None:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        release(server, "v2")
        requests.post(f"{server.url}/withdraw", data={"publish_id": "v2"}, timeout=60).raise_for_status()
        wait_until(lambda: len(history(server)) == 1)
        before = history(server)
        with ExitStack() as stack:
            streams = [stack.enter_context(stream(server, 0)) for _ in range(3)]
            for events in streams:
                next(events)
            began = time.monotonic()
            assert server.stop() == 0
            print(f"stopped in {time.monotonic() - began:.1f} s")
            for events in streams:
                list(events)
    with running(tmp_path / "fw", tmp_path / "state") as again:
        assert history(again) == before
        again.stop(signal.SIGKILL)
    with running(tmp_path / "fw", tmp_path / "state") as third:
        assert history(third) == before
