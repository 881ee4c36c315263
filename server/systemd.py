"""What systemd and its journal expect of a service."""

from __future__ import annotations

import logging

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))


class JournalFormatter(logging.Formatter):
    """Each line with its priority in front (sd-daemon(3)) and no time: the journal has its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of one record, a traceback's included."""
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
