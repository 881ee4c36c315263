"""One line a device on a terminal, painted again in its place; nothing anywhere else."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from desktop import wording
from desktop.standing import End, Standing, tally

_MARKS = {End.CONFIRMED: "✓", End.FAILED: "✗", End.SILENT: "✗", End.DOWNLOADED: "~", End.UNREPORTED: "~"}
_PLAIN = {"✓": "+", "✗": "x", "█": "#", "░": "."}
_LONGEST_BAR = 30
_STATE = 17
"""Columns of `fetching manifest`."""


class Screen:
    """Threads: one. `with` takes away what is left of it."""

    def __init__(self, stream: TextIO | None) -> None:
        """None: nothing is shown."""
        self._stream = stream
        self._lines = 0

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._stream is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def show(self, rows: Sequence[Standing]) -> None:
        """In the place of what was shown before."""
        if self._stream is None:
            return
        columns, height = self._size()
        lines = [self._encodable(clip(text, columns - 1)) for text in painted(rows, columns - 1, max(height - 1, 2))]
        self._write(self._home() + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._lines = len(lines)

    def end(self) -> None:
        """Take it away, so that lines can be printed in its place."""
        if self._lines:
            self._write(self._home() + "\x1b[J")
            self._lines = 0

    def _home(self) -> str:
        return f"\x1b[{self._lines}A\r" if self._lines else "\r"

    def _size(self) -> tuple[int, int]:
        """Columns and lines."""
        assert self._stream is not None
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return size.columns or 80, size.lines or 24

    def _encodable(self, text: str) -> str:
        assert self._stream is not None
        try:
            text.encode(self._stream.encoding or "ascii")
        except UnicodeError:
            return "".join(_PLAIN.get(c, c) for c in text).encode("ascii", "replace").decode()
        return text

    def _write(self, text: str) -> None:
        assert self._stream is not None
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream, self._lines = None, 0  # the terminal has gone: the work goes on


def painted(rows: Sequence[Standing], columns: int, most: int) -> list[str]:
    """At most so many lines; where there are more devices, those that need a look go first."""
    width = min(max((_width(row.name) for row in rows), default=0), max(columns // 2, 10))
    if len(rows) <= most:
        return [_line(row, width, columns) for row in rows]
    shown = set(sorted(range(len(rows)), key=lambda n: (_rank(rows[n]), n))[: most - 1])
    rest = [row for n, row in enumerate(rows) if n not in shown]
    return [_line(rows[n], width, columns) for n in sorted(shown)] + [f"… and {len(rest)} more: {tally(rest)}"]


def clip(text: str, columns: int) -> str:
    """So much of it as fits into one line, without control characters."""
    kept: list[str] = []
    used = 0
    for c in text:
        c = c if c.isprintable() else "\ufffd"
        used += _width(c)
        if used > columns:
            return "".join(kept[:-1]) + "…" if kept else ""
        kept.append(c)
    return "".join(kept)


def _rank(row: Standing) -> int:
    if row.transfer is not None:
        return 0
    if row.end in (End.FAILED, End.SILENT):
        return 1
    return 2 if row.end is None and not row.state.startswith("waiting") else 3


def _line(row: Standing, width: int, columns: int) -> str:
    name = clip(row.name, width)
    start = name + " " * (width - _width(name) + 2)
    if row.end is not None:
        return f"{start}{_MARKS[row.end]} {row.text}"
    transfer = row.transfer
    if transfer is None or not transfer.size:
        return start + row.text
    share = min(transfer.bytes / transfer.size, 1.0)
    rate = transfer.bytes_per_second
    eta = transfer.eta_seconds
    end = f" {share:4.0%}  {'' if rate is None else wording.size(round(rate)) + '/s':>9}  {'' if eta is None else clock(eta)}"
    room = min(columns - _width(start) - _STATE - 1 - len(end), _LONGEST_BAR)
    bar = "█" * round(share * room) + "░" * (room - round(share * room)) if room >= 4 else ""
    return f"{start}{row.state:{_STATE}} {bar}{end.rstrip()}"


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours, minutes and seconds: 0:07, 12:30, 1:00:00."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _width(text: str) -> int:
    """Columns that it takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
