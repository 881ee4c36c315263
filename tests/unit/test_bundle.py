"""Which of the files that a person picked plays which role, and what is said of the others."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from common.finding import Role
from common.preflight import check
from common.roles import role_by_name
from desktop import bundle as bundles
from desktop.bundle import Bundle, as_files, pick, refreshed, with_role, without
from desktop.picked import MAX_CANDIDATES
from server.web import uploads
from tests.support.made import NUMBER, SLOT0, SLOT1, STARTS, Envelope, image

MANIFEST, ZERO, ONE = Role
BOARD = Path(__file__).parents[1] / "samples" / "riot" / "fw" / "sample" / "samr21-xpro"


def write(folder: Path, **contents: bytes) -> dict[str, Path]:
    """Files by name; `_` in a name is a dot."""
    folder.mkdir(exist_ok=True, parents=True)
    paths = {name: folder / name.replace("_", ".") for name in contents}
    for name, data in contents.items():
        paths[name].write_bytes(data)
    return paths


def roles(bundle: Bundle) -> dict[str, str]:
    return {str(role): file.path.name for role, file in bundle.files.items()}


def spare(bundle: Bundle) -> list[str]:
    return [file.path.name for file in bundle.spare]


def one_line(said: Iterable[str], *words: str) -> None:
    [line] = said
    assert all(word in line for word in words), line
    assert "\n" not in line


def test_three_files_under_names_that_tell_nothing(tmp_path: Path) -> None:
    a = write(tmp_path, a=SLOT1, b=bytes(Envelope()), c=SLOT0)
    bundle = pick(list(a.values()))
    assert roles(bundle) == {"manifest": "b", "slot0": "c", "slot1": "a"}
    assert not bundle.spare
    assert not bundle.said
    assert not check(as_files(bundle)).errors
    manifest, zero = bundle.files[MANIFEST], bundle.files[ZERO]
    assert manifest.is_suit
    assert manifest.header is None
    assert zero.header is not None
    assert (zero.header.version, zero.size, zero.head) == (NUMBER, len(SLOT0), SLOT0[:16])


def test_names_that_lie_are_not_believed(tmp_path: Path) -> None:
    a = write(tmp_path, slot1_bin=SLOT0, slot0_bin=SLOT1, manifest=bytes(Envelope()))
    assert roles(pick(list(a.values()))) == {"manifest": "manifest", "slot0": "slot1.bin", "slot1": "slot0.bin"}
    without_manifest = [a["slot0_bin"], a["slot1_bin"]]
    assert roles(pick(without_manifest)) == {"slot0": "slot1.bin", "slot1": "slot0.bin"}


def test_images_without_a_header_go_by_the_manifest_then_by_name(tmp_path: Path) -> None:
    raw = [random.Random(n).randbytes(500) for n in (1, 2, 3)]
    a = write(tmp_path, x=raw[0], y=raw[1], fw_suit=bytes(Envelope(claimed=raw[:2])), notes=b"text")
    assert roles(pick(list(a.values()))) == {"manifest": "fw.suit", "slot0": "x", "slot1": "y"}
    b = write(tmp_path / "b", **{"app-slot0_bin": raw[0], "app-slot1_bin": raw[1], "manifest": b"opaque"})
    assert roles(pick(list(b.values()))) == {"manifest": "manifest", "slot0": "app-slot0.bin", "slot1": "app-slot1.bin"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_one_by_one_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    a = list(write(tmp_path, a=SLOT0, b=SLOT1, c=bytes(Envelope())).values())
    bundle = Bundle()
    for n in order:
        bundle = pick([a[n]], bundle)
    assert roles(bundle) == {"manifest": "c", "slot0": "a", "slot1": "b"}


def test_a_folder_of_many_versions_gives_the_newest_whole_one() -> None:
    bundle = pick([BOARD])
    assert roles(bundle) == {
        "manifest": "riot.suit.1700000200.bin",
        "slot0": "slot0.1700000200.bin",
        "slot1": "slot1.1700000200.bin",
    }
    assert not bundle.spare
    assert any("2 manifests" in line for line in bundle.said)
    assert any("4 more files" in line for line in bundle.said)


def test_the_newer_manifest_without_its_images_is_not_taken(tmp_path: Path) -> None:
    for name in os.listdir(BOARD):
        if "latest" not in name and name not in ("slot0.1700000200.bin", "slot1.1700000200.bin"):
            shutil.copy(BOARD / name, tmp_path)
    assert roles(pick([tmp_path]))["manifest"] == "riot.suit.1700000100.bin"


def test_a_new_release_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old = write(tmp_path / "old", m=bytes(Envelope()), a=SLOT0, b=SLOT1)
    images = image(STARTS[0], NUMBER + 1), image(STARTS[1], NUMBER + 1)
    new = write(tmp_path / "new", m=bytes(Envelope(number=NUMBER + 1, claimed=images)), a=images[0])
    bundle = pick(list(new.values()), pick(list(old.values())))
    assert {r: f.path for r, f in bundle.files.items()} == {MANIFEST: new["m"], ZERO: new["a"]}
    assert not bundle.spare
    assert len(bundle.said) == 3


def test_a_single_new_image_replaces_its_predecessor(tmp_path: Path) -> None:
    old = write(tmp_path / "old", m=bytes(Envelope()), a=SLOT0, b=SLOT1)
    new = write(tmp_path / "new", c=image(STARTS[0], seed=5))
    bundle = pick([new["c"]], pick(list(old.values())))
    assert roles(bundle) == {"manifest": "m", "slot0": "c", "slot1": "b"}
    one_line(bundle.said, "slot0", str(old["a"]), str(new["c"]))


def test_picking_the_same_again_changes_nothing(tmp_path: Path) -> None:
    a = list(write(tmp_path, m=bytes(Envelope()), a=SLOT0, b=SLOT1).values())
    once = pick(a)
    assert pick(a, once) == once
    assert pick([tmp_path], once) == once
    assert pick([], once) == once


def test_a_role_by_hand_holds(tmp_path: Path) -> None:
    a = write(tmp_path, m=bytes(Envelope()), a=SLOT0, b=SLOT1, other=b"x")
    bundle = pick([a["a"], a["b"]])
    swapped = with_role(bundle, a["a"], ONE)
    assert roles(swapped) == {"slot0": "b", "slot1": "a"}
    assert roles(pick([a["m"]], swapped)) == {"manifest": "m", "slot0": "b", "slot1": "a"}
    out = with_role(swapped, a["a"], None)
    assert roles(out) == {"slot0": "b"}
    assert spare(out) == ["a"]
    assert roles(pick([a["m"]], out)) == {"manifest": "m", "slot0": "b"}
    assert spare(pick([a["m"]], out)) == ["a"]
    assert with_role(bundle, a["m"], ONE) == bundle
    both = pick([a["other"]], bundle)
    assert spare(both) == ["other"]
    one_line(both.said, "'other' has no role", "list")
    taken = with_role(both, a["other"], ZERO)
    assert (roles(taken)["slot0"], spare(taken)) == ("other", ["a"])
    assert without(taken, a["other"]).files.keys() == {ONE}
    assert not without(without(taken, a["a"]), a["b"]).spare


def test_what_lies_beside_the_images_is_told_from_them(tmp_path: Path) -> None:
    a = write(tmp_path, slot0_elf=b"\x7fELF" + bytes(60), slot0_bin=random.Random(1).randbytes(99), manifest_json=b'{"a": 1}')
    assert roles(pick([tmp_path])) == {"slot0": "slot0.bin"}
    bundle = pick([a["slot0_elf"]])
    assert not bundle.files
    one_line(bundle.said, "ELF", ".bin")


def test_a_folder_with_a_thousand_files(tmp_path: Path) -> None:
    for n in range(1000):
        (tmp_path / f"file{n}.dat").write_bytes(b"%d" % n)
    write(tmp_path, riot_suit_1_bin=bytes(Envelope()), a_bin=SLOT0, b_bin=SLOT1)
    bundle = pick([tmp_path])
    assert roles(bundle) == {"manifest": "riot.suit.1.bin", "slot0": "a.bin", "slot1": "b.bin"}
    assert not bundle.spare
    assert any(f"Of 1003 files only {MAX_CANDIDATES}" in line for line in bundle.said)
    assert any("47 more files" in line for line in bundle.said)
    many = pick(sorted(tmp_path.iterdir()))
    assert any("Of 1003 files" in line for line in many.said)


def test_many_files_of_one_role_do_not_crowd_out_the_others(tmp_path: Path) -> None:
    for n in range(200):
        write(tmp_path / "many", **{f"slot0_{n}_bin": b"%d" % n})
    assert roles(pick([tmp_path / "many", BOARD])).keys() == {"manifest", "slot0", "slot1"}
    write(tmp_path / "many", riot_suit_1_bin=bytes(Envelope()), slot1_1_bin=SLOT1)
    for path in (tmp_path / "many").glob("*.1.bin"):
        os.utime(path, (1, 1))
    assert roles(pick([tmp_path / "many"])).keys() == {"manifest", "slot0", "slot1"}
    assert roles(pick(sorted((tmp_path / "many").iterdir(), reverse=True))).keys() == {"manifest", "slot0", "slot1"}


def test_bad_input_is_one_line_each(tmp_path: Path) -> None:
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as stream:
        stream.truncate(2 << 30)
    one_line(pick([huge]).said, "huge.bin", "2.1 GB", "67.1 MB")
    (tmp_path / "folder").mkdir()
    one_line(pick([tmp_path / "gone"]).said, "gone", "not there")
    one_line(pick([tmp_path / "folder"]).said, "no files")
    one_line(pick([Path("a\0b")]).said, "malformed")
    a = write(tmp_path, empty=b"")
    one_line(pick([a["empty"]]).said, "empty", "was it built?")
    os.mkfifo(tmp_path / "pipe")
    one_line(pick([tmp_path / "pipe"]).said, "no regular file")
    huge.unlink()
    write(tmp_path, slot0_bin=b"", slot1_bin=SLOT1)
    said = pick([tmp_path]).said
    assert any("slot0.bin' is empty" in line for line in said)
    assert any("1 folder" in line and "not looked into" in line for line in said)
    assert pick([]) == Bundle()


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(tmp_path, locked=b"x")
    a["locked"].chmod(0)
    real = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path) == a["locked"]:
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    one_line(pick([a["locked"]]).said, "locked", "permission")


def test_a_damaged_manifest_is_still_the_manifest(tmp_path: Path) -> None:
    a = write(tmp_path, x=bytes(Envelope())[:80], slot0=SLOT0)
    bundle = pick(list(a.values()))
    assert roles(bundle) == {"manifest": "x", "slot0": "slot0"}
    assert any(f.file is MANIFEST for f in check(as_files(bundle)).errors)


def test_what_is_rebuilt_is_read_again(tmp_path: Path) -> None:
    a = write(tmp_path, m=bytes(Envelope()), a=SLOT0, b=SLOT1)
    bundle = pick(list(a.values()))
    assert refreshed(bundle) is bundle
    a["a"].write_bytes(image(STARTS[0], NUMBER + 7, size=700))
    again = refreshed(bundle)
    one_line(again.said, "'a' changed on disk", "700 B", str(NUMBER + 7))
    assert again.files[ZERO].size == 700
    assert refreshed(again) is again
    os.utime(a["b"])
    assert not refreshed(again).said
    assert roles(refreshed(again)) == roles(bundle)


def test_a_file_that_goes_and_comes_back(tmp_path: Path) -> None:
    a = write(tmp_path, m=bytes(Envelope()), a=SLOT0, b=SLOT1)
    bundle = pick(list(a.values()))
    a["m"].unlink()
    assert as_files(bundle).manifest is None
    a["a"].unlink()
    gone = refreshed(bundle)
    assert [f.gone for f in gone.all] == [True, True, False]
    assert len(gone.said) == 2
    assert refreshed(gone) is gone
    assert as_files(gone).images.keys() == {ONE}
    write(tmp_path, m=bytes(Envelope()), a=SLOT0)
    back = refreshed(gone)
    assert {r: f.sha256 for r, f in back.files.items()} == {r: f.sha256 for r, f in bundle.files.items()}
    assert all("there again" in line for line in back.said)
    assert not check(as_files(back)).errors


def test_bytes_at_random_raise_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    starts = (b"RIOT", b"\xd8\x6b", b"\xa2\x02", b"\xa1\x03", b"\x7fELF", b"{", b"")
    names = ("slot0", "slot1", "manifest", "x", "riot.suit.1.bin", "y.bin", "slot0-slot1")
    bundle = Bundle()
    for _ in range(150):
        path = tmp_path / chance.choice(names)
        path.write_bytes((chance.choice(starts) + chance.randbytes(chance.randrange(60)))[: chance.randrange(64)])
        bundle = pick([chance.choice((path, tmp_path))], chance.choice((bundle, Bundle())))
        bundle = with_role(refreshed(bundle), tmp_path / chance.choice(names), chance.choice((None, *Role)))
        paths = [f.path for f in bundle.all]
        assert len(paths) == len(set(paths))
        check(as_files(bundle))


@pytest.mark.parametrize(
    "name",
    [
        *("slot0", "SLOT1.bin", "manifest.cbor", "a/b/riot.suit.17.bin", "C:\\x\\app-slot0.17.riot.bin", "slot01", "slot0-slot1"),
        *("riot.suitv4_signed.9.bin", "fw.suit", "my-manifest.txt", "preslot0", "slot0.suit", "", "notes.txt", "slot1.old"),
    ],
)
def test_names_tell_here_what_they_tell_the_server(name: str) -> None:
    assert role_by_name(name) is uploads.role_by_name(name)


@pytest.mark.parametrize("name", ["-riot.suit." * 100_000, "a/" + "riot.suit." * 100_000, "x-slot0-" * 100_000])
def test_a_name_that_no_file_has_tells_nothing(name: str) -> None:
    assert role_by_name(name) is None


def test_the_module_gives_what_the_window_uses() -> None:
    assert set(bundles.__all__) <= set(dir(bundles))


def test_a_build_that_swaps_the_images_swaps_the_roles_that_nobody_chose(tmp_path: Path) -> None:
    a = write(tmp_path, a=SLOT0, b=SLOT1)
    bundle = pick(list(a.values()))
    by_hand = with_role(bundle, a["a"], ONE)
    assert roles(bundle) == {"slot0": "a", "slot1": "b"}
    a["a"].write_bytes(image(STARTS[1], NUMBER + 1))
    a["b"].write_bytes(image(STARTS[0], NUMBER + 1))
    again = refreshed(bundle)
    assert roles(again) == {"slot0": "b", "slot1": "a"}
    assert "swapped" in again.said[-1]
    assert roles(refreshed(by_hand)) == roles(by_hand)
