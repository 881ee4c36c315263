"""What the folder's files become: releases, problems, served paths."""

from __future__ import annotations

import os
import random
import shutil
import socket
from pathlib import Path

import pytest

from common.finding import Role, Severity
from common.preflight import ServerFacts
from common.release import State
from common.trust import TrustedKeys
from server.firmware.catalogue import LiveCatalogue
from server.firmware.judging import Judge
from server.firmware.store import Store
from tests.support import made, suit
from tests.support.clock import Clock
from tests.support.releases import SIGNER, STRANGER, riot_release, signed_release, write_release


def test_the_plain_form_is_a_release(live: LiveCatalogue, tmp_path: Path) -> None:
    riot_release(tmp_path / "version_42")
    current = live.refresh()
    [release] = current.releases
    assert release.publish_id == "version_42"
    assert release.state is State.READY
    assert release.sequence_number == 1700000100
    assert [f.path for f in release.files] == ["version_42/manifest", "version_42/slot0", "version_42/slot1"]
    own = {"version_42/manifest", "version_42/slot0", "version_42/slot1", "latest/manifest"}
    signed = {f"fw/sample/samr21-xpro/slot{n}.1700000100.bin" for n in (0, 1)}
    assert set(current.images) == own | signed
    assert current.problems == ()


def test_suffixes_name_roles_too_and_both_paths_are_served(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    for old, new in (("manifest", "manifest.suit"), ("slot0", "slot0.bin"), ("slot1", "slot1.cbor")):
        (tmp_path / "v" / old).rename(tmp_path / "v" / new)
    current = live.refresh()
    own = {"v/manifest", "v/manifest.suit", "v/slot0", "v/slot0.bin", "v/slot1", "v/slot1.cbor"}
    assert set(current.images) == {*own, "latest/manifest"}
    assert current.releases[0].files[0].also_served_at == ("v/manifest.suit", "latest/manifest")


def test_one_image_is_enough(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v", slot1=False)
    assert live.refresh().by_id["v"].state is State.READY


@pytest.mark.expects_log("Two files claim to be the slot0")
def test_two_files_for_one_role_are_a_problem(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    (tmp_path / "v" / "slot0.bin").write_bytes(b"x")
    current = live.refresh()
    assert current.releases == ()
    assert [p.path for p in current.problems] == ["v"]
    assert dict(current.images) == {}


@pytest.mark.parametrize(
    "name",
    [".x.AbC123", ".syncthing.slot0.tmp", "slot0~", "slot0.part", "slot0.filepart", ".git/config", ".env", ".stversions/slot0"],
)
def test_temporary_and_hidden_names_are_never_served(live: LiveCatalogue, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    current = live.refresh()
    assert dict(current.images) == {}
    assert current.problems == ()


@pytest.mark.parametrize("name", [".syncthing.slot1.tmp", ".slot1.AbC123"])
def test_a_release_waits_for_what_another_program_copies_into_it(live: LiveCatalogue, tmp_path: Path, name: str) -> None:
    """Nothing else tells that a release has a second image whose manifest is opaque."""
    files = write_release(tmp_path / "v")
    (tmp_path / "v" / "slot1").rename(tmp_path / "v" / name)
    current = live.refresh()
    assert (current.by_id["v"].state, dict(current.images), current.unsettled) == (State.INCOMPLETE, {}, True)
    assert [(f.code, f.file) for f in current.by_id["v"].findings] == [("being-written", Role.SLOT1)]
    (tmp_path / "v" / name).rename(tmp_path / "v" / "slot1")
    current = live.refresh()
    assert (current.by_id["v"].state, current.images["v/slot1"].size) == (State.READY, len(files["slot1"]))


def test_a_copy_of_what_is_there_takes_nothing_out(live: LiveCatalogue, tmp_path: Path) -> None:
    """A program that was killed may leave it for ever."""
    write_release(tmp_path / "v")
    (tmp_path / "v" / ".syncthing.slot1.tmp").write_bytes(b"half")
    current = live.refresh()
    assert (current.by_id["v"].state, current.unsettled) == (State.READY, False)


@pytest.mark.expects_log("in the firmware folder")
def test_what_cannot_be_served_is_a_problem_and_no_crash(live: LiveCatalogue, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside"
    outside.write_bytes(b"secret")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "nowhere").symlink_to("does-not-exist")
    (tmp_path / "hidden").symlink_to(".stignore")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(100_001))
    (tmp_path / "a.sync-conflict-20261123-155109-J35G5MY.suit").write_bytes(b"x")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))).write_bytes(b"x")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        current = live.refresh()
    assert dict(current.images) == {}
    problems = {p.path: p.message for p in current.problems}
    conflict = "a.sync-conflict-20261123-155109-J35G5MY.suit"
    assert set(problems) == {"link", "nowhere", "hidden", "loop", "pipe", "large", "socket", conflict, "\\xff\\xfe"}
    assert "leads out of the firmware folder" in problems["link"]
    assert "100001 bytes" in problems["large"]
    assert "changed 'a.suit' at the same time" in problems[conflict]


