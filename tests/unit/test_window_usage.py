"""What the window is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InvalidRequest
from desktop import usage


def test_files_and_whether_a_token_may_go_over_plain_http() -> None:
    typed = usage.of_window().parse_args(["--insecure", "a.bin", "folder"])
    assert (typed.insecure, typed.files) == (True, [Path("a.bin"), Path("folder")])
    assert not usage.of_window().parse_args([]).insecure


@pytest.mark.parametrize("unknown", ["--insecur", "-x", "--token"])
def test_what_it_does_not_know_is_a_sentence(unknown: str) -> None:
    with pytest.raises(InvalidRequest, match="--help shows how it is used"):
        usage.of_window().parse_args([unknown])
