"""What the server was told: defaults < TOML file < flags, as one frozen value."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import ipaddress
import math
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from common import __version__
from common.errors import ConfigError
from common.program import called

MIB = 1024 * 1024
EXIT_USAGE = 64
_CENTURY = 36_500
"""Days. What is longer is meant as "for ever", and beyond some length clocks and waits fail."""
_LONGEST = _CENTURY * 86_400
_MOST = (1 << 63) - 1
"""Of anything: what a file system counts bytes with."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; a key of the file is the field's name with `-` for `_`."""

    firmware_dir: Path = dataclasses.field(default=Path("firmware"), metadata={"help": "the folder that is served and watched"})
    state_dir: Path | None = dataclasses.field(
        default=None,
        metadata={"help": "where uploads are spooled ($STATE_DIRECTORY, else ~/.local/state/ota-server)"},
    )
    http_host: str = dataclasses.field(default="127.0.0.1", metadata={"help": "the address of the page"})
    http_port: int = dataclasses.field(default=8080, metadata={"help": "the TCP port of the page; 0 takes any free one"})
    trusted_proxy: str | None = dataclasses.field(
        default=None,
        metadata={"help": "the address of the one proxy that is believed in what it says of the client (by default none is)"},
    )
    coap_bind: str = dataclasses.field(default="::", metadata={"help": "the address to listen on for devices; :: takes IPv4 too"})
    coap_port: int = dataclasses.field(default=5683, metadata={"help": "the UDP port for devices; 0 takes any free one"})
    coap_host: str | None = dataclasses.field(
        default=None,
        metadata={"help": "the address put into URLs for devices (by default the one that routing would use for each device)"},
    )
    coap_rate: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": "bytes a second that one address is sent at most, devices that were notified and this machine aside"
            " (by default any number)",
        },
    )
    trust_keys: Path | None = dataclasses.field(
        default=None,
        metadata={"help": "a folder of PEM files: the public keys that may sign manifests (by default none is checked)"},
    )
    boards: Path | None = dataclasses.field(
        default=None,
        metadata={
            "help": "a file of board names beside RIOT's, one a line, with the vendor's domain behind it where that is not"
            " riot-os.org",
            "metavar": "FILE",
        },
    )
    max_image_size: int = dataclasses.field(default=16 * MIB, metadata={"help": "the largest file, in bytes"})
    image_cache: int = dataclasses.field(default=256 * MIB, metadata={"help": "bytes of images kept in memory"})
    rescan: float = dataclasses.field(
        default=60.0, metadata={"help": "seconds between looks at the whole folder, beside those that changes cause"}
    )
    max_transfers: int = dataclasses.field(
        default=8, metadata={"help": "devices of one notification that may download at once; the others wait their turn"}
    )
    patience: float = dataclasses.field(
        default=600.0, metadata={"help": "seconds that a device has to show that it runs what it downloaded"}
    )
    version_path: str | None = dataclasses.field(
        default=None,
        metadata={"help": "where devices show which release they run, if they have such a resource", "metavar": "PATH"},
    )
    keep_history: int = dataclasses.field(default=90, metadata={"help": "days that the history is kept"})
    keep: int | None = dataclasses.field(
        default=None,
        metadata={"help": "ready releases of each vendor and class that are kept; older ones that nobody uses are removed"
                  " (by default none is)"},
    )  # fmt: skip
    quota: int | None = dataclasses.field(
        default=None,
        metadata={"help": "bytes that the firmware folder may have; the oldest releases that nobody uses are removed"
                  " (by default none is)", "metavar": "BYTES"},
    )  # fmt: skip
    debug: bool = dataclasses.field(default=False, metadata={"help": "log more"})

    @property
    def state(self) -> Path:
        """The state folder, with its default filled in."""
        if self.state_dir is not None:
            return self.state_dir
        given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        return Path(given) if given else Path.home() / ".local" / "state" / "ota-server"

    def to_toml(self) -> str:
        """The settings as the file that would set them."""
        lines = []
        for field in dataclasses.fields(self):
            value = self.state if field.name == "state_dir" else getattr(self, field.name)
            key = field.name.replace("_", "-")
            lines.append(f"# {key} is not set" if value is None else f"{key} = {_toml(value)}")
        return "\n".join(lines) + "\n"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


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
            metavar = field.metadata.get("metavar", _METAVARS[_kind(field)])
            parser.add_argument(flag, metavar=metavar, help=field.metadata["help"] + shown)
    parser.add_argument("--config", metavar="FILE", help="a TOML file of these settings; flags win over it")
    parser.add_argument("--print-config", action="store_true", help="print the settings that would be used, and exit")
    parser.add_argument("--check-config", action="store_true", help="say whether a server could use the settings, and exit")
    parser.add_argument("--version", action="version", version=f"ota-server {__version__}")
    flags = vars(parser.parse_args(arguments))
    print_config, check_config = (bool(flags.pop(name, False)) for name in ("print_config", "check_config"))
    file = flags.pop("config", None)
    settings = _read_file(Path(file)) if file else {}
    settings.update({key: _convert(key, value, f"--{key.replace('_', '-')}") for key, value in flags.items()})
    config = Config(**settings)
    _check(config)
    return CommandLine(config, print_config, check_config, frozenset(settings))


