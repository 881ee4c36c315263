"""Images are served where their signed manifest says, too; and who is, when several say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from common.finding import Severity
from common.release import Release, State
from common.trust import TrustedKeys
from server.firmware import layouts
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.judging import Judge
from server.firmware.precedence import RETURNS
from server.firmware.store import Store
from tests.support import suit
from tests.support.clock import Clock
from tests.support.releases import RIOT, SIGNER, STRANGER, claiming_release, signed_release, suit_release

PATH = "fw/app/board/slot0.7.bin"
DISPUTED = pytest.mark.expects_log("name this path for different images")


def trusting(store: Store, clock: Clock, *signers: suit.Signer) -> LiveCatalogue:
    keys = tuple(signer.key.public_key() for signer in signers)
    return LiveCatalogue(store, clock, Judge(TrustedKeys(keys, ("a.pem",))))


def codes(release: Release, severity: Severity = Severity.WARNING) -> list[str]:
    return [f.code for f in release.findings if f.severity is severity]


def held(current: Catalogue, path: str = PATH) -> str | None:
    image = current.images.get(path)
    return image.path.rpartition("/")[0] if image is not None else None


def test_a_manifest_works_wherever_it_was_published(live: LiveCatalogue, store: Store, tmp_path: Path) -> None:
    files = signed_release(tmp_path / "version_42", 7)
    current = live.refresh()
    assert store.read(current.images[PATH]) == files["slot0"]
    assert store.read(current.images["fw/app/board/slot1.7.bin"]) == files["slot1"]
    release = current.by_id["version_42"]
    assert [f.also_served_at for f in release.files] == [("latest/manifest",), (PATH,), ("fw/app/board/slot1.7.bin",)]
    shutil.rmtree(tmp_path / "version_42")
    assert dict(live.refresh().images) == {}


def test_a_real_file_at_the_path_wins(live: LiveCatalogue, store: Store, tmp_path: Path) -> None:
    path = "fw/app/image.bin"
    claiming_release(tmp_path / "v", 7, path)
    live.refresh()
    (tmp_path / "fw" / "app").mkdir(parents=True)
    (tmp_path / path).write_bytes(b"by hand")
    current = live.refresh()
    assert store.read(current.images[path]) == b"by hand"
    release = current.by_id["v"]
    assert codes(release) == ["uri-claimed"]
    assert path in release.findings[0].message
    assert release.files[1].also_served_at == ()
    (tmp_path / path).unlink()
    current = live.refresh()
    assert held(current, path) == "v"
    assert codes(current.by_id["v"]) == []


def test_a_real_file_with_the_same_bytes_is_no_trouble(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "v", 7)
    signed_release(tmp_path / "fw" / "app" / "board", 7, names=RIOT)
    current = live.refresh()
    assert current.images[PATH].path == PATH
    assert current.problems == ()
    assert PATH in current.by_id["v"].files[1].also_served_at
    assert current.by_id["fw/app/board/7"].files[1].also_served_at == (PATH,)


@DISPUTED
def test_two_that_claim_a_path_with_other_bytes_are_a_problem_that_names_both(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "a", 7)
    live.refresh()
    signed_release(tmp_path / "b", 7, seed=2)
    current = live.refresh()
    assert held(current) == "a"
    problems = {p.path: p.message for p in current.problems}
    assert set(problems) == {PATH, "fw/app/board/slot1.7.bin"}
    assert "'a'" in problems[PATH]
    assert "'b'" in problems[PATH]
    assert "'a' is served there" in problems[PATH]
    assert codes(current.by_id["b"]) == ["uri-claimed", "uri-claimed", "sequence-not-newer"]
    assert codes(current.by_id["a"]) == []
    shutil.rmtree(tmp_path / "b")
    current = live.refresh()
    assert current.problems == ()


def test_two_with_the_same_bytes_are_none(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "a", 7)
    signed_release(tmp_path / "b", 7)
    current = live.refresh()
    assert current.problems == ()
    assert "uri-claimed" not in codes(current.by_id["a"]) + codes(current.by_id["b"])
    shutil.rmtree(tmp_path / "a")
    assert held(live.refresh()) == "b"


@DISPUTED
def test_the_holder_keeps_it_until_a_higher_number_of_the_same_class_comes(live: LiveCatalogue, tmp_path: Path) -> None:
    claiming_release(tmp_path / "a", 5, PATH)
    seen = [held(live.refresh())]
    for name, number in (("b", 4), ("c", 5), ("d", 6)):
        claiming_release(tmp_path / name, number, PATH, seed=ord(name))
        seen.append(held(live.refresh()))
    assert seen == ["a", "a", "a", "d"]
    assert "uri-claimed" in codes(live.current.by_id["a"])
    shutil.rmtree(tmp_path / "d")
    assert held(live.refresh()) == "a"


@DISPUTED
@pytest.mark.parametrize(
    ("first", "second", "takes"),
    [(SIGNER, None, False), (None, SIGNER, True), (None, None, True), (SIGNER, STRANGER, True)],
)
def test_without_trusted_keys_a_signature_is_better_than_none(
    live: LiveCatalogue, tmp_path: Path, first: suit.Signer | None, second: suit.Signer | None, takes: bool
) -> None:
    claiming_release(tmp_path / "a", 5, PATH, signer=first)
    live.refresh()
    claiming_release(tmp_path / "b", 6, PATH, signer=second)
    current = live.refresh()
    assert held(current) == ("b" if takes else "a")
    assert current.latest.holders[""].publish_id == ("b" if takes else "a")


@DISPUTED
def test_a_forced_release_of_another_signer_displaces_nobody(store: Store, clock: Clock, tmp_path: Path) -> None:
    live = trusting(store, clock, SIGNER)
    claiming_release(tmp_path / "a", 5, PATH)
    live.refresh()
    claiming_release(tmp_path / "b", 9, PATH, signer=STRANGER)
    current = live.refresh()
    assert (current.by_id["b"].state, held(current)) == (State.REJECTED, "a")
    assert current.problems == ()  # the rejected one claims nothing
    (tmp_path / "b" / ".forced").touch()
    current = live.refresh()
    assert (current.by_id["b"].state, current.by_id["b"].forced, held(current)) == (State.READY, True, "a")
    assert current.latest.holders[""].publish_id == "a"


@DISPUTED
def test_another_class_never_displaces_the_holder(live: LiveCatalogue, tmp_path: Path, clock: Clock) -> None:
    claiming_release(tmp_path / "x" / "a", 5, PATH, board="one")
    live.refresh()
    claiming_release(tmp_path / "y" / "b", 9, PATH, board="two")
    assert held(live.refresh()) == "x/a"
    shutil.rmtree(tmp_path / "x" / "a")
    assert held(live.refresh()) is None  # it may be rebuilt, or published anew
    claiming_release(tmp_path / "x" / "a", 5, PATH, board="one")
    assert held(live.refresh()) == "x/a"
    shutil.rmtree(tmp_path / "x" / "a")
    live.refresh()
    assert live.current.pending
    clock.now += RETURNS
    assert held(live.refresh(frozenset())) == "y/b"
    assert codes(live.current.by_id["y/b"]) == []


@DISPUTED
def test_at_a_start_the_class_that_was_published_first_holds_it(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    claiming_release(tmp_path / "z", 5, PATH, board="one", published=1_000_000_000)
    claiming_release(tmp_path / "a", 9, PATH, board="two")
    assert held(LiveCatalogue(store, clock).refresh()) == "z"


@pytest.mark.parametrize("mark", [".withdrawn", None])
def test_what_is_not_ready_claims_nothing(live: LiveCatalogue, tmp_path: Path, mark: str | None) -> None:
    claiming_release(tmp_path / "a", 5, PATH)
    if mark:
        (tmp_path / "a" / mark).touch()
    else:
        (tmp_path / "a" / "slot0").write_bytes(b"half")
    assert held(live.refresh()) is None
    claiming_release(tmp_path / "b", 4, PATH)
    assert held(live.refresh()) == "b"
    assert live.current.problems == ()


@pytest.mark.parametrize(
    "path", ["fw/.hidden/slot0.bin", "fw/latest/manifest", "rd/slot0.bin", "a//b", "a/../b", "fw/b%C3%A9.bin", ".well-known/core"]
)
def test_claimed_paths_obey_the_rules_of_publish_ids(live: LiveCatalogue, tmp_path: Path, path: str) -> None:
    (tmp_path / "v").mkdir()
    body = suit.riot_body([suit.Slot(b"x" * 100, None, f"coap://[fd00::1]/{path}")], 5)
    (tmp_path / "v" / "manifest").write_bytes(suit.draft_09(body, SIGNER))
    (tmp_path / "v" / "slot0").write_bytes(b"x" * 100)
    current = live.refresh()
    assert current.by_id["v"].state is State.READY
    assert set(current.images) == {"v/manifest", "v/slot0", "latest/manifest"}


def test_withdrawn_it_is_nowhere_and_restored_it_is_back(live: LiveCatalogue, store: Store, tmp_path: Path) -> None:
    signed_release(tmp_path / "v", 7)
    before = live.refresh()
    store.mark("v", layouts.WITHDRAWN, True)
    store.mark("v", layouts.WITHDRAWN, True)
    during = live.refresh()
    assert (during.by_id["v"].state, dict(during.images), dict(during.latest.holders)) == (State.WITHDRAWN, {}, {})
    store.mark("v", layouts.WITHDRAWN, False)
    after = live.refresh()
    assert (after.by_id, after.images) == (before.by_id, before.images)


def test_a_lower_number_that_comes_later_is_told(live: LiveCatalogue, tmp_path: Path) -> None:
    for name, number in (("a", 5), ("b", 9), ("c", 7)):
        suit_release(tmp_path / name, number)
    current = live.refresh()
    told = {name: "sequence-not-newer" in codes(release) for name, release in current.by_id.items()}
    assert told == {"a": False, "b": False, "c": True}
    shutil.rmtree(tmp_path / "b")
    current = live.refresh()
    assert "sequence-not-newer" not in codes(current.by_id["c"])


def test_the_places_of_a_releases_own_files_are_never_anothers(live: LiveCatalogue, store: Store, tmp_path: Path) -> None:
    signed_release(tmp_path / "v", 7)
    claiming_release(tmp_path / "thief", 9, "v/slot0", board="other")
    store.mark("v", layouts.WITHDRAWN, True)
    current = live.refresh()
    assert "v/slot0" not in current.images
    [finding] = [f for f in current.by_id["thief"].findings if f.code == "uri-claimed"]
    assert "nothing is served there: it is the place of the release v," in finding.message
    store.remove("v")
    current = live.refresh()
    assert held(current, "v/slot0") == "thief"
    assert codes(current.by_id["thief"]) == []


def test_one_path_for_both_images(live: LiveCatalogue, tmp_path: Path) -> None:
    slots = [suit.Slot(bytes([n]) * 100, 4096 * (n + 1), "coap://[fd00::1]/fw/one.bin") for n in (0, 1)]
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "manifest").write_bytes(suit.draft_09(suit.riot_body(slots, 5), SIGNER))
    for number, slot in enumerate(slots):
        (tmp_path / "v" / f"slot{number}").write_bytes(slot.data)
    release = live.refresh().by_id["v"]
    [finding] = [f for f in release.findings if f.code == "uri-claimed"]
    assert (finding.file, "for both images" in finding.message) == ("slot1", True)


@DISPUTED
def test_a_release_that_is_restored_gets_back_what_was_its_own(store: Store, clock: Clock, tmp_path: Path) -> None:
    live = trusting(store, clock, SIGNER)
    claiming_release(tmp_path / "a", 5, PATH)
    live.refresh()
    claiming_release(tmp_path / "unsigned", 9, PATH, signer=None)
    store.mark("a", layouts.WITHDRAWN, True)
    for _ in range(3):
        current = live.refresh()
        assert (held(current), current.latest.holders.get("")) == (None, None)  # never to a worse signature
        clock.now += RETURNS
    claiming_release(tmp_path / "b", 4, PATH)
    assert held(live.refresh()) == "b"
    store.mark("a", layouts.WITHDRAWN, False)
    current = live.refresh()
    assert (held(current), current.latest.holders[""].publish_id) == ("a", "a")
    for name in ("a", "b"):
        shutil.rmtree(tmp_path / name)
    live.refresh()
    clock.now += RETURNS
    assert held(live.refresh(frozenset())) == "unsigned"


@DISPUTED
def test_what_fits_takes_the_place_of_what_was_forced(live: LiveCatalogue, tmp_path: Path) -> None:
    claiming_release(tmp_path / "a", 5, PATH)
    (tmp_path / "a" / "slot0").write_bytes(b"another build")
    (tmp_path / "a" / ".forced").touch()
    assert held(live.refresh()) == "a"
    claiming_release(tmp_path / "b", 5, PATH)
    assert held(live.refresh()) == "b"


def test_a_release_that_comes_after_a_newer_one_is_told_whatever_its_times(live: LiveCatalogue, tmp_path: Path) -> None:
    for name, number in (("a", 9), ("b", 7), ("c", 9)):
        signed_release(tmp_path / name, number)
        os.utime(tmp_path / name / "manifest", (1_000_000_000 + number, 1_000_000_000 + number))
        live.refresh()
    told = {name: "sequence-not-newer" in codes(release) for name, release in live.current.by_id.items()}
    assert told == {"a": False, "b": True, "c": True}


def test_versions_that_were_copied_together_came_in_their_order(live: LiveCatalogue, tmp_path: Path) -> None:
    for number in (9, 7):
        signed_release(tmp_path / "b", number, names=RIOT)
    current = live.refresh()
    assert [codes(release) for release in current.releases] == [[], []]


@DISPUTED
def test_the_owner_of_a_file_at_a_claimed_path_is_named(live: LiveCatalogue, tmp_path: Path) -> None:
    signed_release(tmp_path / "fw" / "app" / "board", 7, names=RIOT)
    signed_release(tmp_path / "v", 7, seed=2)
    [first, _] = [f for f in live.refresh().by_id["v"].findings if f.code == "uri-claimed"]
    assert "those of the release fw/app/board/7:" in first.message


@DISPUTED
def test_a_dispute_tells_of_a_real_file(live: LiveCatalogue, tmp_path: Path) -> None:
    path = "fw/app/image.bin"
    for name in ("a", "b"):
        claiming_release(tmp_path / name, 7, path, seed=ord(name))
    live.refresh()
    (tmp_path / "fw" / "app").mkdir(parents=True)
    (tmp_path / path).write_bytes(b"by hand")
    [problem] = live.refresh().problems
    assert f"the file '{path}' is served there" in problem.message
