"""The history as a table for people: CSV (RFC 4180), of which no cell is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from common.device import time_text
from common.event import Event
from server.fleet.record.history import COLUMNS, History


def table(history: History, since: int | None = None) -> Iterator[str]:
    """The events after this one, from the beginning where it is None, a page at a time, behind a line of titles."""
    yield _lines([COLUMNS])
    after: int | None = since
    while True:
        page = history.since(after)
        yield _lines([_cells(event) for event in page.events])
        if page.next is None:
            return
        after = page.next


def _cells(event: Event) -> list[str]:
    details = json.dumps(dict(event.details), ensure_ascii=False) if event.details else ""
    texts = (event.kind, event.who, event.what, event.publish_id or "", event.device or "", details)
    return [str(event.id), time_text(event.time), *map(_safe, texts)]


def _safe(text: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula, and would run what a device or a caller wrote."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _lines(rows: list[Any]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return lines.getvalue()
