"""The forms in which an answer goes out: JSON, a page, another address; and the headers of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import bottle

_SECURITY = [
    (
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
]


def wants_page() -> bool:
    """Whether a person asks with a browser."""
    accept = bottle.request.get_header("Accept", "")
    return "text/html" in accept and not bottle.request.path.startswith("/api/")


def as_json(data: dict[str, Any], status: int, **headers: str) -> bottle.HTTPResponse:
    """For programs. `headers` as Bottle has them: Content_Type."""
    return bottle.HTTPResponse(json.dumps(data), status=status, Content_Type="application/json", **headers)


def unless_known(data: dict[str, Any]) -> bottle.HTTPResponse:
    """For programs that ask again and again: 304 where they have the very same already (RFC 9110, 13.1.2)."""
    body = json.dumps(data)
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache_Control": "no-cache"}
    if bottle.request.get_header("If-None-Match") == etag:
        return bottle.HTTPResponse(status=304, **headers)
    return bottle.HTTPResponse(body, Content_Type="application/json", **headers)


def as_page(text: str, status: int = 200, **headers: str) -> bottle.HTTPResponse:
    """For people."""
    return bottle.HTTPResponse(text, status=status, Content_Type="text/html; charset=UTF-8", **headers)


def see_other(path: str) -> bottle.HTTPResponse:
    """Relative to the request's own address, so that a proxy may put a prefix before it."""
    return bottle.HTTPResponse(status=303, Location=path)


def with_security_headers(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Also lets go of what was spooled: Bottle keeps a worker's last request, and its files, until the next one."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, headers + _SECURITY, *exc_info)

        try:
            return app(environ, start)
        finally:
            for upload in environ.get("bottle.request.files", {}).values():
                upload.file.close()
            body = environ.get("bottle.request.body")
            if body is not None:
                body.close()

    return wrapped
