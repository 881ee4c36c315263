"""All that a RIOT user does is `make suit/publish`: the files come into the folder, and a device updates by what they say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from common.manifest import parse
from tests.fakes.riot_device import RiotDevice
from tests.fakes.riot_fetch import FetchFailed, fetch
from tests.support.releases import SAMPLE
from tests.support.server import Server, running
from tests.waiting import wait_until

BOARD = "fw/sample/samr21-xpro"
OLD, NEW = 1700000100, 1700000200
ROLES = ("manifest", "slot0", "slot1")
NAMES = ("riot.suit.{}.bin", "slot0.{}.bin", "slot1.{}.bin")
OLD_NAMES = ("sample-riot.suitv4_signed.{}.bin", "sample-slot0.{}.riot.bin", "sample-slot1.{}.riot.bin")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        yield server


def files(version: int) -> dict[str, bytes]:
    """What is to arrive, by role."""
    return {role: (SAMPLE / name.format(version)).read_bytes() for role, name in zip(ROLES, NAMES, strict=True)}


def make_suit_publish(server: Server, version: int, after_manifest: Callable[[], None] = lambda: None) -> str:
    """What RIOT's make does with SUIT_COAP_FSROOT: `cp` of manifest, its copy as the latest, slot0, slot1; the publish id."""
    folder = server.folder / BOARD
    folder.mkdir(parents=True, exist_ok=True)
    manifest, *slots = (name.format(version) for name in NAMES)
    shutil.copyfile(SAMPLE / manifest, folder / manifest)
    shutil.copyfile(SAMPLE / manifest, folder / "riot.suit.latest.bin")
    after_manifest()
    for name in slots:
        shutil.copyfile(SAMPLE / name, folder / name)
    return f"{BOARD}/{version}"


def publish(server: Server, publish_id: str, parts: dict[str, bytes], **form: str) -> dict[str, Any]:
    answer = requests.post(server.url + "/publish", data={"publish_id": publish_id, **form}, files=parts, timeout=60)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def act(server: Server, verb: str, publish_id: str) -> str:
    """Withdraw or restore it; its state then."""
    answer = requests.post(f"{server.url}/{verb}", json={"publish_id": publish_id}, timeout=60)
    assert answer.ok, answer.text
    return str(answer.json()["state"])


def asked(server: Server, path: str, on_block: Callable[[int], None] | None = None) -> bytes:
    return fetch(("::1", server.coap_port), path, on_block=on_block)


def refusal(server: Server, path: str) -> str | None:
    with pytest.raises(FetchFailed) as failure:
        asked(server, path)
    return failure.value.code


def image_paths(manifest: bytes) -> list[str]:
    """Where a device asks for the images: the paths of the URIs that were signed."""
    read = parse(manifest)
    assert read is not None
    return [urlsplit(image.uri or "").path.lstrip("/") for image in read.images]


def update(server: Server, publish_id: str) -> list[bytes]:
    """A device is told of the release, and fetches the manifest and what that names: manifest, slot0, slot1."""
    with RiotDevice() as device:
        answer = requests.post(server.url + "/notify", data={"publish_id": publish_id, "urls": device.url}, timeout=60)
        assert [r["state"] for r in answer.json()["results"]] == ["accepted"], answer.text
        url = urlsplit(device.triggered[0])
    assert url.port == server.coap_port
    manifest = asked(server, url.path.lstrip("/"))
    return [manifest, *(asked(server, path) for path in image_paths(manifest))]


def expected(version: int) -> list[bytes]:
    return [*files(version).values()]


def test_a_device_updates_by_what_make_copied_and_by_the_newer_one_then(server: Server) -> None:
    publish_id = f"{BOARD}/{OLD}"

    def half() -> None:
        wait_until(lambda: server.state_of(publish_id) == "incomplete", what="the manifest to be seen")
        assert refusal(server, f"{publish_id}/manifest") == "4.04"
        assert refusal(server, f"{BOARD}/riot.suit.latest.bin") == "4.04"

    assert make_suit_publish(server, OLD, after_manifest=half) == publish_id
    server.wait_ready(publish_id)
    assert update(server, publish_id) == expected(OLD)
    manifest = files(OLD)["manifest"]
    for path in (f"{BOARD}/riot.suit.{OLD}.bin", f"{BOARD}/latest/manifest", f"{BOARD}/riot.suit.latest.bin"):
        assert asked(server, path) == manifest
    newer = make_suit_publish(server, NEW)
    server.wait_ready(newer)
    assert update(server, newer) == expected(NEW)
    assert update(server, publish_id) == expected(OLD)
    for path in (f"{BOARD}/latest/manifest", f"{BOARD}/riot.suit.latest.bin"):
        assert asked(server, path) == files(NEW)["manifest"]
    listed = requests.get(server.url + "/api/v1/releases", timeout=60).json()
    assert listed["problems"] == []
    assert {r["publish_id"]: (r["state"], r["forced"], r["sequence_number"], r["board"]) for r in listed["releases"]} == {
        publish_id: ("ready", False, OLD, "samr21-xpro"),
        newer: ("ready", False, NEW, "samr21-xpro"),
    }


