"""The settings' file of the package, the README's table and the man pages say what the programs take, and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError
from desktop import usage
from server.__main__ import EXIT_CONFIG
from server.access import command
from server.settings import command_line
from server.settings.config import Config

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "ota-server.toml"
FIELDS = {field.name.replace("_", "-"): field for field in dataclasses.fields(Config)}
STATE = "/var/lib/ota-server"
OWN = {"firmware-dir": f"{STATE}/firmware", "state-dir": STATE, "image-cache": 64 << 20}
"""What the package sets by itself."""
_KEY = re.compile(r"#?([a-z-]+) = (.*)")
_UNITS = {"": 1, "MiB": 1 << 20}


def _blocks() -> dict[str, tuple[str, str]]:
    """Of each key in the settings' file: the comment above it as one line, and its own line."""
    blocks = {}
    for block in FILE.read_text().split("\n\n")[1:]:
        *comment, line = block.strip().splitlines()
        found = _KEY.fullmatch(line)
        assert found, f"{line!r} is no setting"
        assert found[1] not in blocks, f"{found[1]} is there twice"
        blocks[found[1]] = " ".join(text.removeprefix("# ") for text in comment), line
    return blocks


def _help(*command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        if command == ("ota-server",):
            command_line.read(["--help"])
        elif command == ("ota-publisher",):
            usage.of_window().parse_args(["--help"])
        else:
            usage.parser().parse_args(["--help"])
    return out.getvalue()


def _flags(text: str) -> set[str]:
    return set(re.findall(r"^  (?:-h, )?(--[a-z0-9-]+)", text, re.MULTILINE))


def _table() -> dict[str, str]:
    """The flags in the README's table, each with what stands as its default."""
    section = (ROOT / "README.md").read_text().partition("\n## Flags\n")[2].partition("\n## ")[0]
    rows = {}
    for row in re.findall(r"^\| (`--.*?) \| (.*?) ?\| .*\|$", section, re.MULTILINE):
        flags = re.findall(r"`(--[a-z0-9-]+)", row[0])
        defaults = row[1].split(", ") if len(flags) > 1 and ", " in row[1] else [row[1]] * len(flags)
        rows |= dict(zip(flags, defaults, strict=True))
    return rows


def test_the_file_has_every_key_in_the_order_of_the_help() -> None:
    assert list(_blocks()) == list(FIELDS)


@pytest.mark.parametrize("key", list(FIELDS))
def test_a_key_is_explained_and_has_its_default(key: str) -> None:
    field = FIELDS[key]
    comment, line = _blocks().get(key, ("", ""))
    explained = field.metadata["help"][0].upper() + field.metadata["help"][1:] + "."
    assert comment.startswith(explained), f"the comment above {key} in {FILE.name} begins with: {explained}"
    [value] = tomllib.loads(line.removeprefix("#")).values()
    if key in OWN:
        assert not line.startswith("#")
        assert value == OWN[key]
    else:
        assert line.startswith("#"), f"{key} is the server's own default, so it is commented out"
        if field.default is not None:
            assert value == field.default
            assert type(value) is type(field.default)


def test_the_server_takes_the_file_as_it_is_and_with_everything_set(tmp_path: Path) -> None:
    asked: Any = command_line.read(["--config", str(FILE)])
    for key, value in OWN.items():
        assert str(getattr(asked.config, key.replace("-", "_"))) == str(value)
    everything = tmp_path / "all.toml"
    everything.write_text("\n".join(line.removeprefix("#") for _, line in _blocks().values()))
    with contextlib.suppress(ConfigError):  # of an example's folder that is not there
        command_line.read(["--config", str(everything)])


def test_the_readme_has_every_flag_and_its_default() -> None:
    table = _table()
    assert set(table) == _flags(_help("ota-server"))
    for key, field in FIELDS.items():
        shown = table[f"--{key}"]
        if field.type in ("int", "float"):
            number, _, unit = shown.strip("`").partition(" ")
            assert float(number.replace(",", "")) * _UNITS[unit] == field.default, f"--{key}: {shown}"
        elif field.default is not None and field.type != "bool":
            assert shown == f"`{field.default}`", f"--{key}: {shown}"


@pytest.mark.parametrize("program", ["ota-server", "ota-publish", "ota-publisher"])
def test_the_man_page_has_every_flag_and_no_other(program: str) -> None:
    page = (ROOT / "packaging" / "man" / f"{program}.1").read_text().replace("\\-", "-")
    options = page.partition(".SH OPTIONS")[2].partition("\n.SH ")[0]
    described = re.findall(r'^\.TP\n\.B[IR]? (?:-h ", " )?(--[a-z0-9-]+)', options, re.MULTILINE)
    assert sorted(described) == sorted(_flags(_help(program))), "each option is described once, below OPTIONS"


@pytest.mark.parametrize("file", ["README.md", "packaging/man/ota-server.1", "packaging/ota-server.toml"])
def test_whoever_is_told_to_drop_files_is_told_to_copy_them(file: str) -> None:
    """What is moved from elsewhere on the same disk has no access list, and the server may be unable to remove it."""
    text = (ROOT / file).read_text()
    assert re.search(r"\bmv\b.{0,20}keeps", text, re.DOTALL), f"{file} says nothing of mv"


def test_the_readme_tells_how_the_services_memory_is_shared_out() -> None:
    unit = (ROOT / "packaging" / "systemd" / "ota-server.service").read_text()
    [most] = re.findall(r"^MemoryMax=(\d+)M$", unit, re.MULTILINE)
    [said] = re.findall(r"\*\*Memory\.\*\* (.*?)\n- ", (ROOT / "README.md").read_text(), re.DOTALL)
    images = OWN["image-cache"] >> 20
    shared = f"{images} MiB of them for images, up to as much again for images that were replaced"
    assert said.startswith(f"At most {most} MiB are used: {shared}")


def test_the_man_page_has_every_exit_status() -> None:
    page = (ROOT / "packaging" / "man" / "ota-server.1").read_text().replace("\\-", "-")
    _, server, token = re.split(r"\.SH EXIT STATUS|ota-server token\nends with", page.partition("\n.SH FILES")[0])
    taken = {*command.EXIT_CODES.values(), command.DECLINED, 0}
    assert {int(code) for code in re.findall(r"^\.B (\d+)$", token, re.MULTILINE)} == taken
    said = {int(code) for code in re.findall(r"^\.B (\d+)$", server, re.MULTILINE)}
    assert said >= {0, 1, command_line.EXIT_USAGE, EXIT_CONFIG}