_METAVARS = {"Path": "DIR", "str": "ADDRESS", "int": "N", "float": "SECONDS"}


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"The configuration file {str(path)!r} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # beside TOML's own, of text that is not UTF-8, and of huge numbers
        raise ConfigError(f"The configuration file {str(path)!r} is no valid TOML: {error}.") from None


def _read_file(path: Path) -> dict[str, Any]:
    names = {f.name.replace("_", "-"): f.name for f in dataclasses.fields(Config)}
    settings = {}
    for key, value in _load(path).items():
        name = names.get(key.replace("_", "-"))
        if name is None:
            close = difflib.get_close_matches(key, names, 1)
            hint = f" Did you mean {close[0]!r}?" if close else f" The keys are: {', '.join(sorted(names))}."
            raise ConfigError(f"The configuration file {str(path)!r} has the unknown key {key!r}.{hint}")
        settings[name] = _convert(name, value, f"{key!r} in {str(path)!r}")
    return settings


def state_dir_in(path: Path) -> Path | None:
    """The state folder that a file of settings names, whatever is wrong with its other keys; None where it names none.

    Raises ConfigError where the file cannot be read, or that key is wrong.
    """
    for key, value in _load(path).items():
        if key.replace("_", "-") == "state-dir":
            return Path(_convert("state_dir", value, f"{key!r} in {str(path)!r}"))
    return None


def _kind(field: dataclasses.Field[Any]) -> str:
    """The type that a setting has where it is set."""
    return str(field.type).removesuffix(" | None")


def _convert(name: str, value: object, where: str) -> Any:
    kind = next(_kind(f) for f in dataclasses.fields(Config) if f.name == name)
    try:
        if kind == "bool":
            if not isinstance(value, bool):
                raise ValueError
            return value
        if kind in ("int", "float"):
            return _number(value, kind == "int")
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError
        return Path(value) if kind == "Path" else value
    except (ValueError, OverflowError):
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}.get(kind, "a text that is not empty")
        raise ConfigError(f"{where} is {_shown(value)}, and {wanted} is expected.") from None


def _number(value: object, whole: bool) -> int | float:
    """Raises ValueError or OverflowError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    number = int(value) if whole else float(value)
    if (isinstance(value, float) and number != value) or not math.isfinite(number) or abs(number) > _MOST:
        raise ValueError
    return number


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # more digits than Python writes
        return "a number of thousands of digits"


def _check(config: Config) -> None:
    for name in ("http_port", "coap_port"):
        if not 0 <= getattr(config, name) <= 65535:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; a port lies between 0 and 65535.")
    for name in ("max_image_size", "image_cache"):
        if getattr(config, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; it is a number of bytes above 0.")
    if config.trusted_proxy is not None and not _is_address(config.trusted_proxy):
        raise ConfigError(f"--trusted-proxy is {config.trusted_proxy!r}; it is an IP address, such as 127.0.0.1.")
    if config.coap_rate is not None and config.coap_rate < 1:
        raise ConfigError(f"--coap-rate is {config.coap_rate}; it is a number of bytes a second above 0.")
    if config.image_cache < config.max_image_size:
        raise ConfigError(
            f"--image-cache is {config.image_cache} and --max-image-size {config.max_image_size}:"
            " the cache has to hold at least one image."
        )
    for name in ("max_transfers", "keep_history"):
        if getattr(config, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is {getattr(config, name)}; it is a whole number above 0.")
    for name in ("keep", "quota"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} is {value}; it is a whole number above 0. Leave it out to remove nothing by itself.")
    if config.keep_history > _CENTURY:
        raise ConfigError(f"--keep-history is {config.keep_history}; it is a number of days, {_CENTURY} (100 years) at most.")
    for name in ("patience", "rescan"):
        if not 0 < getattr(config, name) <= _LONGEST:
            raise ConfigError(
                f"--{name} is {getattr(config, name)}; it is a number of seconds above 0, {_LONGEST} (100 years) at most."
            )
    firmware, state = config.firmware_dir.resolve(), config.state.resolve()
    if state == firmware or firmware in state.parents:
        raise ConfigError(
            f"The state folder {str(state)!r} lies in the firmware folder {str(firmware)!r}, which is served:"
            " choose another one with --state-dir."
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
