"""RIOT's build of 2019 and its forks publish with curl: every call as in their makefiles, and devices get the files."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import cbor2
import pytest

from common.manifest import parse
from tests.fakes.riot_device import Behaviour, RiotDevice
from tests.fakes.riot_fetch import fetch
from tests.support import coap
from tests.support.releases import SAMPLE, image
from tests.support.server import Server, running

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing: apt-get install curl")
APP, BOARD, VERSION = "suit_update", "samr21-xpro", 1557135946
PUBLISH_ID = f"{BOARD}_{APP}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "served", tmp_path / "state") as server:
        yield server


def curl(*arguments: str) -> str:
    """What the makefile's line prints."""
    return subprocess.run(["curl", "-s", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


@dataclass(frozen=True)
class Build:
    """What lies in the build's bin folder when it publishes: paths, which are also the names of the form's fields."""

    signed: Path
    slot0: Path
    slot1: Path
    unsigned: Path | None = None

    def fields(self) -> list[str]:
        paths = [p for p in (self.unsigned, self.signed, self.slot0, self.slot1) if p is not None]
        return [word for path in paths for word in ("-F", f"{path}=@{path}")]


def suit_v4(root: str, slots: dict[str, bytes], version: int, signed: bool = True) -> bytes:
    """An envelope of draft-04 as RIOT wrote it then: member 1 is a COSE_Sign (tag 98) in a byte string, 2 the manifest in one."""
    sign = [cbor2.dumps({3: 42}), {}, b"", [[cbor2.dumps({1: -8}), {4: image(32, 3)}, image(64, 4)]]]
    images = [
        [11, 0, 16, {6: cbor2.dumps([[0, f"{root}/{name}"]]), 11: cbor2.dumps([1, data[:32]]), 12: len(data)}, 20, None]
        for name, data in slots.items()
    ]
    manifest = {1: 1, 2: version, 4: [{1: [b"00"]}], 9: cbor2.dumps([{14: cbor2.dumps(i)} for i in images])}
    wrapper = cbor2.dumps(cbor2.CBORTag(98, sign)) if signed else None
    return cbor2.dumps({1: wrapper, 2: cbor2.dumps(manifest)})


def build(folder: Path, root: str, version: int = VERSION, manifest: bytes | None = None) -> Build:
    """What `make` leaves in bin/<board>, with names as they were in 2019; `manifest` in place of one of draft-04."""
    bin_folder = folder / "bin" / BOARD
    bin_folder.mkdir(parents=True, exist_ok=True)
    images = {f"{APP}-slot{n}.{version}.riot.bin": image(30_000 + 16 * n, version + n) for n in (0, 1)}
    paths = {name: bin_folder / name for name in images}
    for name, data in images.items():
        paths[name].write_bytes(data)
    signed, unsigned = (bin_folder / f"{APP}-riot.suitv4{part}.{version}.bin" for part in ("_signed", ""))
    signed.write_bytes(manifest or suit_v4(root, images, version))
    unsigned.write_bytes(suit_v4(root, images, version, signed=False))
    return Build(signed, *paths.values(), unsigned)


def sample(version: int = 1700000100) -> Build:
    """What the build of today leaves, published by such a makefile all the same."""
    return Build(*(SAMPLE / f"{name}.{version}.bin" for name in ("riot.suit", "slot0", "slot1")))


def follow(server: Server, url: str) -> bytes:
    """What a device gets at a URL that it was told of."""
    parts = urlsplit(url)
    assert parts.port == server.coap_port
    return fetch((str(parts.hostname), server.coap_port), parts.path.strip("/"))


def code(server: Server, path: str) -> str:
    with coap.peer(server.coap_port) as sock:
        return coap.ask(sock, coap.get(path)).dotted_code


OPAQUE = b"a manifest of a dialect that nobody reads here"
MANIFESTS = pytest.mark.parametrize("manifest", [pytest.param(OPAQUE, id="opaque"), pytest.param(None, id="suitv4")])


@MANIFESTS
@pytest.mark.parametrize("how", ["signed alone", "unsigned beside it"])
def test_publish_notify_and_fetch(server: Server, tmp_path: Path, manifest: bytes | None, how: str) -> None:
    root = curl("-X", "GET", f"{server.url}/coap/url/{PUBLISH_ID}")
    assert root == f"coap://127.0.0.1:{server.coap_port}/{PUBLISH_ID}"
    made = build(tmp_path, root, manifest=manifest)
    if how == "signed alone":
        made = Build(made.signed, made.slot0, made.slot1)

    body, status = curl(
        "-w", "\n%{http_code}", "-X", "POST", "-F", f"publish_id={PUBLISH_ID}", *made.fields(), f"{server.url}/publish"
    ).rsplit("\n", 1)
    assert status == "201", body
    assert (json.loads(body)["publish_id"], json.loads(body)["state"]) == (PUBLISH_ID, "ready")

    with RiotDevice(host="::1") as device:
        client = f"[{device.host}]:{device.port}"
        form = ["-F", f"publish_id={PUBLISH_ID}", "-F", f"urls={client}", "-F", "version=latest"]
        told = json.loads(curl("-X", "POST", *form, f"{server.url}/notify"))
        assert [r["state"] for r in told["results"]] == ["accepted"]
        [url] = device.triggered
    assert follow(server, url) == made.signed.read_bytes()
    for name, path in (("slot0", made.slot0), ("slot1", made.slot1)):
        assert follow(server, url.replace("manifest", name)) == path.read_bytes()


def test_the_images_are_where_the_manifest_sends_the_device(server: Server, tmp_path: Path) -> None:
    """The build writes `<coap url>/<file name>` into the manifest, whose bytes nobody may change."""
    root = curl(f"{server.url}/coap/url/{PUBLISH_ID}")
    made = build(tmp_path, root, manifest=OPAQUE)
    curl("-X", "POST", "-F", f"publish_id={PUBLISH_ID}", *made.fields(), f"{server.url}/publish")
    for path in (made.slot0, made.slot1):
        assert code(server, f"{PUBLISH_ID}/{path.name}") == "2.05"


def test_a_manifest_of_today(server: Server) -> None:
    made = sample()
    answer = json.loads(curl("-X", "POST", "-F", f"publish_id={PUBLISH_ID}", *made.fields(), f"{server.url}/publish"))
    assert (answer["state"], answer["sequence_number"], answer["board"]) == ("ready", 1700000100, BOARD)
    with RiotDevice(Behaviour(put_only=True), host="127.0.0.1") as device:
        form = ["-F", f"publish_id={PUBLISH_ID}", "-F", f"urls={device.host}:{device.port}"]
        told = json.loads(curl("-X", "POST", *form, f"{server.url}/notify"))
        assert [r["state"] for r in told["results"]] == ["accepted"]
        url = next(payload.rstrip(b"\0").decode() for payload in device.payloads)
    manifest = parse(follow(server, url))
    assert manifest is not None
    for claim, path in zip(manifest.images, (made.slot0, made.slot1), strict=True):
        assert claim.uri is not None
        assert fetch(("127.0.0.1", server.coap_port), urlsplit(claim.uri).path.strip("/")) == path.read_bytes()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("notify", ["-F", "publish_id=v", "-F", "urls={}"]),
        ("notify", ["-F", "publish_id=v", "-F", "urls={}", "-F", "version=1700000100"]),
        ("notifyv4", ["-F", "publish_id=v", "-F", "urls={}"]),
        ("notify", ["-d", "publish_id=v", "--data-urlencode", "device_urls={}"]),
    ],
)
def test_every_way_to_notify(server: Server, path: str, fields: list[str]) -> None:
    curl("-F", "publish_id=v", *sample().fields(), f"{server.url}/publish")
    with RiotDevice(host="::1") as device:
        told = json.loads(curl("-X", "POST", *(f.format(device.url) for f in fields), f"{server.url}/{path}"))
        assert [r["state"] for r in told["results"]] == ["accepted"]
        assert device.triggered == [f"coap://[::1]:{server.coap_port}/v/manifest"]


