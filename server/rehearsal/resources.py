"""What a device answers to which request, apart from what it then does (RIOT: sys/suit/transport/coap.c)."""

from __future__ import annotations

from dataclasses import dataclass

from server.coap import datagram
from server.coap.datagram import Datagram

POST = 2
CREATED, INCOMPLETE, TOO_LARGE = 0x41, 0x88, 0x8D
TRIGGER = "suit/trigger"
PAYLOAD_BYTES = 127
"""A longer URL is 4.13."""
_ACTIVE, _INACTIVE = "suit/slot/active", "suit/slot/inactive"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response without its message's frame."""

    code: int
    payload: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What the device tells of itself."""

    board: str
    active: int | None
    """The slot that runs; None where it does not tell."""


def reply(request: Datagram, told: Told) -> Reply:
    """The answer to a request, a trigger's among them."""
    path = request.path
    if path == TRIGGER:
        return _trigger(request)
    texts = {"riot/board": told.board, "suit/version": "NONE"}
    if told.active is not None:
        texts |= {_ACTIVE: str(told.active), _INACTIVE: str(1 - told.active)}
    if path == ".well-known/core":
        links = ",".join(f"</{name}>" for name in sorted([*texts, TRIGGER, path]))
        return _block(request, links.encode(), datagram.LINK_FORMAT) if request.code == datagram.GET else _not_allowed()
    if path not in texts:
        return Reply(datagram.NOT_FOUND)
    return _block(request, texts[path].encode(), 0) if request.code == datagram.GET else _not_allowed()


def _trigger(request: Datagram) -> Reply:
    if request.code != POST:
        return _not_allowed()
    if not request.payload:
        return Reply(INCOMPLETE)
    return Reply(TOO_LARGE if len(request.payload) > PAYLOAD_BYTES else CREATED)


def _not_allowed() -> Reply:
    return Reply(datagram.METHOD_NOT_ALLOWED)


def _block(request: Datagram, body: bytes, content_format: int) -> Reply:
    """All of it, or the block that was asked for (RFC 7959, 2.4)."""
    options = ((datagram.CONTENT_FORMAT, datagram.uint(content_format)),)
    block = request.block2
    if block is None:
        return Reply(datagram.CONTENT, body, options)
    start = block.number * block.size
    if block.is_reserved or start >= len(body):
        return Reply(datagram.BAD_REQUEST)
    more = start + block.size < len(body)
    value = datagram.uint(block.number << 4 | more << 3 | block.szx)
    return Reply(datagram.CONTENT, body[start : start + block.size], (*options, (datagram.BLOCK2, value)))
