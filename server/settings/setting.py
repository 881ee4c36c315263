"""The value of one setting, from what a flag or the TOML file says to the type that it has."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from common.errors import ConfigError
from server.settings.config import Config

_MOST = (1 << 63) - 1
"""Of anything: what a file system counts bytes with."""


def kind_of(field: dataclasses.Field[Any]) -> str:
    """The type that a setting has where it is set."""
    return str(field.type).removesuffix(" | None")


def convert(name: str, value: object, where: str) -> Any:
    """What the field `name` of Config gets; `where` says where the value stands. Raises ConfigError."""
    kind = next(kind_of(f) for f in dataclasses.fields(Config) if f.name == name)
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
