"""Two gateways share one set of releases by Syncthing or rsync: what is published at one is served whole at the other, or not."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support import documents, made, suit
from tests.support.coap import ask, block2, fetch, get, peer
from tests.support.releases import image, write_release
from tests.support.server import Server, running
from tests.support.syncthing import Syncthing, two_syncthings
from tests.waiting import wait_until

KIB_PER_SECOND = 800
SLOT0, SLOT1 = 200_000, 1_200_000
ROLES = ("manifest", "slot0", "slot1")


def signed(number: int) -> dict[str, bytes]:
    """A release with a signed manifest, and images that take seconds on their way."""
    slots = [
        suit.Slot(made.image(start, number, size, number), offset, f"coap://[fd00::1]/fw/{number}/slot{n}.bin")
        for n, (start, offset, size) in enumerate(zip(made.STARTS, made.OFFSETS, (SLOT0, SLOT1), strict=True))
    ]
    manifest = suit.draft_09(suit.riot_body(slots, number, f"board-{number}"), made.SIGNER)
    return {"manifest": manifest, "slot0": slots[0].data, "slot1": slots[1].data}


@dataclass
class Sites:
    """Two gateways, and what keeps their folders equal."""

    here: Server
    there: Server
    from_here: Syncthing
    to_there: Syncthing


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    top = tmp_path_factory.mktemp("syncthing")
    with running(top / "here", top / "state-here") as here, running(top / "there", top / "state-there") as there:
        with two_syncthings(here.folder, there.folder, top / "homes", KIB_PER_SECOND) as (from_here, to_there):
            yield Sites(here, there, from_here, to_there)


def publish(server: Server, publish_id: str, files: dict[str, bytes]) -> None:
    answer = requests.post(f"{server.url}/publish", data={"publish_id": publish_id}, files=files, timeout=60)
    assert answer.status_code == 201, answer.text


def codes(server: Server, publish_id: str) -> set[str]:
    """What a device is answered that asks for the beginning of each file."""
    with peer(server.coap_port) as sock:
        paths = (f"{publish_id}/{role}" for role in ROLES)
        return {ask(sock, get(path, block2(0, 6), mid=n)).dotted_code for n, path in enumerate(paths)}


def is_whole(folder: Path, files: dict[str, bytes]) -> bool:
    return all((folder / role).is_file() and (folder / role).read_bytes() == data for role, data in files.items())


def arrives(server: Server, publish_id: str, files: dict[str, bytes]) -> set[str]:
    """Wait until the release is served, which it is never before all of it is there; the states in which it was until then."""
    seen = set()

    def served() -> bool:
        state, answered = server.state_of(publish_id), codes(server, publish_id)
        if state != "ready" and answered == {"4.04"}:
            seen.add(state)
            return False
        assert is_whole(server.folder / publish_id, files), (state, answered)
        return state == "ready" and answered == {"2.05"}

    wait_until(served, 120, f"{publish_id} to arrive")
    with peer(server.coap_port) as sock:
        for number, (role, data) in enumerate(files.items()):
            assert fetch(sock, f"{publish_id}/{role}", first_mid=number * 20_000) == data
    return seen


def half_there(folder: Path, name: str) -> bool:
    """Whether a part of the file, and no more, has come; early enough for what is to be done in its middle."""
    try:
        return (folder / name).stat().st_blocks * 512 > SLOT1 / 16
    except FileNotFoundError:
        return False


def problems(server: Server) -> dict[str, str]:
    found = requests.get(f"{server.url}/api/v1/releases", timeout=60).json()["problems"]
    return {problem["path"]: problem["message"] for problem in found}


def test_what_is_published_here_is_served_whole_there(sites: Sites) -> None:
    (sites.here.folder / ".staging" / "half").write_bytes(b"x")
    files = signed(1)
    publish(sites.here, "fw/v1", files)
    assert arrives(sites.there, "fw/v1", files) <= {"gone", "incomplete"}

    plain = {"manifest": b"nothing that says what belongs to it", "slot0": image(SLOT0, 3), "slot1": image(SLOT1, 4)}
    publish(sites.there, "plain/v2", plain)
    assert arrives(sites.here, "plain/v2", plain) <= {"gone", "incomplete"}

    for verb, state in (("withdraw", "withdrawn"), ("restore", "ready")):
        answer = requests.post(f"{sites.here.url}/{verb}", json={"publish_id": "fw/v1"}, timeout=60)
        assert answer.ok, answer.text
        wait_until(lambda state=state: sites.there.state_of("fw/v1") == state, what=f"the mark to say {state}")
    answer = requests.delete(f"{sites.here.url}/api/v1/releases/fw/v1", timeout=60)
    assert answer.ok, answer.text
    wait_until(lambda: not (sites.there.folder / "fw").exists() and sites.there.state_of("fw/v1") == "gone", what="its removal")
    assert codes(sites.there, "fw/v1") == {"4.04"}
    assert list((sites.there.folder / ".staging").iterdir()) == []


def test_a_half_release_is_not_served_though_syncthing_is_killed(sites: Sites) -> None:
    name, files = killed_in_the_middle(sites)
    wait_until(lambda: sites.there.state_of(name) == "incomplete", what="the half to be seen")
    assert codes(sites.there, name) == {"4.04"}
    sites.to_there.start()
    assert arrives(sites.there, name, files) <= {"incomplete"}


def killed_in_the_middle(sites: Sites) -> tuple[str, dict[str, bytes]]:
    """Publish here, and kill what brings it there; where that came too late, which takes a second, it is done again."""
    for number in range(2, 12):
        name, files = f"killed/{number}", signed(number)
        publish(sites.here, name, files)
        slot1 = sites.there.folder / name / "slot1"
        part = ".syncthing.slot1.tmp"
        wait_until(lambda to=slot1, part=part: to.exists() or half_there(to.parent, part), what="a part of slot1")  # type: ignore[misc]
        sites.to_there.stop(signal.SIGKILL)
        if not slot1.exists():
            return name, files
        sites.to_there.start()
    pytest.fail("Syncthing was never killed in time")


def test_a_file_that_both_sides_changed_is_a_problem_at_both(sites: Sites) -> None:
    files = write_release(sites.here.folder / "changed")
    arrives(sites.there, "changed", files)
    sites.to_there.stop()
    for server, text in ((sites.here, b"here"), (sites.there, b"there")):
        (server.folder / "changed" / "slot0").write_bytes(text)
    sites.to_there.start()
    for server in (sites.here, sites.there):
        wait_until(lambda server=server: problems(server), what="the conflict to be told")
        [(path, message)] = problems(server).items()
        assert re.fullmatch(r"changed/slot0\.sync-conflict-\S+", path)
        assert (server.folder / path).exists()
        assert "changed 'slot0' at the same time" in message
        assert "rename it to that name, else delete it" in message
        listed = requests.get(f"{server.url}/api/v1/releases", timeout=60).json()["releases"]
        assert not [release for release in listed if "conflict" in release["publish_id"]]
        with peer(server.coap_port) as sock:
            assert ask(sock, get(path)).dotted_code == "4.04"
        assert requests.get(f"{server.url}/files/{path}", timeout=60).status_code == 404
    copy = sites.here.folder / path
    files["slot0"] = copy.read_bytes()
    copy.rename(copy.with_name("slot0"))

    def agreed(server: Server) -> bool:
        return is_whole(server.folder / "changed", files) and not problems(server)

    wait_until(lambda: agreed(sites.here) and agreed(sites.there), what="the choice to be made at both")


def test_rsync_brings_all_of_a_release_or_nothing(tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is missing: apt-get install rsync")
    source, name = tmp_path / "source", "fw/v1"
    (source / ".staging" / "half").mkdir(parents=True)
    files = write_release(source / name, size=SLOT1)

    def copy(*more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*documents.rsync(), *more, f"{source}/", f"{there.folder}/"], start_new_session=True)

    with running(tmp_path / "there", tmp_path / "state") as there:
        half = there.folder / name
        killed = copy("--bwlimit=100")  # so that killing it may take its time
        wait_until(lambda: any(half_there(half, p.name) for p in half.glob(".slot0.*")), what="a part of slot0")
        killed.kill()
        killed.wait(60)
        assert there.state_of(name) in ("gone", "incomplete")
        assert codes(there, name) == {"4.04"}
        again = copy(f"--bwlimit={2 * KIB_PER_SECOND}")
        assert arrives(there, name, files) <= {"gone", "incomplete"}
        assert again.wait(60) == 0
        assert list((there.folder / ".staging").iterdir()) == []
        shutil.rmtree(source / "fw")
        assert copy().wait(60) == 0
        wait_until(lambda: there.state_of(name) == "gone", what="its removal")
        assert not (there.folder / "fw").exists()
