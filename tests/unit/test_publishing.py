"""Acts on releases: what they leave in the folder, and what is shown at once."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from common.errors import InvalidRelease, ReleaseExists, ReleaseNotFound
from common.finding import Role
from common.release import State
from server.firmware.catalogue import LiveCatalogue
from server.firmware.publishing import Publisher
from server.firmware.store import Store
from tests.support.releases import RIOT, signed_release, write_release


@pytest.fixture
def publisher(store: Store, live: LiveCatalogue) -> Publisher:
    return Publisher(store, live)


@pytest.fixture
def build(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return signed_release(tmp_path_factory.mktemp("build"), 7)


def opened(files: Mapping[str, bytes]) -> dict[Role, BinaryIO]:
    return {Role(role): io.BytesIO(data) for role, data in files.items()}


def test_warnings_and_infos_come_with_the_release(publisher: Publisher, build: dict[str, bytes]) -> None:
    release, created = publisher.publish("v", opened(build), force=False)
    assert (created, release.state, release.forced) == (True, State.READY, False)
    assert [f.code for f in release.findings] == ["signature-unverified"]


def test_errors_stop_it_and_force_leaves_the_mark(publisher: Publisher, build: dict[str, bytes], tmp_path: Path) -> None:
    spoiled = {**build, "slot0": build["slot0"] + b"x"}
    with pytest.raises(InvalidRelease) as caught:
        publisher.publish("v", opened(spoiled), force=False)
    assert "size-mismatch" in [f.code for f in caught.value.findings]
    assert not (tmp_path / "v").exists()
    release, _ = publisher.publish("v", opened(spoiled), force=True)
    assert (release.state, release.forced) == (State.READY, True)
    assert (tmp_path / "v" / ".forced").stat().st_size == 0


def test_force_is_for_what_was_dropped_with_the_same_bytes_too(
    publisher: Publisher, build: dict[str, bytes], tmp_path: Path, live: LiveCatalogue
) -> None:
    spoiled = {**build, "slot0": b"x"}
    (tmp_path / "v").mkdir()
    for role, data in spoiled.items():
        (tmp_path / "v" / role).write_bytes(data)
    assert live.refresh().by_id["v"].state is State.REJECTED
    release, created = publisher.publish("v", opened(spoiled), force=True)
    assert (created, release.state, release.forced) == (False, State.READY, True)


def test_nothing_is_stored_by_a_check(publisher: Publisher, build: dict[str, bytes], tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert publisher.check("v", opened({**build, "slot0": b"x"})).errors
    assert publisher.check(None, {}).errors
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(InvalidRelease, match="reserved"):
        publisher.check("latest", opened(build))


def test_a_check_knows_what_is_there(publisher: Publisher, build: dict[str, bytes], tmp_path: Path) -> None:
    publisher.publish("newer", opened(signed_release(tmp_path / "elsewhere", 9)), force=False)
    found = publisher.check("v", opened(build))
    [told] = [f for f in found.findings if f.code == "sequence-not-newer"]
    assert "newer" in told.message
    same = publisher.check("v9", opened(signed_release(tmp_path / "elsewhere", 9)))
    assert [f.code for f in same.findings] == ["sequence-not-newer", "signature-unverified"]


def test_names_of_the_build_are_served_too_and_go_with_the_release(
    publisher: Publisher, build: dict[str, bytes], live: LiveCatalogue, tmp_path: Path
) -> None:
    aliases = {Role.SLOT0: "app-slot0.7.riot.bin", Role.SLOT1: ".hidden", Role.MANIFEST: "manifest.bin"}
    publisher.publish("v", opened(build), force=False, aliases=aliases)
    assert live.current.images["v/app-slot0.7.riot.bin"].sha256 == live.current.images["v/slot0"].sha256
    assert {path.name for path in (tmp_path / "v").iterdir()} == {"manifest", "slot0", "slot1", "app-slot0.7.riot.bin"}
    publisher.remove("v")
    assert not (tmp_path / "v").exists()


def test_withdrawn_and_restored(publisher: Publisher, build: dict[str, bytes]) -> None:
    publisher.publish("v", opened(build), force=False)
    for is_news in (True, False):
        release, changed = publisher.withdraw("v")
        assert (release.state, changed) == (State.WITHDRAWN, is_news)
    release, created = publisher.publish("v", opened(build), force=False)
    assert (created, release.state) == (False, State.WITHDRAWN)
    for is_news in (True, False):
        release, changed = publisher.restore("v")
        assert (release.state, changed) == (State.READY, is_news)
    for act in (publisher.withdraw, publisher.restore, publisher.remove):
        with pytest.raises(ReleaseNotFound):
            act("other")


@pytest.mark.expects_log("lies in the release 'b/7'")
def test_who_has_a_versions_name_is_meant(publisher: Publisher, live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "b", 7, names=RIOT)
    live.refresh()
    write_release(tmp_path / "b" / "7")
    assert publisher.withdraw("b/7")[0].state is State.WITHDRAWN
    assert (tmp_path / "b" / ".withdrawn.7").exists()
    publisher.remove("b/7")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["7"]
    assert live.refresh().by_id["b/7"].files[0].name == "manifest"


@pytest.mark.parametrize("publish_id", ["b/7", "b/7/deep", "b", "b/slot0.7.bin"])
def test_a_version_is_a_release_to_whoever_publishes(
    publisher: Publisher, build: dict[str, bytes], tmp_path: Path, publish_id: str
) -> None:
    signed_release(tmp_path / "b", 7, names=RIOT, seed=2)
    with pytest.raises(ReleaseExists):
        publisher.publish(publish_id, opened(build), force=False)
    _, created = publisher.publish("b/7", opened(signed_release(tmp_path / "b", 7, names=RIOT, seed=2)), force=False)
    assert not created
