"""A moment as a table shows it."""

from __future__ import annotations

import datetime as dt


def when(time: dt.datetime | None) -> str:
    """In this computer's time: the hour today, else the day, too."""
    if time is None:
        return "–"
    here = time.astimezone()
    return here.strftime("%H:%M:%S" if here.date() == dt.datetime.now().astimezone().date() else "%Y-%m-%d %H:%M")
