"""Tables as GitHub markdown, which can be pasted into README.md; what is under way goes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
    """Print a heading, a table whose first column is text and whose others are figures, and notes below it."""
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
    print(f"\n### {title}\n")
    print(_line([header[0].ljust(widths[0]), *(h.rjust(w) for h, w in zip(header[1:], widths[1:], strict=True))]))
    print(_line(["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]))
    for row in rows:
        print(_line([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]))
    print("".join(f"\n{note}\n" for note in notes), end="", flush=True)


def doing(what: str) -> None:
    """Tell the person who waits what is being measured."""
    print(f"… {what}", file=sys.stderr, flush=True)


def figure(value: float) -> str:
    """Three significant digits, and all of a whole number's."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def milliseconds(microseconds: float) -> str:
    """A time with its unit."""
    return f"{figure(microseconds / 1000)} ms"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
