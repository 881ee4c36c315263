"""The bytes of images, bounded: what is served is what was checked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.firmware.image import Image


@dataclass(frozen=True, slots=True)
class Content:
    """A whole body in memory, mostly an image. A transfer that holds it goes on with these bytes, whatever the folder does."""

    data: bytes
    sha256: str
    """Lower-case hex. What tells it from all others; of what is no image, another hash of 32 bytes."""
    etag: bytes
    format: int = 42
    """CoAP's number for what the bytes are (RFC 7252, 12.3): application/octet-stream."""


class ImageCache:
    """Keeps the least long unused images, up to a number of bytes.

    Threads: the CoAP receive loop calls `get`; the pool and the web workers call `load`, the watcher's thread `keep`.
    """

    def __init__(self, read: Callable[[Image], bytes], limit: int) -> None:
        """`read` returns the checked bytes of an image or raises OSError or ImageChanged. `limit` in bytes."""
        self._read = read
        self._limit = limit
        self._lock = threading.Lock()
        self._contents: OrderedDict[str, Content] = OrderedDict()
        self._held = 0
        self._turns: dict[str, threading.Lock] = {}
        self._served: Mapping[str, Image] | None = None

    def get(self, image: Image) -> Content | None:
        """The content, when it is in memory."""
        with self._lock:
            content = self._contents.get(image.sha256)
            if content is not None:
                self._contents.move_to_end(image.sha256)
            return content

    def load(self, image: Image) -> Content:
        """The content, read from the folder when needed. An image over the limit is returned and not kept."""
        content = self.get(image)
        if content is not None:
            return content
        with self._lock:
            turn = self._turns.setdefault(image.sha256, threading.Lock())
        try:
            with turn:  # or each of those who ask at once would keep a copy of its own for as long as it sends it
                return self.get(image) or self._load(image)
        finally:
            with self._lock:
                self._turns.pop(image.sha256, None)

    def _load(self, image: Image) -> Content:
        content = Content(self._read(image), image.sha256, image.etag)
        with self._lock:
            if image.sha256 not in self._contents and len(content.data) <= self._limit:
                self._contents[image.sha256] = content
                self._held += len(content.data)
                while self._held > self._limit:
                    _, gone = self._contents.popitem(last=False)
                    self._held -= len(gone.data)
        return content

    def keep(self, served: Mapping[str, Image]) -> None:
        """Let go of all images but these, by path: transfers hold those that they began with, and nobody asks for others."""
        if served is self._served:
            return
        self._served = served
        wanted = {image.sha256 for image in served.values()}
        with self._lock:
            for sha256 in self._contents.keys() - wanted:
                self._held -= len(self._contents.pop(sha256).data)

    @property
    def held(self) -> int:
        """Bytes kept at the moment."""
        return self._held
