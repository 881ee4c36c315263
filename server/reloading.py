"""What a reload changes: the settings that differ, and the files that they name."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

from server.settings.config import Config


def contents(config: Config) -> dict[str, str]:
    """A hash of what is in each file that the server reads only when it starts, by the setting that names it."""
    named = {"boards": config.boards, "trust-keys": config.trust_keys}
    return {key: _hash(path) for key, path in named.items() if path is not None}


def changes(before: Config, after: Config, had: dict[str, str], has: dict[str, str]) -> list[str]:
    """What is otherwise, by the keys of the settings; `had` and `has` are the `contents` then and now."""
    found = []
    for field in dataclasses.fields(Config):
        key, old, new = field.name.replace("_", "-"), getattr(before, field.name), getattr(after, field.name)
        if old != new:
            found.append(f"{key} {_text(old)} -> {_text(new)}")
        elif had.get(key) != has.get(key):
            found.append(f"{key} has other contents")
    return found


def _text(value: object) -> str:
    return "(not set)" if value is None else str(value)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(path):
        try:
            data = file.read_bytes()
        except OSError as error:
            data = str(error).encode()
        digest.update(f"{file.name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    try:
        yield from sorted(path.glob("*.pem")) if path.is_dir() else [path]
    except OSError:
        return
