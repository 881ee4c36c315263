"""Who sends the current request, as far as it is known, and what they did: into the history, and into the log as one line."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

import bottle

from server.fleet.record.history import History
from server.web.proxy import address_of

Environ = Mapping[str, Any]
"""WSGI's (PEP 3333)."""
_KEY = "ota.token"
_log = logging.getLogger(__name__)


def came_from(environ: Environ) -> str:
    """Where a request came from; an IPv4 address as people write it, though a dual-stack socket says ::ffff:10.0.0.3."""
    text = str(environ.get("REMOTE_ADDR", "somebody"))
    address = address_of(text)
    return str(address) if address is not None and address.version == 4 else text


def name_asker(environ: Environ, name: str) -> None:
    """From now on `who_asks()` says it; "" where there is no token."""
    assert isinstance(environ, MutableMapping)  # bottle and waitress share a dict
    environ[_KEY] = name


def who_asks() -> str:
    """For the history: `laptop (10.0.0.3)`, or the address alone. Called within a request only."""
    environ = bottle.request.environ
    address, name = came_from(environ), environ.get(_KEY, "")
    return f"{name} ({address})" if name else address


def note(
    history: History, kind: str, what: str, publish_id: str | None = None, device: str | None = None, **details: Any
) -> None:
    """Record what who asks has done; `what` is a sentence. Called within a request only."""
    who = who_asks()
    history.record(kind, what, who, publish_id, device, **details)
    _log.info("%s: %s", who, what)
