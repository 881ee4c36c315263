"""The TOML file of settings."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from server.settings.config import Config
from server.settings.setting import convert


def read(path: Path) -> dict[str, Any]:
    """Its settings, by the names of Config's fields. Raises ConfigError."""
    names = {f.name.replace("_", "-"): f.name for f in dataclasses.fields(Config)}
    settings = {}
    for key, value in _load(path).items():
        name = names.get(key.replace("_", "-"))
        if name is None:
            close = difflib.get_close_matches(key, names, 1)
            hint = f" Did you mean {close[0]!r}?" if close else f" The keys are: {', '.join(sorted(names))}."
            raise ConfigError(f"The configuration file {str(path)!r} has the unknown key {key!r}.{hint}")
        settings[name] = convert(name, value, f"{key!r} in {str(path)!r}")
    return settings


def state_dir_in(path: Path) -> Path | None:
    """The state folder that a file of settings names, whatever is wrong with its other keys; None where it names none.

    Raises ConfigError where the file cannot be read, or that key is wrong.
    """
    for key, value in _load(path).items():
        if key.replace("_", "-") == "state-dir":
            return Path(convert("state_dir", value, f"{key!r} in {str(path)!r}"))
    return None


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"The configuration file {str(path)!r} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # beside TOML's own, of text that is not UTF-8, and of huge numbers
        raise ConfigError(f"The configuration file {str(path)!r} is no valid TOML: {error}.") from None
