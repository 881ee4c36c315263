"""Board names: RIOT's own, and a user's."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from common import boards
from common.boards import Boards, class_id
from common.errors import ConfigError
from common.manifest import parse
from tests.support.suit import ids


def test_riots_boards(samples: Path) -> None:
    known = Boards.load(None)
    manifest = parse((samples / "unsigned-1700000200.suit").read_bytes())
    assert manifest is not None
    assert known.name(manifest.class_id) == "samr21-xpro"
    assert [known.name(class_id(name)) for name in ("native64", "nucleo-f767zi", "z1")] == ["native64", "nucleo-f767zi", "z1"]
    assert known.name(str(uuid.UUID(int=0))) is None
    assert known.name(None) is None
    assert Boards().name(manifest.class_id) is None


def test_the_list_is_sorted_and_without_doubles() -> None:
    lines = Path(boards.__file__).with_name("boards.txt").read_text().splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert len(names) > 250
    assert names == sorted(set(names))
    assert not any(set(name) & set(" /#\t") or name == "common" for name in names)


def test_a_users_list(tmp_path: Path) -> None:
    file = tmp_path / "boards.txt"
    file.write_bytes(b"\xef\xbb\xbfmine  # of the cellar\n\n# theirs\r\n\ttheirs\texample.org\nn\xc3\xa9e example.org # x\n")
    known = Boards.load(file)
    for board, vendor in (("mine", "riot-os.org"), ("theirs", "example.org"), ("née", "example.org")):
        assert known.name(str(uuid.UUID(bytes=ids(board, vendor)[2]))) == board
    assert known.name(class_id("theirs")) is None
    assert known.name(class_id("z1")) == "z1"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"fine\na b c\n", "Line 2 .* is no board"),
        (b"fine\nb\x00d\n", "Line 2 .* is no board"),
        (b"\xff\n", "Line 1 .* no UTF-8"),
        (b"a\n" * 524_289, "over 1048576 bytes"),
        (None, "cannot be read"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, data: bytes | None, said: str) -> None:
    file = tmp_path / "mine.txt"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ConfigError, match=said) as caught:
        Boards.load(file)
    assert repr(os.fspath(file)) in str(caught.value)
