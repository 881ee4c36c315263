"""A device that is no RIOT device, written with aiocoap: it has no slots to show, and a resource that says what runs on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiocoap
import pytest
import requests
from aiocoap import resource

from common.device import Device, UpdateState
from tests.support.ports import free_port
from tests.support.releases import write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

ADDRESS = "127.8.0.1"


class Node:
    """Fetches what it is told of, and then runs it: or something else, by its own account."""

    def __init__(self, runs: str | None) -> None:
        self.version, self._runs = "0", runs
        self.context: aiocoap.Context | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def site(self) -> resource.Site:
        node = self

        class Trigger(resource.Resource):  # type: ignore[misc]
            async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
                task = asyncio.create_task(node.update(request.payload.rstrip(b"\0").decode()))
                node._tasks.add(task)
                return aiocoap.Message(code=aiocoap.CHANGED)

        class Version(resource.Resource):  # type: ignore[misc]
            async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:  # noqa: ARG002
                return aiocoap.Message(payload=node.version.encode())

        site = resource.Site()
        site.add_resource(["fw", "update"], Trigger())
        site.add_resource(["fw", "version"], Version())
        site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
        return site

    async def update(self, url: str) -> None:
        assert self.context is not None
        for path in (url, url.replace("/manifest", "/slot0")):
            answer = await self.context.request(aiocoap.Message(code=aiocoap.GET, uri=path)).response
            assert answer.code == aiocoap.CONTENT
        self.version = self._runs or urlsplit(url).path.split("/")[-2]


def device(server: Server) -> Device | None:
    found = requests.get(f"{server.url}/api/v1/devices", timeout=60).json()["devices"]
    return next((Device.from_json(d) for d in found if d["device"] == ADDRESS), None)


@pytest.mark.parametrize(
    ("runs", "state", "why"),
    [
        (None, UpdateState.CONFIRMED, "Its version resource shows the release."),
        ("something else", UpdateState.FAILED, "It has all blocks, and the old slot is still active"),
    ],
)
def test_its_version_resource_is_the_proof(tmp_path: Path, runs: str | None, state: UpdateState, why: str) -> None:
    flags = ("--coap-bind", "127.0.0.1", "--version-path", "/fw/version", "--patience", "8" if runs else "60")
    with running(tmp_path / "fw", tmp_path / "state", *flags) as server:
        write_release(server.folder / "app" / "v9")
        server.wait_ready("app/v9")

        def told_and_judged() -> Device:
            form = {"publish_id": "app/v9", "urls": f"{ADDRESS}:{port}/fw/update"}
            assert requests.post(f"{server.url}/notify", data=form, timeout=120).json()["results"][0]["state"] == "accepted"
            wait_until(lambda: (d := device(server)) is not None and d.update is not None and d.update.over, 120, "the verdict")
            found = device(server)
            assert found is not None
            return found

        async def live() -> Device:
            node = Node(runs)
            node.context = context = await aiocoap.Context.create_server_context(node.site(), bind=(ADDRESS, port))
            try:
                return await asyncio.get_running_loop().run_in_executor(None, told_and_judged)
            finally:
                await context.shutdown()

        port = free_port()
        judged = asyncio.run(live())
        assert judged.update is not None
        assert (judged.update.publish_id, judged.update.state, judged.completed) == ("app/v9", state, "app/v9")
        assert why in judged.update.reason
        wait_until(lambda: "served" in requests.get(f"{server.url}/api/v1/history.csv", timeout=60).text, what="the history")
