"""The list of releases, asked for again and again: told anew only when it is another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from common.client import Client
from tests.support.releases import write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

URL = "/api/v1/releases"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        for name in ("a", "b"):
            write_release(server.folder / name)
            server.wait_ready(name)
        yield server


def test_it_is_sent_once_until_it_changes(server: Server) -> None:
    first = requests.get(server.url + URL, timeout=60)
    assert first.headers["Content-Type"] == "application/json"
    assert {r["publish_id"] for r in first.json()["releases"]} == {"a", "b"}
    tag = {"If-None-Match": first.headers["ETag"]}
    same = requests.get(server.url + URL, headers=tag, timeout=60)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    write_release(server.folder / "c")
    server.wait_ready("c")
    changed = requests.get(server.url + URL, headers=tag, timeout=60)
    assert (changed.status_code, len(changed.json()["releases"])) == (200, 3)
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_who_asks_by_another_address_gets_other_urls(server: Server) -> None:
    with running(server.folder, server.state.with_name("other"), "--http-host", "::") as open_to_all:
        port = open_to_all.url.rpartition(":")[2]
        answers = [requests.get(f"http://{host}:{port}{URL}", timeout=60) for host in ("127.0.0.1", "[::1]")]
    urls = [a.json()["releases"][0]["files"][0]["coap_url"] for a in answers]
    assert urls[0].startswith("coap://127.0.0.1")
    assert urls[1].startswith("coap://[::1]")
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


def test_the_client_keeps_the_list_and_what_did_not_change_in_it(server: Server) -> None:
    with Client(server.url) as client:
        first = client.release_list()
        assert client.release_list(first) is first
        write_release(server.folder / "b", seed=2)
        wait_until(lambda: client.release_list(first) is not first, what="the change")
        server.wait_ready("b")
        second = client.release_list(first)
        before, after = ({r.publish_id: r for r in one.releases} for one in (first, second))
        assert after["a"] is before["a"]
        assert after["b"] != before["b"]
        assert client.releases() == second.releases
