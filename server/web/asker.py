"""Who sends the current request, as far as it is known."""

from __future__ import annotations

import bottle


def who_asks() -> str:
    """For the history: the address. Called within a request only."""
    return str(bottle.request.environ.get("REMOTE_ADDR", "somebody"))
