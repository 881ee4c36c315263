"""The settings' numbers: what is no whole number, or beyond all sense, is refused in a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from common.errors import ConfigError
from server.settings import command_line
from server.settings.config import Config

WHOLE = [field.name.replace("_", "-") for field in dataclasses.fields(Config) if field.type in ("int", "int | None")]
SECONDS = ["rescan", "patience"]
HUGE = [pytest.param("1" + "0" * 400, id="400 digits"), pytest.param("0x" + "f" * 4000, id="4000 hexadecimal digits")]


def read(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "ota.toml"
    file.write_text(f'state-dir = "{tmp_path}/state"\n{text}\n')
    return command_line.read(["--config", str(file)]).config


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "2.9", "1e300", "1979-05-27", "[1]", *HUGE])
def test_what_is_no_whole_number_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^'{key}' in .* is .*, and a whole number is expected.$"):
        read(tmp_path, f"{key} = {value}")


@pytest.mark.parametrize("key", SECONDS)
@pytest.mark.parametrize("value", ["inf", "nan", *HUGE])
def test_what_is_no_number_of_seconds_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^'{key}' in .* is .*, and a number is expected.$"):
        read(tmp_path, f"{key} = {value}")


@pytest.mark.parametrize("flag", ["--quota=1e9", "--quota=2.0", "--keep=inf", "--rescan=inf"])
def test_flags_are_held_to_the_same(flag: str) -> None:
    with pytest.raises(ConfigError, match="number is expected"):
        command_line.read([flag])


@pytest.mark.parametrize(("key", "most"), [("keep-history", 36_500), ("rescan", 3_153_600_000), ("patience", 3_153_600_000)])
def test_a_century_is_the_longest(tmp_path: Path, key: str, most: int) -> None:
    assert getattr(read(tmp_path, f"{key} = {most}"), key.replace("-", "_")) == most
    with pytest.raises(ConfigError, match=rf"^--{key} is .*, {most} \(100 years\) at most\.$"):
        read(tmp_path, f"{key} = {most + 1}")


def test_a_whole_number_may_be_written_as_any_number(tmp_path: Path) -> None:
    config = read(tmp_path, "quota = 1e9\nkeep = 3.0")
    assert (config.quota, config.keep) == (1_000_000_000, 3)
    assert isinstance(config.quota, int)


@pytest.mark.parametrize("text", ["keep = " + "9" * 5000, "keep = " + "[" * 5000], ids=["5000 digits", "5000 brackets"])
def test_a_file_that_python_cannot_read_is_no_valid_toml(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="is no valid TOML"):
        read(tmp_path, text)
