"""A firmware block is a pure function of (catalogue, request): the fast path.

RFC 7252, 4.5 lets a server forget idempotent requests; RFC 7959, 2.4 makes the block a function of
resource and option. The one memory is the pin, which keeps a transfer on the image that it began with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.coap import datagram
from server.coap.answers import Answers
from server.coap.datagram import Block, Datagram
from server.coap.directory import RESOURCE
from server.coap.options import Unusable, check_options
from server.coap.pins import EXCHANGE_LIFETIME, Pin, Pins
from server.coap.progress import code_of
from server.coap.resources import DISCOVERY, transfer_of
from server.coap.source import Received, Source
from server.coap.tally import Tally
from server.firmware.catalogue import LiveCatalogue
from server.firmware.image import Image
from server.firmware.images import Content, ImageCache

_PLAIN = {bytes((0x40 | n, datagram.GET)): (bytes((0x60 | n, datagram.CONTENT)), 4 + n) for n in range(9)}
"""The first two bytes of a confirmable GET -> those of its answer, and where the options begin."""


_MISSES = 1024


class Miss(NamedTuple):
    """A peer asked for a path that is not served."""

    source: Source
    path: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The answer needs an image that is not in memory: load it, then ask again with its content."""

    image: Image


@dataclass(frozen=True, slots=True)
class Gone:
    """The transfer began with an image that is neither in memory nor served here any more: no other may follow it."""


class Registrar(Protocol):
    """Who is told of requests that want to hear of later changes (RFC 7641)."""

    def observe(self, request: Datagram, received: Received, path: str, content: Content) -> int | None:
        """The sequence number for the answer, when the request registers its peer; None otherwise."""


