"""What a request's address may be, before anything is done by it."""

from __future__ import annotations

from server.web.asker import Environ
from server.web.errors import Failure

_LONGEST_QUERY = 4096
"""Bytes. The longest that this server's own pages ask for is a filter of 200 characters, each as up to 12 bytes."""


def unreadable(environ: Environ) -> Failure | None:
    """Why the request that Bottle has begun with cannot be served; None where it can.

    Bottle 0.13 leaves out of a path the bytes that are not UTF-8, so that it would name another thing.
    """
    try:
        environ["bottle.raw_path"].encode("latin-1").decode()
    except UnicodeError:
        return Failure(400, "bad-request", "The address is not UTF-8, so it names nothing here: nothing was done.")
    length = len(environ.get("QUERY_STRING", ""))
    if length > _LONGEST_QUERY:
        message = f"Behind the ? of the address are {length} bytes; the server takes {_LONGEST_QUERY} at most."
        return Failure(414, "uri-too-long", message)
    return None