def test_a_manifest_works_wherever_it_is_published_and_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        release = publish(server, "lab/version_42", files(OLD))
        assert [f["also_served_at"] for f in release["files"]][1:] == [[f"{BOARD}/slot{n}.{OLD}.bin"] for n in (0, 1)]
        assert update(server, "lab/version_42") == expected(OLD)
        publish(server, "lab/version_43", files(NEW))
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        assert update(server, "lab/version_42") == expected(OLD)
        assert update(server, "lab/version_43") == expected(NEW)
        assert asked(server, "lab/latest/manifest") == files(NEW)["manifest"]
        server.wait_ready(make_suit_publish(server, OLD))  # now there are real files at these paths
        requests.delete(server.url + "/api/v1/releases/lab/version_42", timeout=60).raise_for_status()
        assert update(server, f"{BOARD}/{OLD}") == expected(OLD)
        assert requests.get(server.url + "/api/v1/releases", timeout=60).json()["problems"] == []


def test_a_withdrawn_version_ends_for_those_who_come_and_not_for_those_under_way(tmp_path: Path) -> None:
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        server.wait_ready(make_suit_publish(server, OLD))
        server.wait_ready(publish_id := make_suit_publish(server, NEW))
        path = image_paths(files(NEW)["manifest"])[0]
        seen: list[str | None] = []

        def withdraw(block: int) -> None:
            if block == 3:
                seen.extend([act(server, "withdraw", publish_id), refusal(server, path)])

        assert asked(server, path, withdraw) == files(NEW)["slot0"]
        assert seen == ["withdrawn", "4.04"]
        for gone in (f"{publish_id}/manifest", f"{BOARD}/riot.suit.{NEW}.bin", f"{BOARD}/riot.suit.latest.bin"):
            assert refusal(server, gone) == "4.04"
        assert asked(server, f"{BOARD}/latest/manifest") == files(OLD)["manifest"]
        told = requests.post(server.url + "/notify", data={"publish_id": publish_id, "urls": "[::1]:9/x"}, timeout=60)
        assert told.status_code == 400
    with running(tmp_path / "firmware", tmp_path / "state") as server:
        assert server.state_of(publish_id) == "withdrawn"
        assert refusal(server, path) == "4.04"
        assert act(server, "restore", publish_id) == "ready"
        assert update(server, publish_id) == expected(NEW)
        assert asked(server, f"{BOARD}/latest/manifest") == files(NEW)["manifest"]


def test_marks_made_by_hand_are_seen_at_once(server: Server) -> None:
    server.wait_ready(make_suit_publish(server, OLD))
    server.wait_ready(publish_id := make_suit_publish(server, NEW))
    folder = server.folder / BOARD
    for mark in (folder / f".withdrawn.{NEW}", folder / ".withdrawn"):
        mark.touch()
        wait_until(lambda: server.state_of(publish_id) == "withdrawn", what=f"{mark.name} to be seen")
        assert server.state_of(f"{BOARD}/{OLD}") == ("ready" if mark.suffix == f".{NEW}" else "withdrawn")
        mark.unlink()
        wait_until(lambda: server.state_of(publish_id) == "ready", what=f"the end of {mark.name} to be seen")


def test_what_does_not_fit_is_served_when_it_is_forced(server: Server) -> None:
    publish_id = make_suit_publish(server, OLD)
    server.wait_ready(publish_id)
    spoilt = files(OLD)["slot1"] + b"more"
    (server.folder / BOARD / f"slot1.{OLD}.bin").write_bytes(spoilt)
    wait_until(lambda: server.state_of(publish_id) == "incomplete", what="the misfit to be seen")
    assert refusal(server, f"{publish_id}/manifest") == "4.04"
    (server.folder / BOARD / f".forced.{OLD}").touch()
    wait_until(lambda: server.state_of(publish_id) == "ready", what="the mark to be seen")
    assert update(server, publish_id) == [*expected(OLD)[:2], spoilt]
    shown = requests.get(f"{server.url}/api/v1/releases/{publish_id}", timeout=60).json()
    assert (shown["forced"], shown["findings"][0]["code"]) == (True, "size-mismatch")
    by_hand = publish(server, "forced", {**files(NEW), "slot0": b"another"}, force="1")
    assert (by_hand["forced"], by_hand["state"]) == (True, "ready")
    assert (server.folder / "forced" / ".forced").exists()


def test_the_names_of_2019_are_a_release_too(server: Server) -> None:
    folder = server.folder / "fw" / "samr21-xpro"
    folder.mkdir(parents=True)
    for name, old in zip(NAMES, OLD_NAMES, strict=True):
        shutil.copyfile(SAMPLE / name.format(OLD), folder / old.format(OLD))
    server.wait_ready(f"fw/samr21-xpro/{OLD}")
    assert update(server, f"fw/samr21-xpro/{OLD}") == expected(OLD)
    assert asked(server, "fw/samr21-xpro/latest/manifest") == files(OLD)["manifest"]