class Blocks:
    """Answers GET of served files.

    Threads: the receive loop calls `recall` and `answer`; the pool calls `answer` with a loaded content.
    """

    def __init__(
        self,
        live: LiveCatalogue,
        cache: ImageCache,
        pins: Pins,
        answers: Answers,
        mids: Iterator[int],
        registrar: Registrar,
        tally: Tally,
        own: Callable[[Source, str], Content | None] = lambda *_: None,
        default_size: int = 1024,
    ) -> None:
        """`mids` gives message ids; `tally` counts the answers that `answer` gives. `own` gives what one source alone is
        served at a path, and what is not counted. `default_size`: bytes of a block where a request names none, a power of
        two, 16 to 1024.
        """
        self._live = live
        self._cache = cache
        self._pins = pins
        self._latest = pins.latest
        self._answers = answers
        self._mids = mids
        self._registrar = registrar
        self._own = own
        self._tally = tally
        self._default_szx = default_size.bit_length() - 5
        self.misses: deque[Miss] = deque(maxlen=_MISSES)
        """Paths that were asked for and are not served. Whoever collects them pops them."""

    def recall(self, data: bytes, source: Source, now: float) -> bytes | None:
        """The response to a block that was answered before, to a peer in the middle of its transfer; else None.

        `now` is by the clock of the pins. Block 0 is never among them: it may begin a transfer of another image.
        """
        plain = _PLAIN.get(data[:2])
        pin = self._latest.get(source)
        if plain is None or pin is None or now - pin.seen > EXCHANGE_LIFETIME:
            return None
        head, options = plain
        key = pin.key + data[options:]
        answer = self._answers.young.get(key) or self._answers.recall(key)
        if answer is None:
            return None
        pin.seen = now
        code, rest = answer
        progress = pin.progress
        if code != progress.due:
            progress.turn(code)
        progress.due = code + 8
        return head + data[2:options] + rest

    def answer(self, received: Received, request: Datagram, loaded: Content | None = None) -> bytes | Missing | None:
        """The response datagram; Missing; or None where `request`, which is what was received, is nothing for this path.

        That is: other methods, faulty requests, and the beginning of a listing.
        """
        if request.code != datagram.GET or request.type > datagram.NON:
            return None
        path, block = request.path, request.block2 or Block(0, False, self._default_szx)
        if path is None or block.is_reserved:
            return None
        try:
            check_options(request)
        except Unusable:
            return None
        own = self._own(received.source, path)
        if own is not None:
            return self._respond(request, received, path, block, own)
        found = self._content(request, received.source, path, block, loaded)
        if isinstance(found, Gone):
            self._tally.add(datagram.NOT_FOUND)
            return self._reply(request, datagram.NOT_FOUND)
        if found is None and path not in (DISCOVERY, RESOURCE) and path not in self._live.current.images:
            self.misses.append(Miss(received.source, path))
            self._tally.add(datagram.NOT_FOUND)
            return self._reply(request, datagram.NOT_FOUND)
        if not isinstance(found, Pin):
            return found
        content = self._pins.content(found.sha256) or loaded
        if content is None or content.sha256 != found.sha256:
            return None  # its bytes went this very moment: the device asks again
        answer = self._respond(request, received, path, block, content)
        self._tally.add(answer[1])
        if answer[1] == datagram.CONTENT:
            code = code_of(block.number, block.szx)
            found.progress.record(code)
            if block.number and request.type == datagram.CON:
                options = 4 + len(request.token)
                self._answers.put(found.key + received.data[options:], (code, answer[options:]))
        return answer

    def _respond(self, request: Datagram, received: Received, path: str, block: Block, content: Content) -> bytes:
        offset = block.number * block.size
        if block.number and offset >= len(content.data):
            return self._reply(request, datagram.BAD_REQUEST)
        conditions = request.values(datagram.IF_MATCH)
        if (conditions and content.etag not in conditions and b"" not in conditions) or request.values(datagram.IF_NONE_MATCH):
            return self._reply(request, datagram.PRECONDITION_FAILED)
        accept = request.values(datagram.ACCEPT)
        if accept and int.from_bytes(accept[0], "big") != content.format:
            return self._reply(request, datagram.NOT_ACCEPTABLE)
        options = [(datagram.ETAG, content.etag)]
        observe = None if block.number else self._registrar.observe(request, received, path, content)
        if observe is not None:
            options.append((datagram.OBSERVE, datagram.uint(observe)))
        if content.etag in request.values(datagram.ETAG):
            return self._reply(request, datagram.VALID, options)
        payload, described = cut(content, block, asked=request.block2 is not None)
        if request.wants_size2:
            described.append((datagram.SIZE2, datagram.uint(len(content.data))))
        return self._reply(request, datagram.CONTENT, options + described, payload)

    def _content(
        self, request: Datagram, source: Source, path: str, block: Block, loaded: Content | None
    ) -> Pin | Missing | Gone | None:
        """The transfer that this is a part of, its bytes in memory; None where nothing is served here."""
        image = self._live.current.images.get(path)
        if path == DISCOVERY and image is None:
            path = transfer_of(request)
        pin = self._pins.resume(source, path, block, request.mid)
        if pin is not None:
            if self._pins.content(pin.sha256) is not None:
                return pin
            if image is None:
                return None
            if image.sha256 != pin.sha256:
                return Gone()
            content = self._in_memory(image, loaded)
            if content is None:
                return Missing(image)
            self._pins.hold(pin, content)
            return pin
        if image is None:
            return None
        content = self._in_memory(image, loaded)
        if content is None:
            return Missing(image)
        return self._pins.set(source, path, content, None if block.number else request.mid)

    def _in_memory(self, image: Image, loaded: Content | None) -> Content | None:
        if loaded is not None and loaded.sha256 == image.sha256:
            return loaded
        return self._cache.get(image) or self._pins.content(image.sha256)

    def _reply(
        self, request: Datagram, code: int, options: list[tuple[int, bytes]] | None = None, payload: bytes = b""
    ) -> bytes:
        return datagram.answer_to(request, next(self._mids) & 0xFFFF, code, options or (), payload)


def cut(content: Content, block: Block, asked: bool) -> tuple[bytes, list[tuple[int, bytes]]]:
    """One block of a file, and the options that say what it is; Block2 where it is `asked` for or more follows."""
    offset = block.number * block.size
    more = offset + block.size < len(content.data)
    options = [(datagram.CONTENT_FORMAT, datagram.uint(content.format))]
    if asked or more:
        options.append((datagram.BLOCK2, datagram.uint(block.number << 4 | more << 3 | block.szx)))
    return content.data[offset : offset + block.size], options