def test_a_version_below_the_publish_id(server: Server) -> None:
    """Where each version is published under an id of its own, the two fields name it together."""
    for version in (1700000100, 1700000200):
        curl("-F", f"publish_id={PUBLISH_ID}/{version}", *sample(version).fields(), f"{server.url}/publish")
    with RiotDevice(host="::1") as device:
        form = ["-F", f"publish_id={PUBLISH_ID}", "-F", f"urls={device.url}", "-F", "version=1700000100"]
        told = json.loads(curl("-X", "POST", *form, f"{server.url}/notify"))
        assert told["publish_id"] == f"{PUBLISH_ID}/1700000100"
    asked = json.dumps({"publish_id": PUBLISH_ID, "version": 1700000200})
    assert json.loads(curl("-X", "POST", "-d", asked, f"{server.url}/remove")) == {"removed": f"{PUBLISH_ID}/1700000200"}
    assert server.state_of(f"{PUBLISH_ID}/1700000100") == "ready"
    assert server.state_of(f"{PUBLISH_ID}/1700000200") == "gone"


@pytest.mark.parametrize("header", [["-H", "Content-Type: application/json"], []])
@pytest.mark.parametrize("version", [VERSION, str(VERSION)])
def test_remove(server: Server, tmp_path: Path, header: list[str], version: int | str) -> None:
    """The original page sends the version as a number, and curl calls JSON a form."""
    made = build(tmp_path, "coap://[::1]", manifest=OPAQUE)
    curl("-X", "POST", "-F", f"publish_id={PUBLISH_ID}", *made.fields(), f"{server.url}/publish")
    assert code(server, f"{PUBLISH_ID}/slot0") == "2.05"
    asked = json.dumps({"publish_id": PUBLISH_ID, "version": version})
    assert json.loads(curl("-X", "POST", *header, "-d", asked, f"{server.url}/remove")) == {"removed": PUBLISH_ID}
    assert code(server, f"{PUBLISH_ID}/slot0") == "4.04"
    assert json.loads(curl("-X", "POST", *header, "-d", asked, f"{server.url}/remove"))["error"] == "release-not-found"


