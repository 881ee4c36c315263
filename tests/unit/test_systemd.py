"""What the journal reads."""

from __future__ import annotations

import logging
import sys

import pytest

from server.systemd import JournalFormatter


@pytest.mark.parametrize(("level", "priority"), [(50, 2), (40, 3), (30, 4), (20, 6), (10, 7)])
def test_every_line_has_its_priority(level: int, priority: int) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", level, "f", 1, "what %r", ("a\nb",), sys.exc_info())
    lines = JournalFormatter().format(record).splitlines()
    assert lines[0] == f"<{priority}>what 'a\\nb'"
    assert len(lines) > 2
    assert all(line.startswith(f"<{priority}>") for line in lines)
