"""What is fuzzed: one datagram through all that answers datagrams, held against the reference."""

from __future__ import annotations

import tempfile
from pathlib import Path

from server.coap.source import Address
from tests.reference.coap_reference import FormatError, Reference, decode, same
from tests.support.coap import block2, get, make_parts
from tests.support.releases import image, write_release

_FILES = {"a": image(100, 1), "fw/b.bin": image(3000, 2), "empty": b""}
_DEVICES: tuple[Address, ...] = (("fe80::1", 5683, 0, 1), ("fe80::1", 5683, 0, 2), ("::ffff:10.0.0.1", 9, 0, 0))
_KNOWN_PATHS = {path.encode() for path in _FILES}
_URI_PATH = 11


class Target:
    """A server without its socket, over a folder of its own that goes with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self._folder.name)
        for path, data in _FILES.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_bytes(data)
        write_release(root / "board" / "1", size=500)
        self._parts = make_parts(root)
        self._reference = Reference(_FILES)
        self._expected = self._parts.answer(get("a", block2(1, 2), mid=7))
        assert self._expected is not None

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.service.endpoint.stop()
        self._folder.cleanup()

    def feed(self, data: bytes) -> None:
        """The first byte chooses the device, the rest is what it sends. Raises for a wrong answer."""
        device, sent = _DEVICES[data[0] % len(_DEVICES) if data else 0], data[1:]
        for _ in range(2):
            answer = self._parts.answer(sent, device)
            if not self._is_ours(sent):
                difference = same(self._reference.answer(sent), answer)
                assert difference is None, f"{sent.hex()}: {difference}"
        assert self._parts.answer(get("a", block2(1, 2), mid=7)) == self._expected

    @staticmethod
    def _is_ours(sent: bytes) -> bool:
        """A path that the reference does not know of: a release's, or the discovery's."""
        try:
            segments = decode(sent).values(_URI_PATH)
        except FormatError:
            return False
        return b"/".join(segments) not in _KNOWN_PATHS and segments[:1] in ([b"board"], [b".well-known"])