@pytest.mark.parametrize(
    "name",
    ["riot.suit.5.bin", "app-riot.suit.5.bin", "app-riot.suitv3_signed.5.bin", "bin/b/app-riot.suitv4_signed.latest.bin",
     "/home/me/app-slot0/bin/b/app-riot.suit_signed.5.bin", "manifest", "manifest.bin", "x/manifest.suit"],
)  # fmt: skip
def test_what_manifests_have_been_called(server: Server, tmp_path: Path, name: str) -> None:
    for role in ("manifest", "slot0"):
        (tmp_path / role).write_bytes(role.encode())
    parts = ["-F", f"{name}=@{tmp_path}/manifest", "-F", f"app-slot0.5.riot.bin=@{tmp_path}/slot0"]
    assert json.loads(curl("-F", "publish_id=named", *parts, f"{server.url}/publish"))["state"] == "ready"
    assert (server.folder / "named" / "manifest").read_bytes() == b"manifest"


def test_the_unsigned_manifest_is_what_is_left_where_there_is_no_other(server: Server, tmp_path: Path) -> None:
    made = build(tmp_path, "coap://[::1]", manifest=OPAQUE)
    assert made.unsigned is not None
    made.unsigned.write_bytes(b"unsigned")
    alone = Build(made.unsigned, made.slot0, made.slot1)
    curl("-F", "publish_id=early", *alone.fields(), f"{server.url}/publish")
    curl("-F", "publish_id=late", *made.fields(), f"{server.url}/publish")
    assert (server.folder / "early" / "manifest").read_bytes() == b"unsigned"
    assert (server.folder / "late" / "manifest").read_bytes() == OPAQUE
