"""A rehearsal against the real server: twenty devices over a bad radio, most of them with something wrong."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.conftest import SAMPLES
from tests.support import made, suit
from tests.support.releases import SIGNER, riot_release
from tests.support.server import ROOT, Server, running

NUMBER = 1700000300
BOARD = "samr21-xpro"
ENDS = {
    # fault: how it ends, the number on the console, the slot that runs
    "bad-signature": ("failed", -6, 0),
    "old-sequence": ("failed", -5, 0),
    "wrong-class": ("failed", -4, 0),
    "digest": ("failed", -7, 0),
    "no-memory": ("failed", -9, 0),
    "power-loss": ("lost-power", None, 0),
    "radio-dies": ("radio-dead", None, 0),
    "never-fetches": ("nothing-asked", None, 0),
    "no-answer": ("not-answered", None, 0),
    "refuses": ("refused", None, 0),
    "wrong-path": ("failed", None, 0),
    "no-reboot": ("not-rebooted", None, 0),
    "dies-after-reboot": ("dead", None, 1),
    "no-proof": ("updated", None, 1),
}


@contextmanager
def rehearsing(*flags: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A rehearsal that listens, and its devices' URLs; it is ended where it has not ended."""
    command = [sys.executable, "-m", "server.rehearsal", "--json", *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            count = int(flags[flags.index("--count") + 1]) if "--count" in flags else 1
            yield process, [json.loads(process.stdout.readline())["url"] for _ in range(count)]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)


def notify(server: Server, publish_id: str, urls: Sequence[str]) -> None:
    form = {"publish_id": publish_id, "urls": ",".join(urls)}
    answer = requests.post(f"{server.url}/notify", data=form, headers={"Prefer": "respond-async"}, timeout=60)
    assert answer.status_code == 202, answer.text


def events(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """All that it says until it ends."""
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout]


def release(server: Server, publish_id: str) -> None:
    """A signed release whose image URIs name this very server."""
    folder = server.folder / publish_id
    folder.mkdir(parents=True)
    base = f"coap://127.0.0.1:{server.coap_port}/{publish_id}"
    starts = zip(made.STARTS, made.OFFSETS, strict=True)
    slots = [suit.Slot(made.image(start, NUMBER, 4000), at, f"{base}/slot{n}") for n, (start, at) in enumerate(starts)]
    (folder / "manifest").write_bytes(suit.draft_09(suit.riot_body(slots, NUMBER, BOARD), SIGNER))
    for n, slot in enumerate(slots):
        (folder / f"slot{n}").write_bytes(slot.data)
    server.wait_ready(publish_id)


def keys(folder: Path, pem: bytes) -> str:
    folder.mkdir()
    (folder / "signer.pem").write_bytes(pem)
    return str(folder)


def test_twenty_devices_over_a_bad_radio_each_end_as_they_must(tmp_path: Path) -> None:
    trusted = keys(tmp_path / "keys", SIGNER.public_pem)
    flags = ["--count", "20", "--address", "127.1.0.1", "--port", "0", "--loss", "0.15", "--delay", "0.01", "--speed", "50"]
    flags += ["--block", "128", "--trust-keys", trusted, "--until-done", "--nul-bug", "--seed", "3"]
    flags += [word for fault in ENDS for word in ("--fault", fault)]
    with running(tmp_path / "fw", tmp_path / "state") as server, rehearsing(*flags) as (process, urls):
        release(server, "fw/v300")
        notify(server, "fw/v300", urls)
        said = events(process)
        assert process.wait(30) == 0
    settled = {event["device"]: event for event in said if event["event"] == "settled"}
    expected = [*ENDS.values(), *[("updated", None, 1)] * (20 - len(ENDS))]
    found = [settled[f"127.1.0.{n}"] for n in range(1, 21)]
    assert [(event["end"], event["error"], event["slot"]) for event in found] == expected
    assert all(event["version"] == NUMBER for event in found if event["slot"] == 1)


def test_riots_own_sample_is_taken_from_a_server_that_stands_for_the_one_that_it_names(tmp_path: Path) -> None:
    trusted = keys(tmp_path / "keys", (SAMPLES / "public-key.pem").read_bytes())
    with running(tmp_path / "fw", tmp_path / "state") as server:
        riot_release(server.folder / "fw" / "v100")
        server.wait_ready("fw/v100")
        flags = ["--port", "0", "--address", "127.1.1.1", "--speed", "100", "--until-done"]
        flags += ["--server", f"127.0.0.1:{server.coap_port}"]
        with rehearsing(*flags, "--trust-keys", trusted) as (process, urls):
            notify(server, "fw/v100", urls)
            said = events(process)
            assert process.wait(30) == 0
    assert (said[-1]["end"], said[-1]["slot"], said[-1]["version"]) == ("updated", 1, 1700000100)
    fetched = [event["url"].rpartition("/")[2] for event in said if event["event"] == "fetching"]
    assert fetched == ["manifest", "slot1.1700000100.bin"]
    assert [event["event"] for event in said][-3:] == ["rebooting", "running", "settled"]


def test_a_port_that_is_taken_and_an_address_that_is_not_here_are_said_in_a_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.1.2.1", 0))
        port = str(taken.getsockname()[1])
        told = {
            ("--address", "127.1.2.1", "--port", port): "the port is taken there",
            ("--address", "192.0.2.1"): "does not have the address",
            ("--address", "here"): "takes an address",
            ("--trust-keys", "/nowhere"): "cannot be read",
        }
        for flags, sentence in told.items():
            command = [sys.executable, "-m", "server.rehearsal", *flags]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 78
            assert sentence in done.stderr
            assert "Traceback" not in done.stderr
