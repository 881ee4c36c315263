"""The name that is proposed for a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.boards import Boards
from common.release import check_publish_id
from desktop.bundle import Bundle, as_files, pick
from desktop.proposal import propose
from tests.support.made import KIND, NUMBER, SLOT0, Envelope

SAMPLES = Path(__file__).parents[1] / "samples" / "riot"


def proposed(bundle: Bundle, boards: Boards | None = None) -> str:
    text = propose(as_files(bundle), bundle, boards or Boards())
    if text:
        check_publish_id(text)
    return text


def test_the_board_and_the_sequence_number() -> None:
    bundle = pick([SAMPLES / "fw" / "sample" / "samr21-xpro"])
    assert proposed(bundle, Boards.load(None)) == "samr21-xpro-1700000200"


def test_the_class_of_an_unknown_board(tmp_path: Path) -> None:
    (tmp_path / "fw.suit").write_bytes(bytes(Envelope()))
    bundle = pick([tmp_path / "fw.suit"])
    class_id = KIND[1]
    assert proposed(bundle) == f"class-{class_id[:8]}-{NUMBER}"
    assert proposed(bundle, Boards({class_id: "Größe & Co/7 "})) == f"Gro-e-Co-7-{NUMBER}".replace("Gro-e", "Groe")
    assert proposed(bundle, Boards({class_id: "…"})) == f"release-{NUMBER}"
    assert proposed(bundle, Boards({class_id: "x" * 500})) == f"{'x' * 100}-{NUMBER}"


@pytest.mark.parametrize("data", [b"opaque", bytes(Envelope())[:80]])
def test_the_folder_where_the_manifest_tells_nothing(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / ".my board"
    folder.mkdir()
    (folder / "manifest").write_bytes(data)
    (folder / "riot.suit.77.bin").write_bytes(data)
    (folder / "slot0").write_bytes(SLOT0)
    (folder / "slot1").write_bytes(b"no header")
    assert proposed(pick([folder / "manifest", folder / "slot0"])) == f"my-board-{NUMBER}"
    assert proposed(pick([folder / "slot0"])) == f"my-board-{NUMBER}"
    assert proposed(pick([folder / "riot.suit.77.bin", folder / "slot1"])) == "my-board-77"
    only = pick([folder / "slot1"])
    assert proposed(only) == f"my-board-{next(iter(only.files.values())).sha256[:8]}"


def test_nothing_is_proposed_for_nothing() -> None:
    assert proposed(Bundle()) == ""
