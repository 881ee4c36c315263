"""The server's command line: its flags over the file that one of them names, over the defaults."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from common import __version__
from common.program import called
from server.settings import bounds, config_file
from server.settings.config import Config
from server.settings.setting import convert, kind_of

EXIT_USAGE = 64
_METAVARS = {"Path": "DIR", "str": "ADDRESS", "int": "N", "float": "SECONDS"}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The settings, which of them were set, and whether they are only to be printed or checked."""

    config: Config
    print_config: bool
    check_config: bool
    given: frozenset[str]
    """The fields of Config that a flag or the file names."""


def read(arguments: list[str]) -> CommandLine:
    """Flags over file over defaults. Raises ConfigError; a bad flag exits with 64 and a sentence."""
    parser = _Parser(
        prog=called("ota-server", "server"),
        description="Serves a folder of firmware to devices over CoAP and to people over HTTP.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for field in dataclasses.fields(Config):
        flag = "--" + field.name.replace("_", "-")
        if field.type == "bool":
            parser.add_argument(flag, action="store_true", help=field.metadata["help"])
        else:
            shown = "" if field.default is None else f" (default: {field.default})"
            metavar = field.metadata.get("metavar", _METAVARS[kind_of(field)])
            parser.add_argument(flag, metavar=metavar, help=field.metadata["help"] + shown)
    parser.add_argument("--config", metavar="FILE", help="a TOML file of these settings; flags win over it")
    parser.add_argument("--print-config", action="store_true", help="print the settings that would be used, and exit")
    parser.add_argument("--check-config", action="store_true", help="say whether a server could use the settings, and exit")
    parser.add_argument("--version", action="version", version=f"ota-server {__version__}")
    flags = vars(parser.parse_args(arguments))
    print_config, check_config = (bool(flags.pop(name, False)) for name in ("print_config", "check_config"))
    file = flags.pop("config", None)
    settings = config_file.read(Path(file)) if file else {}
    settings.update({key: convert(key, value, f"--{key.replace('_', '-')}") for key, value in flags.items()})
    config = Config(**settings)
    bounds.check(config)
    return CommandLine(config, print_config, check_config, frozenset(settings))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")