def test_a_link_that_stays_inside_is_followed(live: LiveCatalogue, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "other").symlink_to("real")
    assert set(live.refresh().images) == {"real", "other"}


@pytest.mark.expects_log("in the firmware folder")
def test_names_that_are_no_publish_ids_are_problems(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "my release")
    write_release(tmp_path / "outer")
    write_release(tmp_path / "outer" / "inner")
    write_release(tmp_path)
    current = live.refresh()
    assert [r.publish_id for r in current.releases] == ["outer"]
    assert {p.path for p in current.problems} == {"my release", "outer/inner", "manifest"}
    assert "my release/slot0" in current.images


def test_a_release_that_does_not_fit_is_incomplete_and_then_rejected(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    riot_release(tmp_path / "v")
    (tmp_path / "v" / "slot0").write_bytes(b"half")
    clock.now = (tmp_path / "v" / "slot0").stat().st_ctime + 1
    current = live.refresh()
    assert (current.by_id["v"].state, dict(current.images)) == (State.INCOMPLETE, {})
    assert [f.code for f in current.by_id["v"].findings if f.severity is Severity.ERROR] == ["size-mismatch"]
    assert current.pending
    clock.now += 60
    current = live.refresh()
    assert (current.by_id["v"].state, dict(current.images)) == (State.REJECTED, {})
    (tmp_path / "v" / ".forced").touch()
    current = live.refresh()
    assert current.by_id["v"].state is State.READY
    assert current.by_id["v"].forced
    assert "v/slot0" in current.images


@pytest.mark.parametrize("fault", ["signature", "broken manifest", "header"])
def test_errors_that_no_file_can_mend_reject_at_once(store: Store, clock: Clock, tmp_path: Path, fault: str) -> None:
    live = LiveCatalogue(store, clock, Judge(TrustedKeys((SIGNER.key.public_key(),), ("a.pem",))))
    signed_release(tmp_path / "v", 7, signer=STRANGER if fault == "signature" else SIGNER)
    if fault == "broken manifest":
        (tmp_path / "v" / "manifest").write_bytes((tmp_path / "v" / "manifest").read_bytes()[:-5])
    if fault == "header":
        places = zip(made.STARTS, made.OFFSETS, strict=True)
        slots = [suit.Slot(made.image(start, 6), offset, f"coap://[::1]/{offset}") for start, offset in places]
        (tmp_path / "v" / "manifest").write_bytes(suit.draft_09(suit.riot_body(slots, 7), SIGNER))
        for number, slot in enumerate(slots):
            (tmp_path / "v" / f"slot{number}").write_bytes(slot.data)
    clock.now = (tmp_path / "v").stat().st_ctime + 1
    current = live.refresh()
    assert (current.by_id["v"].state, dict(current.images)) == (State.REJECTED, {})
    signed_release(tmp_path / "v", 7)
    clock.now = (tmp_path / "v" / "slot1").stat().st_ctime + 1
    assert live.refresh().by_id["v"].state is State.READY


def test_a_manifest_alone_waits_for_its_images(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    files = riot_release(tmp_path / "v")
    for name in ("slot0", "slot1"):
        (tmp_path / "v" / name).unlink()
    clock.now = (tmp_path / "v").stat().st_ctime + 1
    assert live.refresh().by_id["v"].state is State.INCOMPLETE
    (tmp_path / "v" / "slot0").write_bytes(files["slot0"])
    clock.now = (tmp_path / "v").stat().st_ctime + 1
    assert live.refresh().by_id["v"].state is State.INCOMPLETE
    (tmp_path / "v" / "slot1").write_bytes(files["slot1"])
    clock.now = (tmp_path / "v").stat().st_ctime + 1
    assert live.refresh().by_id["v"].state is State.READY


def test_a_file_that_is_open_for_writing_is_not_served(live: LiveCatalogue, tmp_path: Path) -> None:
    files = write_release(tmp_path / "v")
    with (tmp_path / "v" / "slot1").open("r+b") as writer:
        writer.write(b"ab")
        writer.flush()
        current = live.refresh()
        assert current.unsettled
        assert current.by_id["v"].state is State.INCOMPLETE
        assert dict(current.images) == {}
        assert [f.code for f in current.by_id["v"].findings] == ["being-written"]
    assert live.refresh().images["v/slot1"].size == len(files["slot1"])


def test_a_release_stays_as_it_was_while_a_file_of_it_is_replaced(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    write_release(tmp_path / "v")
    before = live.refresh()
    (tmp_path / "v" / "slot0").write_bytes(b"new")
    clock.now = (tmp_path / "v" / "slot0").stat().st_ctime + 0.1
    during = live.refresh()
    assert during.unsettled
    assert during.images == before.images
    clock.now += 1
    assert live.refresh().images["v/slot0"].size == 3


@pytest.mark.expects_log("more than --max-image-size allows")
def test_an_image_that_is_too_large_is_not_said_to_be_missing(store: Store, clock: Clock, tmp_path: Path) -> None:
    riot_release(tmp_path / "v")
    (tmp_path / "v" / "slot1").write_bytes(bytes(100_001))
    live = LiveCatalogue(store, clock, Judge(facts=lambda: ServerFacts(max_image_size=100_000)))
    release = live.refresh().by_id["v"]
    assert release.state is State.REJECTED
    assert [(f.code, f.file) for f in release.findings if f.severity is Severity.ERROR] == [("image-too-big", "slot1")]


def test_withdrawn_it_goes_even_while_a_file_of_it_is_replaced(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    live.refresh()
    with (tmp_path / "v" / "slot0").open("r+b") as writer:
        writer.write(b"ab")
        writer.flush()
        assert "v/slot0" in live.refresh().images
        (tmp_path / "v" / ".withdrawn").touch()
        current = live.refresh()
        assert (current.by_id["v"].state, dict(current.images)) == (State.WITHDRAWN, {})
        (tmp_path / "v" / ".withdrawn").unlink()
        assert live.refresh().by_id["v"].state is State.INCOMPLETE


def test_a_folder_from_the_future_does_not_wait_for_ever(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    riot_release(tmp_path / "v")
    (tmp_path / "v" / "slot0").write_bytes(b"half")
    os.utime(tmp_path / "v", (clock.now + 1e6, clock.now + 1e6))
    assert live.refresh().by_id["v"].state is State.REJECTED


def test_a_release_that_is_being_deleted_is_never_half_there(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    write_release(tmp_path / "v")
    before = live.refresh()
    (tmp_path / "v" / "manifest").unlink()
    clock.now = (tmp_path / "v").stat().st_mtime + 0.1
    assert live.refresh().releases == before.releases
    for name in ("slot0", "slot1"):
        (tmp_path / "v" / name).unlink()
    (tmp_path / "v").rmdir()
    after = live.refresh()
    assert (after.releases, dict(after.images)) == ((), {})


def test_a_change_that_keeps_inode_size_and_mtime_is_seen(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    """What rsync --inplace -t does."""
    write_release(tmp_path / "v")
    before = live.refresh().images["v/slot0"]
    status = os.stat(tmp_path / "v" / "slot0")
    with (tmp_path / "v" / "slot0").open("r+b") as file:
        file.write(b"other")
    os.utime(tmp_path / "v" / "slot0", ns=(status.st_atime_ns, status.st_mtime_ns))
    clock.now += 1000
    assert live.refresh().images["v/slot0"].sha256 != before.sha256


def test_nothing_changed_is_the_same_number(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "v")
    assert live.refresh().number == live.refresh().number


def test_only_the_folders_that_are_named_are_looked_at(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "a")
    live.refresh()
    write_release(tmp_path / "b", seed=2)
    write_release(tmp_path / "c" / "d", seed=3)
    assert [r.publish_id for r in live.refresh(frozenset({"a"})).releases] == ["a"]
    assert {r.publish_id for r in live.refresh(frozenset({""})).releases} == {"a", "b", "c/d"}


@pytest.mark.expects_log("lies in the release 'a'")
def test_a_release_that_becomes_none_frees_what_lies_in_it(live: LiveCatalogue, tmp_path: Path) -> None:
    write_release(tmp_path / "a" / "b" / "c")
    assert set(live.refresh().by_id) == {"a/b/c"}
    write_release(tmp_path / "a")
    assert set(live.refresh(frozenset({"a"})).by_id) == {"a"}
    assert [p.path for p in live.current.problems] == ["a/b/c"]
    for name in ("manifest", "slot0", "slot1"):
        (tmp_path / "a" / name).unlink()
    assert set(live.refresh(frozenset({"a"})).by_id) == {"a/b/c"}
    assert live.current.problems == ()


def _change(root: Path, dice: random.Random) -> frozenset[str]:
    """One change as people make them; the folders that its events would name."""
    names = ["a", "b", "a/b", "a/c", "a/b/c", "latest", "a/latest", "bad name"]
    name, other = dice.sample(names, 2)
    folder = root / name
    match dice.randrange(6):
        case 0 | 1:
            write_release(folder, seed=dice.randrange(5), slot1=dice.random() < 0.5)
        case 2 if folder.is_dir():
            shutil.rmtree(folder)
        case 3 if folder.is_dir() and not (root / other).exists() and not other.startswith(name):
            (root / other).parent.mkdir(parents=True, exist_ok=True)
            folder.rename(root / other)
        case 4 if (folder / "slot0").exists():
            (folder / "slot0").unlink()
        case _:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / dice.choice(["manifest", "slot0.bin", "notes.txt", ".forced"])).write_bytes(dice.randbytes(3))
    return frozenset({"", "a", *(os.path.dirname(n) for n in (name, other)), name, other})


@pytest.mark.expects_log("in the firmware folder")
@pytest.mark.parametrize("seed", range(8))
def test_look_by_look_is_the_same_as_a_look_at_all(tmp_path: Path, clock: Clock, seed: int) -> None:
    dice = random.Random(seed)
    step_by_step = LiveCatalogue(Store(tmp_path, 100_000, clock), clock)
    for _ in range(40):
        number, images = step_by_step.current.number, step_by_step.current.images
        left = step_by_step.refresh(_change(tmp_path, dice))
        at_once = LiveCatalogue(Store(tmp_path, 100_000, clock), clock).refresh()
        # What left is remembered for a while; a server that starts has seen nothing leave.
        assert (left.latest.holders, left.latest.unclear) == (at_once.latest.holders, at_once.latest.unclear)
        for part in ("images", "releases", "problems", "by_id", "shelves", "overtaken", "due", "faults"):
            assert getattr(left, part) == getattr(at_once, part), part
        assert left.scan.folders == at_once.scan.folders
        assert left.number > number or left.images == images


def test_newest_first(live: LiveCatalogue, tmp_path: Path) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        write_release(tmp_path / name, seed=age)
        os.utime(tmp_path / name / "manifest", (1_700_000_000 - age, 1_700_000_000 - age))
    assert [r.publish_id for r in live.refresh().releases] == ["new", "middle", "old"]


@pytest.mark.expects_log("leads out of the firmware folder")
def test_an_event_leads_no_further_than_a_look_from_the_top(live: LiveCatalogue, tmp_path: Path) -> None:
    """Events name folders that are hidden, temporary, or behind a link by now."""
    write_release(tmp_path / "a" / "b")
    live.refresh()
    for name in ("v9.part", "bak~", ".hidden"):
        write_release(tmp_path / name / "inner")
        assert set(live.refresh(frozenset({name, f"{name}/inner"})).by_id) == {"a/b"}
    outside = tmp_path.parent / "moved away"
    (tmp_path / "a").rename(outside)
    (tmp_path / "a").symlink_to(outside)
    assert dict(live.refresh(frozenset({"a/b", ""})).images) == {}


@pytest.mark.expects_log("could not be understood|in the firmware folder")
def test_a_fault_in_one_folder_is_a_problem_of_that_folder(
    live: LiveCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_release(tmp_path / "good")
    live.refresh()
    write_release(tmp_path / "bad", seed=2)
    monkeypatch.setattr(Judge, "check", lambda *_: 1 / 0)
    current = live.refresh()
    assert set(current.by_id) == {"good"}
    assert [p.path for p in current.problems] == ["bad"]
    assert "bad/slot0" not in current.images
