"""A device that would rather wait: aiocoap observes the real server, and gets what is published."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

import requests
from aiocoap import GET, Context, Message

from tests.support.releases import suit_release, write_release
from tests.support.server import Server, running
from tests.waiting import wait_until

PATIENCE = 30


def observers(server: Server) -> int:
    """How many the server counts."""
    page = requests.get(f"{server.url}/metrics", timeout=60).text
    return next(int(float(line.split()[1])) for line in page.splitlines() if line.startswith("ota_coap_observers "))


def replaced(path: Path, data: bytes) -> None:
    """As a careful program writes a file."""
    part = path.with_name(f".{path.name}")
    part.write_bytes(data)
    os.replace(part, path)


def test_aiocoap_observes_a_manifest_and_the_latest_one(tmp_path: Path) -> None:
    folder = tmp_path / "fw"
    first = suit_release(folder / "board" / "1", 1)["manifest"]
    other = write_release(folder / "other" / "1")["manifest"]

    async def watch(server: Server) -> tuple[list[bytes], list[bytes]]:
        context = await Context.create_client_context()
        base = f"coap://[::1]:{server.coap_port}"
        latest = context.request(Message(code=GET, uri=f"{base}/board/latest/manifest", observe=0))
        one = context.request(Message(code=GET, uri=f"{base}/other/1/manifest", observe=0))
        seen = [(await asyncio.wait_for(r.response, PATIENCE)).payload for r in (latest, one)]
        assert seen == [first, other]
        told: list[list[bytes]] = [[], []]

        async def collect(number: int, observation: object, count: int) -> None:
            async for message in observation:  # type: ignore[attr-defined]
                told[number].append(message.payload)
                if len(told[number]) == count:
                    return

        async def change() -> list[bytes]:
            published = []
            for number in (2, 3):
                published.append(suit_release(folder / "board" / str(number), number, seed=number)["manifest"])
                await asyncio.to_thread(server.wait_ready, f"board/{number}")
                await asyncio.to_thread(wait_until, lambda: told[0] == published, PATIENCE, "the latest manifest to be told")
            replaced(folder / "other" / "1" / "manifest", large)
            return published

        large = bytes(range(256)) * 20
        published, *_ = await asyncio.wait_for(
            asyncio.gather(change(), collect(0, latest.observation, 2), collect(1, one.observation, 1)), 4 * PATIENCE
        )
        assert observers(server) == 2
        assert told[1] == [large]
        latest.observation.cancel()  # aiocoap acknowledges one more, then it resets
        for number in itertools.count(4):
            suit_release(folder / "board" / str(number), number)
            await asyncio.to_thread(server.wait_ready, f"board/{number}")
            if observers(server) == 1:
                break
            await asyncio.sleep(0.5)
        await context.shutdown()
        return told[0], published

    with running(folder, tmp_path / "state") as server:
        server.wait_ready("board/1")
        server.wait_ready("other/1")
        told, published = asyncio.run(watch(server))
        assert told == published
