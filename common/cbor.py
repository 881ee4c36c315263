"""CBOR (RFC 8949) as far as SUIT and COSE use it: bytes -> plain values, and where in the bytes each one lies.

What makes up a manifest (whole numbers, strings of known length, arrays, maps, tags) is read here, and cbor2 decodes the rest.
So each version of it gives the same: a key that stands twice in a map is refused (5.4 takes the last one), tags stay tags
(5.4 makes dates and regular expressions of some, and of tags 28 and 29 values that name each other a million times), depth is
bounded, and no memory is asked for that the bytes do not fill. What Python would mix up (the map keys 1, 1.0 and true) is
refused, too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cbor2

MAX_DEPTH = 32
"""Arrays, maps and tags within each other. SUIT and COSE need six."""
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)
"""Major types (RFC 8949, 3.1)."""
_IN_PIECES = (0x5F, 0x7F)
_SIMPLE, _BREAK = 0xF8, 0xFF
_INDEFINITE = 31
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_KEYS = frozenset({int, bytes, str})
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
    return cbor2.dumps(content)


class Reader:
    """Reads items one after another; `position` is the offset of the next one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def finish(self) -> None:
        """Malformed where bytes are left."""
        if left := len(self.data) - self.position:
            raise Malformed(f"{left} bytes follow the end of the CBOR item at byte {self.position}")

    def tag(self, number: int) -> bool:
        """Step over this tag if it comes next."""
        start = self.position
        if self._peek() >> 5 == _TAG and self._head()[1] == number:
            return True
        self.position = start
        return False

    def map_keys(self) -> Iterator[Key]:
        """The keys of the map that comes next, each as soon as it is read; the caller reads the value that follows it."""
        if self._peek() >> 5 != _MAP:
            raise Malformed("there is no CBOR map")
        return self._keys(*self._head(), 1)

    def item(self, depth: int = 0) -> Any:
        """The next item: int, bytes, str, list, dict, bool, None, float, Tag, or what cbor2 makes of a rarer one.

        `depth` is the number of arrays, maps and tags around it.
        """
        first = self._peek()
        major = first >> 5
        if major == _OTHER or first in _IN_PIECES:
            return self._rare(first)
        info, count = self._head()
        if major == _UNSIGNED:
            return count
        if major == _NEGATIVE:
            return -1 - count
        if major == _BYTES:
            return self._take(count)
        if major == _TEXT:
            return self._text(count)
        if depth >= MAX_DEPTH:
            raise Malformed(f"arrays, maps and tags lie within each other more than {MAX_DEPTH} deep")
        if major == _MAP:
            return {key: self.item(depth + 1) for key in self._keys(info, count, depth + 1)}
        if major == _TAG:
            return Tag(count, self.item(depth + 1))
        values: list[Any] = []
        while self._more(info, count, len(values)):
            values.append(self.item(depth + 1))
        return values

    def _keys(self, info: int, count: int, depth: int) -> Iterator[Key]:
        seen: set[Key] = set()
        while self._more(info, count, len(seen)):
            key = _key(self.item(depth))
            if key in seen:
                raise Malformed(f"the key {key!r:.20} stands twice in a map")
            seen.add(key)
            yield key

    def _more(self, info: int, count: int, read: int) -> bool:
        """Whether an array or a map goes on."""
        if info != _INDEFINITE:
            return read < count
        if self._peek() != _BREAK:
            return True
        self.position += 1
        return False

    def _text(self, size: int) -> str:
        start = self.position
        try:
            return self._take(size).decode()
        except UnicodeDecodeError:
            raise Malformed(f"the text at {start} is not UTF-8") from None

    def _rare(self, first: int) -> Any:
        """A float, a simple value (RFC 8949, 3.3), or a string in pieces (3.2.3)."""
        start = self.position
        if first == _BREAK or (first == _SIMPLE and self.data[start + 1 : start + 2] < b"\x20"):
            raise _no_item(first, start)  # cbor2 5.4 takes it
        stream = io.BytesIO(self.data)
        stream.seek(start)
        try:
            value = cbor2.CBORDecoder(stream).decode()
        except cbor2.CBORDecodeEOF:
            raise self._truncated() from None
        except Exception as error:  # on hostile bytes it raises what it likes: ValueError, MemoryError
            raise Malformed(f"there is no CBOR from byte {start} on ({str(error) or type(error).__name__})") from None
        self.position = stream.tell()
        return value

    def _head(self) -> tuple[int, int]:
        """Additional information and argument (RFC 8949, 3)."""
        first = self._peek()
        start = self.position
        self.position = start + 1
        info = first & 31
        if info < 24 or (info == _INDEFINITE and first >> 5 in (_ARRAY, _MAP)):
            return info, info
        if info not in _LENGTHS:
            raise _no_item(first, start)
        return info, int.from_bytes(self._take(_LENGTHS[info]))

    def _take(self, size: int) -> bytes:
        taken = self.data[self.position : self.position + size]
        if len(taken) < size:
            raise self._truncated()
        self.position += size
        return taken

    def _peek(self) -> int:
        try:
            return self.data[self.position]
        except IndexError:
            raise self._truncated() from None

    def _truncated(self) -> Truncated:
        return Truncated(f"the bytes end at {len(self.data)}, and more belong to them")


def _no_item(first: int, start: int) -> Malformed:
    return Malformed(f"the byte 0x{first:02x} at {start} begins no CBOR item")


def _key(key: Any) -> Key:
    if type(key) not in _KEYS:
        raise Malformed(f"a map's key is {describe(key)}, neither number nor text")
    return key  # type: ignore[no-any-return]


def describe(value: Any) -> str:
    """What a value is, for a sentence to a person; short whatever it is."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return f"the number {value}" if value.bit_length() <= 64 else f"a number of {value.bit_length()} bits"
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
