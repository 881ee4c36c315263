"""A firmware block is a pure function of (catalogue, request): the fast path.

RFC 7252, 4.5 lets a server forget idempotent requests; RFC 7959, 2.4 makes the block a function of
resource and option. The one memory is the pin, which keeps a transfer on the image that it began with.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from server.coap import datagram
from server.coap.datagram import Block, Datagram
from server.coap.options import Unusable, check_options
from server.coap.pins import Address, Pins
from server.firmware.catalogue import LiveCatalogue
from server.firmware.image import Image
from server.firmware.images import Content, ImageCache


@dataclass(frozen=True, slots=True)
class Missing:
    """The answer needs an image that is not in memory: load it, then ask again with its content."""

    image: Image


class Blocks:
    """Answers GET of served files.

    Threads: the receive loop calls `answer`; the pool calls it with a loaded content.
    """

    def __init__(self, live: LiveCatalogue, cache: ImageCache, pins: Pins, default_size: int = 1024) -> None:
        """`default_size`: the block size in bytes where a request names none; a power of two from 16 to 1024."""
        self._live = live
        self._cache = cache
        self._pins = pins
        self._default_szx = default_size.bit_length() - 5
        self._mids = itertools.count()

    def answer(self, data: bytes, peer: Address, loaded: Content | None = None) -> bytes | Missing | None:
        """The response datagram; Missing; or None where this is no GET of a served file, or a faulty one."""
        request = datagram.parse(data)
        if request is None or request.code != datagram.GET or request.type > datagram.NON:
            return None
        path = request.path
        if path is None:
            return None
        try:
            check_options(request)
        except Unusable:
            return None
        return self._serve(request, peer, path, loaded)

    def _serve(self, request: Datagram, peer: Address, path: str, loaded: Content | None) -> bytes | Missing | None:
        wanted = request.block2
        block = wanted or Block(0, False, self._default_szx)
        content = self._content(request, peer, path, block.number, loaded)
        if not isinstance(content, Content):
            return content
        offset = block.number * block.size
        if block.is_reserved or (block.number and offset >= len(content.data)):
            return self._reply(request, datagram.BAD_REQUEST)
        etag = (datagram.ETAG, content.etag)
        conditions = request.values(datagram.IF_MATCH)
        if (conditions and content.etag not in conditions and b"" not in conditions) or request.values(datagram.IF_NONE_MATCH):
            return self._reply(request, datagram.PRECONDITION_FAILED)
        accept = request.values(datagram.ACCEPT)
        if accept and int.from_bytes(accept[0], "big") != datagram.OCTET_STREAM:
            return self._reply(request, datagram.NOT_ACCEPTABLE)
        if content.etag in request.values(datagram.ETAG):
            return self._reply(request, datagram.VALID, [etag])
        payload = content.data[offset : offset + block.size]
        more = offset + block.size < len(content.data)
        options = [etag, (datagram.CONTENT_FORMAT, datagram.uint(datagram.OCTET_STREAM))]
        if wanted or more:
            options.append((datagram.BLOCK2, datagram.uint(block.number << 4 | more << 3 | block.szx)))
        if request.values(datagram.SIZE2):
            options.append((datagram.SIZE2, datagram.uint(len(content.data))))
        return self._reply(request, datagram.CONTENT, options, payload)

    def _content(
        self, request: Datagram, peer: Address, path: str, number: int, loaded: Content | None
    ) -> Content | Missing | None:
        """The bytes that this transfer is about, pinned; None where nothing is served here."""
        image = self._live.current.images.get(path)
        pin = self._pins.get(peer, path)
        if pin is not None and (number or pin.mid == request.mid):
            self._pins.touch(peer, path, pin, number)
            content = self._pins.content(pin.sha256)
            if content is not None:
                return content
            if image is None or image.sha256 != pin.sha256:
                return None  # its bytes are gone, and no others may follow them
            content = self._in_memory(image, loaded)
            if content is not None:
                self._pins.hold(pin, content)
            return content or Missing(image)
        if image is None:
            return None
        content = self._in_memory(image, loaded)
        if content is None:
            return Missing(image)
        self._pins.set(peer, path, content, None if number else request.mid, number)
        return content

    def _in_memory(self, image: Image, loaded: Content | None) -> Content | None:
        if loaded is not None and loaded.sha256 == image.sha256:
            return loaded
        return self._cache.get(image) or self._pins.content(image.sha256)

    def _reply(
        self, request: Datagram, code: int, options: list[tuple[int, bytes]] | None = None, payload: bytes = b""
    ) -> bytes:
        return datagram.answer_to(request, next(self._mids) & 0xFFFF, code, options or (), payload)
