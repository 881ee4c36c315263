"""Simulated devices beside a real server, and a release that they take."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import requests

from tests.support import made, suit
from tests.support.releases import SIGNER
from tests.support.server import ROOT, Server

RELEASE = "fw/sample/samr21-xpro/1700000300"
NUMBER = 1700000300


def release(server: Server, size: int) -> None:
    """A signed release whose image URIs name this very server."""
    folder = server.folder / RELEASE
    folder.mkdir(parents=True)
    base = f"coap://127.0.0.1:{server.coap_port}/{RELEASE}"
    starts = zip(made.STARTS, made.OFFSETS, strict=True)
    slots = [suit.Slot(made.image(start, NUMBER, size), at, f"{base}/slot{n}") for n, (start, at) in enumerate(starts)]
    (folder / "manifest").write_bytes(suit.draft_09(suit.riot_body(slots, NUMBER, "samr21-xpro"), SIGNER))
    for n, slot in enumerate(slots):
        (folder / f"slot{n}").write_bytes(slot.data)
    server.wait_ready(RELEASE)


@contextmanager
def rehearsing(address: str, count: int, *flags: str) -> Iterator[list[str]]:
    """Simulated devices; yields their URLs."""
    command = [sys.executable, "-m", "server.rehearsal", "--json", "--address", address, "--port", "0", "--count", str(count)]
    with subprocess.Popen([*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = [json.loads(process.stdout.readline())["url"] for _ in range(count)]
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        try:
            yield urls
        finally:
            process.terminate()
            reader.join()


def notify(server: Server, urls: Sequence[str]) -> str:
    form = {"publish_id": RELEASE, "urls": ",".join(urls)}
    answer = requests.post(f"{server.url}/notify", data=form, headers={"Prefer": "respond-async"}, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
