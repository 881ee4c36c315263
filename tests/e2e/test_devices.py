"""The main job: publish, notify, and devices get every byte; with clients that others wrote and with a RIOT-like one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import aiocoap
import pytest
import requests

from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.fakes.riot_fetch import FetchFailed, Restart, fetch
from tests.support.releases import SAMPLE, riot_release, suit_release, write_release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

COAP_CLIENT = next((p for p in map(shutil.which, ("coap-client", "coap-client-notls", "coap-client-openssl")) if p), None)
needs_libcoap = pytest.mark.skipif(COAP_CLIENT is None, reason="coap-client is missing: apt-get install libcoap3-bin")
ROLES = ("manifest", "slot0", "slot1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state") as server:
        yield server


def publish_cli(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "desktop.publish", "--server", server.url, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def sample(version: int = 1700000100) -> list[str]:
    return ["--manifest", str(SAMPLE / f"riot.suit.{version}.bin"), "--slot0", str(SAMPLE / f"slot0.{version}.bin"),
            "--slot1", str(SAMPLE / f"slot1.{version}.bin")]


@needs_libcoap
@pytest.mark.parametrize("block", [None, 16, 64, 512, 1024])
@pytest.mark.parametrize("host", ["[::1]", "127.0.0.1"])
def test_libcoap_fetches_all_three(server: Server, tmp_path: Path, block: int | None, host: str) -> None:
    files = riot_release(server.folder / "fw" / "version_42")
    server.wait_ready("fw/version_42")
    for role in ROLES:
        into = tmp_path / role
        flags = ["-b", str(block)] if block else []
        url = f"coap://{host}:{server.coap_port}/fw/version_42/{role}"
        command = [str(COAP_CLIENT), "-m", "get", *flags, "-o", str(into), url]
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
        assert into.read_bytes() == files[role], done.stderr


@needs_libcoap
def test_libcoap_reads_the_listing_in_blocks_and_by_filter(server: Server) -> None:
    riot_release(server.folder / "fw" / "version_42")
    server.wait_ready("fw/version_42")

    def ask(query: str) -> list[str]:
        command = [str(COAP_CLIENT), "-m", "get", "-b", "64", f"coap://[::1]:{server.coap_port}/.well-known/core{query}"]
        done = subprocess.run(command, capture_output=True, timeout=60, check=True, text=True)
        return [link.partition(">")[0].strip("<\n") for link in done.stdout.split(",") if link.strip()]

    roles = [f"/fw/version_42/{role}" for role in ROLES]
    assert sorted(ask("")) == sorted(["/fw/latest/manifest", "/rd", *roles])
    assert sorted(ask("?rt=suit.image")) == sorted(path for path in roles if "slot" in path)
    assert sorted(ask("?href=/fw/version*")) == sorted(roles)
    assert ask("?title=nothing") == []


@needs_libcoap
def test_libcoap_observes_the_latest_manifest(server: Server) -> None:
    """`-s` as people type it; what was told comes out at the end."""
    first = suit_release(server.folder / "board" / "1", 1)["manifest"]
    server.wait_ready("board/1")
    url = f"coap://[::1]:{server.coap_port}/board/latest/manifest"
    command = [str(COAP_CLIENT), "-m", "get", "-s", "120", "-o", str(server.folder.parent / "told"), url]
    client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = server.folder.parent / "told"
    try:
        wait_until(lambda: told.exists() and told.read_bytes() == first, 60, "the manifest that is there")
        second = suit_release(server.folder / "board" / "2", 2)["manifest"]
        wait_until(lambda: told.read_bytes().endswith(second), 60, "the one that is published then")
    finally:
        client.kill()
        client.wait()


def test_aiocoap_fetches_all_three_and_the_listing(server: Server) -> None:
    files = riot_release(server.folder / "version_42")
    server.wait_ready("version_42")

    async def get(*paths: str) -> list[bytes]:
        context = await aiocoap.Context.create_client_context()
        try:
            answers = []
            for path in paths:
                message = aiocoap.Message(code=aiocoap.GET, uri=f"coap://[::1]:{server.coap_port}/{path}")
                response = await context.request(message).response
                assert response.code == aiocoap.CONTENT
                answers.append(response.payload)
            return answers
        finally:
            await context.shutdown()

    *fetched, listing = asyncio.run(get(*(f"version_42/{role}" for role in ROLES), ".well-known/core"))
    assert fetched == [files[role] for role in ROLES]
    assert listing.count(b"</version_42/") == 3


def test_published_and_notified_by_the_command_line_and_fetched_through_loss(server: Server) -> None:
    with RiotDevice(host="::1") as six, RiotDevice(host="127.0.0.1") as four:
        done = publish_cli(server, "--json", *sample(), "version_42", six.url, four.url)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["published"] is True
        assert [(r["state"], r["code"]) for r in result["results"]] == [("accepted", "2.01")] * 2
        port = server.coap_port
        assert six.triggered == [f"coap://[::1]:{port}/version_42/manifest"]
        assert four.triggered == [f"coap://127.0.0.1:{port}/version_42/manifest"]
        assert [p[-1:] for p in six.payloads] == [b"\0"]
        url = urlsplit(six.triggered[0])
        assert (url.hostname, url.port) == ("::1", port)
        for role, name in zip(ROLES, ("riot.suit", "slot0", "slot1"), strict=True):
            data = (SAMPLE / f"{name}.1700000100.bin").read_bytes()
            path = url.path.strip("/").replace("manifest", role)
            assert fetch(("::1", port), path, loss=0.2, seed=len(data), ack_timeout=0.02, max_retransmit=12) == data


@pytest.mark.parametrize("same_port", [False, True])
def test_a_device_that_reboots_in_mid_transfer_begins_again(server: Server, same_port: bool) -> None:
    files = riot_release(server.folder / "v")
    server.wait_ready("v")
    roles = ("slot0", "slot1", "manifest", "slot0", "slot1", "slot0")

    def device(number: int) -> bytes:
        restart = Restart(5 * number + 1, same_port)
        address = ("::1", server.coap_port)
        return fetch(address, f"v/{roles[number]}", loss=0.1, seed=number, ack_timeout=0.05, max_retransmit=10, restart=restart)

    with ThreadPoolExecutor(len(roles)) as pool:
        for role, data in zip(roles, pool.map(device, range(len(roles))), strict=True):
            assert data == files[role]


def test_a_transfer_goes_on_with_the_image_that_it_began_with(server: Server) -> None:
    """Replaced, then removed, in mid-transfer; who asks anew gets the new one, then nothing."""
    old = write_release(server.folder / "v", seed=1, size=20_000)
    server.wait_ready("v")
    address = ("::1", server.coap_port)

    def sha(index: int = 1) -> str:
        answer = requests.get(f"{server.url}/api/v1/releases/v", timeout=60)
        return answer.json()["files"][index]["sha256"] if answer.ok else ""

    def replace(block: int) -> None:
        if block == 20:
            before = sha()
            new.update(write_release(server.folder / "v", seed=2, size=20_000))
            wait_until(lambda: sha() != before, what="the new image in the catalogue")
        if block == 40:
            shutil.rmtree(server.folder / "v")
            wait_until(lambda: not sha(), what="the end of the release")

    new: dict[str, bytes] = {}
    seen: list[bytes] = []

    def replace_and_look(block: int) -> None:
        replace(block)
        if block == 20:
            seen.append(fetch(address, "v/slot0"))

    assert fetch(address, "v/slot0", on_block=replace_and_look) == old["slot0"]
    assert seen == [new["slot0"]]
    with pytest.raises(FetchFailed) as failure:
        fetch(address, "v/slot0")
    assert failure.value.code == "4.04"


def test_notify_only_takes_the_newest_or_refuses(server: Server) -> None:
    with RiotDevice() as device:
        nothing = publish_cli(server, "--notify-only", device.url)
        assert nothing.returncode == 65
        assert publish_cli(server, *sample(1700000200), "newer").returncode == 0
        assert publish_cli(server, *sample(1700000100), "older").returncode == 0
        assert publish_cli(server, "--notify-only", device.url).returncode == 0
        assert publish_cli(server, "--notify-only", "--publish-id", "older", device.url).returncode == 0
        assert [urlsplit(u).path for u in device.triggered] == ["/newer/manifest", "/older/manifest"]
        write_release(server.folder / "opaque")
        server.wait_ready("opaque")
        refused = publish_cli(server, "--notify-only", device.url)
        assert refused.returncode == 65
        assert "newer" in refused.stderr
        assert "opaque" in refused.stderr
        assert publish_cli(server, "--notify-only", "--publish-id", "nothing", device.url).returncode == 66


def test_each_device_says_its_own(server: Server) -> None:
    """Accepted, refused and unreachable in one act; the exit status says that not all accepted."""
    riot_release(server.folder / "v")
    server.wait_ready("v")
    gone = "[::1]:9/suit/trigger"  # a port that nobody gets who wants any
    with (
        RiotDevice() as good,
        RiotDevice(Behaviour(put_only=True, riot=False)) as old,
        RiotDevice(Behaviour(answer=("4.13", b"too long"))) as refusing,
    ):
        own = f"[::1]:{server.coap_port}/suit/trigger"
        urls = [good.url, old.url, refusing.url, gone, "[ff02::1]/suit/trigger", own]
        done = publish_cli(server, "--json", "--notify-only", "--publish-id", "v", *urls)
        assert done.returncode == 75, done.stderr
        rows = json.loads(done.stdout)["results"]
        assert [r["state"] for r in rows] == ["accepted", "accepted", "refused", "unreachable", "refused", "refused"]
        assert [r["code"] for r in rows] == ["2.01", "2.04", "4.13", None, None, None]
        assert "too long" in rows[2]["message"]
        assert "closed" in rows[3]["message"]
        assert [p[-1:] for p in old.payloads] == [b"t", b"t"]  # POST, then PUT; no NUL for what is not RIOT


def test_prefer_respond_async_and_the_page_without_scripts(server: Server) -> None:
    riot_release(server.folder / "v")
    server.wait_ready("v")
    with RiotDevice() as device:
        data = {"publish_id": "v", "device_urls": device.url}
        later = requests.put(server.url + "/notify", data=data, headers={"Prefer": "respond-async"}, timeout=60)
        assert later.status_code == 202
        where = server.url + later.headers["Location"]
        wait_until(lambda: requests.get(where, params={"wait": "5"}, timeout=60).json()["results"][0]["state"] == "accepted")
        at_once = requests.post(server.url + "/notify", data=data, timeout=60)
        assert (at_once.status_code, at_once.json()["results"][0]["code"]) == (200, "2.01")
        page = requests.post(server.url + "/notify", data=data, headers={"Accept": "text/html"}, timeout=60)
        assert page.ok
        assert "/notifications/" in page.url


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"publish_id": "v"}, 400),
        ({"urls": "[::1]/x"}, 400),
        ({"publish_id": "v", "urls": ""}, 400),
        ({"publish_id": "v", "urls": "http://x/"}, 400),
        ({"publish_id": "v", "urls": "[::1"}, 400),
        ({"publish_id": "v", "urls": "[::1]/x", "nul": "perhaps"}, 400),
        ({"publish_id": "nothing", "urls": "[::1]/x"}, 404),
        ({"publish_id": "v", "urls": ",".join(f"10.0.0.1:{n}/x" for n in range(1, 1100))}, 400),
    ],
)
def test_a_notification_that_cannot_be(server: Server, form: dict[str, str], status: int) -> None:
    write_release(server.folder / "v")
    server.wait_ready("v")
    answer = requests.post(server.url + "/notify", data=form, timeout=60)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_a_folder_of_a_thousand_releases_follows_every_change(tmp_path: Path) -> None:
    for n in range(1000):
        write_release(tmp_path / "fw" / "many" / f"v{n}", seed=n, size=200)
    source = tmp_path / "source"
    riot_release(source)
    with running(tmp_path / "fw", tmp_path / "state") as server:
        server.wait_ready("many/v999")
        subprocess.run(["cp", "-r", str(source), str(server.folder / "copied")], check=True)
        server.wait_ready("copied")
        os.rename(source, server.folder / "moved")
        server.wait_ready("moved")
        shutil.rmtree(server.folder / "copied")
        wait_until(lambda: server.state_of("copied") == "gone")
        assert len(requests.get(server.url + "/api/v1/releases", timeout=60).json()["releases"]) == 1001
        page = requests.get(server.url + "/", timeout=60)
        assert page.ok
        assert requests.get(server.url + "/", headers={"If-None-Match": page.headers["ETag"]}, timeout=60).status_code == 304


def test_a_release_that_devices_could_not_fetch_is_not_announced(server: Server) -> None:
    riot_release(server.folder / "v")
    (server.folder / "v" / "slot0").write_bytes(b"other")
    wait_until(lambda: server.state_of("v") == "incomplete", what="the misfit to be seen")
    with RiotDevice() as device:
        done = publish_cli(server, "--notify-only", "--publish-id", "v", device.url)
        assert done.returncode == 65
        assert "incomplete" in done.stderr
        assert device.payloads == []


def test_a_publish_id_among_the_devices_tells_nobody(server: Server) -> None:
    riot_release(server.folder / "version_42")
    server.wait_ready("version_42")
    with RiotDevice() as device:
        done = publish_cli(server, "--notify-only", "version_42", device.url)
        assert done.returncode == 64
        assert "--publish-id version_42" in done.stderr
        assert device.payloads == []
