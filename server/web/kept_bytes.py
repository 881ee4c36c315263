"""Bytes that are kept anyway, as a file: waitress sends it piece by piece, without a copy and without holding a worker."""

from __future__ import annotations

import io


class KeptBytes(io.BytesIO):
    """`content` itself, which BytesIO does not copy as long as nobody writes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content
