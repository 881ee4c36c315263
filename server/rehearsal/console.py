"""What devices say: lines as on RIOT's serial console, or JSON lines for programs."""

from __future__ import annotations

import json
from typing import Protocol, TextIO


class Console(Protocol):
    """Where devices say what they do. The thread of the devices calls it."""

    def say(self, device: str, event: str, line: str, error: int | None = None, **facts: object) -> None:
        """An event by its name; `line`: what RIOT prints, in brackets what it does not, or nothing; `error`: RIOT's number."""


class SerialConsole:
    """Lines to read, each behind its device's address."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, device: str, event: str, line: str, error: int | None = None, **facts: object) -> None:  # noqa: ARG002
        """Print the line, where there is one."""
        if line:
            print(f"{device}: {line}", file=self._out, flush=True)


class JsonConsole:
    """One JSON object a line: device, event, error (a number or null), line, and what else belongs to the event."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, device: str, event: str, line: str, error: int | None = None, **facts: object) -> None:
        """Print the object."""
        print(json.dumps({"device": device, "event": event, "error": error, "line": line, **facts}), file=self._out, flush=True)
