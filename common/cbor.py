"""CBOR (RFC 8949) as far as SUIT and COSE use it: bytes -> values, and where in the bytes each one lies.

One reader decides both what a file says and which of its bytes a digest is over: two that differ on a doubled key
or a second tag could be played off against each other. It takes time and memory in proportion to the bytes and
refuses map keys that Python would mix up (1, 1.0 and true).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 32
"""Arrays, maps and tags within each other. SUIT and COSE need six."""
_BREAK = 0xFF
_INDEFINITE = 31
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: dict[int, Any] = {20: False, 21: True, 22: None}
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)
Key = int | str | bytes


class Malformed(ValueError):
    """The bytes are not what they should be; the text says what was found, as a clause without a full stop."""


class Truncated(Malformed):
    """The bytes end before their item does."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged item (RFC 8949, 3.4)."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple value that is neither true nor false nor null (RFC 8949, 3.3)."""

    number: int


def decode(data: bytes, what: str) -> Any:
    """The one item that these bytes are; Malformed where they are not, or where bytes follow it. `what` names it in the text."""
    reader = Reader(data)
    try:
        value = reader.item()
        reader.finish()
    except Malformed as error:
        raise Malformed(f"in {what}, {error}") from None
    return value


def byte_string(content: bytes) -> bytes:
    """A byte string in CBOR's shortest form (RFC 8949, 4.2.1)."""
    length = len(content)
    if length < 24:
        return bytes((_BYTES << 5 | length,)) + content
    for info, width in _LENGTHS.items():
        if length < 1 << 8 * width:
            return bytes((_BYTES << 5 | info,)) + length.to_bytes(width, "big") + content
    raise OverflowError("no byte string is as long as this")


class Reader:
    """Reads items one after another; `position` is the offset of the next one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self._depth = 0

    def finish(self) -> None:
        """Malformed where bytes are left."""
        if left := len(self.data) - self.position:
            raise Malformed(f"{left} bytes follow the end of the CBOR item at byte {self.position}")

    def tag(self, number: int) -> bool:
        """Step over this tag if it comes next."""
        start = self.position
        if self._peek() >> 5 == _TAG and self._head()[2] == number:
            return True
        self.position = start
        return False

    def map_keys(self) -> Iterator[Key]:
        """The keys of the map that comes next, each as soon as it is read; the caller reads the value that follows it."""
        if self._peek() >> 5 != _MAP:
            raise Malformed("there is no CBOR map")
        _, info, count = self._head()
        seen: set[Key] = set()
        while self._more(info, count, len(seen)):
            key = self.item()
            if type(key) not in (int, str, bytes):
                raise Malformed(f"a map's key is {describe(key)}, neither number nor text")
            if key in seen:
                raise Malformed(f"the key {key!r:.20} stands twice in a map")
            seen.add(key)
            yield key

    def item(self) -> Any:
        """The next item: int, bytes, str, list, dict, bool, None, float, Tag or Simple."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Malformed(f"arrays, maps and tags lie within each other more than {MAX_DEPTH} deep")
        if self._peek() >> 5 == _MAP:
            value: Any = {key: self.item() for key in self.map_keys()}
        else:
            value = self._item()
        self._depth -= 1
        return value

    def _item(self) -> Any:
        major, info, argument = self._head()
        if info == _INDEFINITE and major not in (_BYTES, _TEXT, _ARRAY):
            raise Malformed(f"the byte 0x{self.data[self.position - 1]:02x} at {self.position - 1} begins no CBOR item")
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major in (_BYTES, _TEXT):
            content = self._take(argument) if info != _INDEFINITE else b"".join(self._chunks(major))
            return content if major == _BYTES else self._text(content)
        if major == _ARRAY:
            values: list[Any] = []
            while self._more(info, argument, len(values)):
                values.append(self.item())
            return values
        if major == _TAG:
            return Tag(argument, self.item())
        if info in _FLOATS:
            return struct.unpack(_FLOATS[info], argument.to_bytes(_LENGTHS[info], "big"))[0]
        if info == 24 and argument < 32:
            raise Malformed("a simple value is not in its only form")
        return _SIMPLE[argument] if argument in _SIMPLE else Simple(argument)

    def _more(self, info: int, count: int, read: int) -> bool:
        """Whether an array or a map goes on."""
        if info != _INDEFINITE:
            return read < count
        if self._peek() != _BREAK:
            return True
        self.position += 1
        return False

    def _chunks(self, major: int) -> Iterator[bytes]:
        """The parts of a string of indefinite length (RFC 8949, 3.2.3)."""
        while self._more(_INDEFINITE, 0, 0):
            kind, info, length = self._head()
            if kind != major or info == _INDEFINITE:
                raise Malformed("a string of indefinite length has a part that is no string of the same kind")
            part = self._take(length)
            yield part if major == _BYTES else self._text(part).encode()

    def _head(self) -> tuple[int, int, int]:
        """Major type, additional information and argument (RFC 8949, 3)."""
        first = self._peek()
        self.position += 1
        major, info = first >> 5, first & 31
        if info < 24 or info == _INDEFINITE:
            return major, info, info
        if info not in _LENGTHS:
            raise Malformed(f"the byte 0x{first:02x} at {self.position - 1} begins no CBOR item")
        return major, info, int.from_bytes(self._take(_LENGTHS[info]), "big")

    def _peek(self) -> int:
        if self.position >= len(self.data):
            raise Truncated(f"the bytes end at {len(self.data)}, and more belong to them")
        return self.data[self.position]

    def _take(self, length: int) -> bytes:
        left = len(self.data) - self.position
        if length > left:
            raise Truncated(f"{length} bytes belong at byte {self.position}, and {left} are there")
        self.position += length
        return self.data[self.position - length : self.position]

    @staticmethod
    def _text(content: bytes) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Malformed("a text is no UTF-8") from None


def describe(value: Any) -> str:
    """What a value is, for a sentence to a person; short whatever it is."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return f"the number {value}"
        case bytes():
            return f"a byte string of {len(value)} bytes"
        case str():
            return f"the text {value[:40]!r}"
        case list():
            return f"an array of {len(value)}"
        case dict():
            return f"a map of {len(value)}"
        case Tag():
            return f"an item with tag {value.number}"
    return "a value of another kind"
