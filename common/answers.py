"""What the server's answers mean: the value in them, or the OtaError that they, or their absence, stand for."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import requests
import urllib3

from common.errors import (
    InvalidDeviceUrl,
    InvalidManifest,
    InvalidRelease,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OtaError,
    ReleaseExists,
    ReleaseNotFound,
    ServerRefused,
    ServerUnreachable,
    StoreFull,
    TokenWanted,
    TooLarge,
    TooManyTries,
)
from common.finding import Finding


def error_code(kind: type[OtaError]) -> str:
    """The class's name as programs read it: ReleaseExists is `release-exists`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


_KINDS: Mapping[str, type[OtaError]] = MappingProxyType({
    error_code(kind): kind
    for kind in (
        InvalidRequest, InvalidDeviceUrl, InvalidRelease, InvalidManifest, ReleaseExists, NotFound, ReleaseNotFound,
        NotAllowed, TooManyTries, TooLarge, StoreFull,
    )
})
_BY_STATUS: Mapping[int, type[OtaError]] = MappingProxyType({401: TokenWanted, 403: NotAllowed, 413: TooLarge})
"""For proxies and web servers, which answer these on their own and not in JSON."""

_LONGEST = 64 << 20
"""Bytes of an answer: five times what ten thousand releases take."""
_T = TypeVar("_T")


def read(
    response: requests.Response,
    shape: Callable[[Any], _T],
    server: str,
    piece: Callable[[dict[str, Any]], Any] | None = None,
) -> _T:
    """The value that `shape` makes of the answer's JSON; any other answer is raised as its error.

    `piece` is given each JSON object as soon as it is read, and gives what stands for it in what `shape` is given.
    """
    try:
        body = _body(response, server)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        if _find(error, (TimeoutError, urllib3.exceptions.ReadTimeoutError)):
            raise
        raise ServerRefused(
            f"The server at {server} broke off in the middle of its answer. What was asked of it may have been done:"
            " look at its list of releases, or do the same again."
        ) from error
    try:
        data = json.loads(body, object_hook=piece if response.ok else None) if body else None
    except (ValueError, RecursionError):
        data = None
    if 200 <= response.status_code < 300 and data is not None:
        try:
            return shape(data)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise ServerRefused(
                f"The server at {server} answered with JSON of another shape than an OTA Server's:"
                " check the address, and that server and client are of the same version."
            ) from error
    raise _refusal(response, body, data, server)


def _body(response: requests.Response, server: str) -> bytes:
    """Whole, up to a bound: what never ends is no answer."""
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) > _LONGEST:
            raise ServerRefused(
                f"What answers at {server} does not come to an end: after {_LONGEST >> 20} MiB the rest was not read."
                " Check that the address is an OTA Server's."
            )
    if left := response.raw.length_remaining:  # urllib3 1 takes what came for the whole
        raise urllib3.exceptions.IncompleteRead(len(body), left)
    return bytes(body)


def _refusal(response: requests.Response, body: bytes, data: Any, server: str) -> OtaError:
    status = response.status_code
    if isinstance(data, Mapping) and isinstance(data.get("message"), str) and isinstance(data.get("error"), str):
        kind = TokenWanted if status == 401 else _KINDS.get(data["error"], ServerRefused)
        message = data["message"] or f"The server at {server} gave no reason ({data['error']})."
        if issubclass(kind, InvalidRelease | TooLarge):
            return kind(message, _findings(data.get("findings")))
        return kind(message)
    if 300 <= status < 400:
        target = response.headers.get("Location", "another address")
        return ServerRefused(f"The server at {server} points to {target!r}: give the address that it means.")
    came = f"{_what(response, body)} (status {status})"
    if kind_by_status := _BY_STATUS.get(status):
        said = "the files are too large" if kind_by_status is TooLarge else "this is not allowed"
        return kind_by_status(f"{server} says that {said}. It sent {came}: it may be a proxy before the OTA Server.")
    return ServerRefused(
        f"{server} answered with {came}, and an OTA Server answers with JSON: check that the address is an OTA Server's."
    )


def _what(response: requests.Response, body: bytes) -> str:
    if not body:
        return "an empty page"
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "text/html" or body.lstrip()[:1] == b"<":
        text = body[:100_000].decode(errors="replace")
        title = re.search(r"<title>\s*([^<]{1,80})", text, re.IGNORECASE)
        return f"a web page, {title[1].strip()!r}," if title else "a web page"
    return "JSON that is broken or incomplete" if kind.endswith("json") else "something else than JSON"


def _findings(data: Any) -> tuple[Finding, ...]:
    try:
        return tuple(Finding.from_json(item) for item in data or ())
    except (KeyError, ValueError, TypeError, AttributeError):
        return ()


def unreachable(error: Exception, server: str) -> OtaError:
    """The error for an answer that never began: which one, by what lies at the bottom of the exception."""
    start = "Is it running? Start it with `make run`, or `systemctl start ota-server`."
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | UnicodeError):
        return InvalidRequest(f"{server!r} is no address of a server. Write it as http://localhost:8080.")
    if _find(error, (requests.exceptions.ProxyError,)):
        return ServerUnreachable(f"No way to {server}: the proxy that the environment names does not answer. Check http_proxy.")
    if _find(error, (socket.gaierror,)):
        return ServerUnreachable(f"No server at {server}: nobody knows the host's name. Check its spelling, and the network.")
    if _find(error, (ssl.SSLError, requests.exceptions.SSLError)):
        return ServerUnreachable(f"No secure connection to {server}: its certificate is not trusted, or it speaks plain http.")
    if _find(error, (ConnectionRefusedError,)):
        return ServerUnreachable(f"No server at {server}: nothing listens there. {start}")
    if _find(error, (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return ServerUnreachable(f"The server at {server} did not answer in time: check the address and the network.")
    if not _find(error, (ConnectionError,)) and _find(error, (http.client.HTTPException,)):
        return ServerRefused(f"What answers at {server} does not speak HTTP: check the port.")
    if _find(error, (ConnectionError, http.client.HTTPException)):
        return ServerUnreachable(f"The connection to the server at {server} was lost before it answered. {start} Then try again.")
    return ServerUnreachable(f"No way to the server at {server}: check the address and the network. {start}")


def _find(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether one of `kinds` is at work: libraries keep the cause in arguments, in `reason`, or chained."""
    return any(isinstance(e, kinds) for e in _causes(error, set()))


def _causes(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for inner in (*error.args, getattr(error, "reason", None), error.__cause__, error.__context__):
        if isinstance(inner, BaseException):
            yield from _causes(inner, seen)
