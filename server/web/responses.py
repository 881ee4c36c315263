"""The forms in which an answer goes out: JSON, a page, another address; and the headers of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import bottle

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
    "object-src 'none'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
))
_PIECE = 1 << 16
"""Bytes."""
_SECURITY = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def wants_page() -> bool:
    """Whether a person asks with a browser."""
    accept = bottle.request.get_header("Accept", "")
    return "text/html" in accept and not bottle.request.path.startswith("/api/")


def way_up() -> str:
    """From the current request's address to the server's first page, relative, so that a proxy may put a prefix before it."""
    return "../" * (str(bottle.request.path).count("/") - 1)


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


def list_unless_known(key: str, values: Iterable[dict[str, Any]]) -> bottle.HTTPResponse:
    """The same of `{key: [values]}`, which may be tens of thousands: each becomes text by itself."""
    digest, parts = hashlib.sha256(), []
    for value in values:
        text = json.dumps(value).encode()
        digest.update(text)
        parts += [b", ", text]
    headers = {"ETag": f'"{digest.hexdigest()[:16]}"', "Cache_Control": "no-cache"}
    if bottle.request.get_header("If-None-Match") == headers["ETag"]:
        return bottle.HTTPResponse(status=304, **headers)
    pieces = in_pieces([f'{{"{key}": ['.encode(), *parts[1:], b"]}"])
    return bottle.HTTPResponse(pieces, Content_Type="application/json", **headers)


def in_pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer and larger pieces: each costs a look at the connection, and none is more than a few blocks."""
    piece = bytearray()
    for part in parts:
        piece += part
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def as_page(text: str | bytes | Iterator[bytes], status: int = 200, **headers: str) -> bottle.HTTPResponse:
    """For people."""
    return bottle.HTTPResponse(text, status=status, Content_Type="text/html; charset=UTF-8", **headers)


def see_other(path: str) -> bottle.HTTPResponse:
    """Relative to the request's own address, so that a proxy may put a prefix before it."""
    return bottle.HTTPResponse(status=303, Location=path)


def guarded(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """An answer's headers and those of all answers; what does not say how long it may be kept is not kept."""
    kept = any(name.lower() == "cache-control" for name, _ in headers)
    return [*headers, *_SECURITY, *([] if kept else [("Cache-Control", "no-store")])]


def with_security_headers(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Also lets go of what was spooled: Bottle keeps a worker's last request, and its files, until the next one."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, guarded(headers), *exc_info)

        try:
            return app(environ, start)
        finally:
            for upload in environ.get("bottle.request.files", {}).values():
                upload.file.close()
            body = environ.get("bottle.request.body")
            if body is not None:
                body.close()

    return wrapped
