"""Where the command line's token comes from, and what is no token."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import ConfigError, InvalidRequest, OtaError
from desktop.arguments import Arguments
from desktop.token_source import token_from


def test_the_option_wins_over_the_file_and_the_file_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" ota_file\n")
    environment = {"OTA_TOKEN": "ota_environment\n"}
    assert token_from("ota_option", None, environment) == "ota_option"
    assert token_from(None, file, environment) == "ota_file"
    assert token_from(None, None, environment) == "ota_environment"
    for nothing in ({}, {"OTA_TOKEN": ""}, {"OTA_TOKEN": " \n"}):
        assert token_from(None, None, nothing) is None
    with pytest.raises(InvalidRequest, match="leave out one"):
        token_from("ota_option", file, {})


@pytest.mark.parametrize("text", ["a b", "a\nb", "é", "\0"])
def test_what_is_no_token_is_said_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    for given, path, environment in ((text, None, {}), (None, file, {}), (None, None, {"OTA_TOKEN": text})):
        with pytest.raises(OtaError, match="is no token") as raised:
            token_from(given, path, environment)
        assert f" {text}" not in str(raised.value)
    file.write_text("")
    with pytest.raises(ConfigError, match="is no token"):
        token_from(None, file, {})
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        token_from(None, tmp_path / "none", {})


def test_the_options() -> None:
    words = ["--withdraw", "v", "--server", "gw", "--token-file", "t", "--insecure"]
    found = Arguments.parse(words)
    assert (found.token, found.token_file, found.insecure) == (None, Path("t"), True)
    secret = Arguments.parse(["--withdraw", "v", "--token", "ota_secret"])
    assert secret.token == "ota_secret"
    assert "ota_secret" not in repr(secret)
    for more in (["--token", "x"], ["--token-file", "x"], ["--insecure"]):
        with pytest.raises(InvalidRequest, match=f"leave out one of --no-server and {more[0]}"):
            Arguments.parse(["--check-only", "--no-server", "--slot0", "a", *more])
