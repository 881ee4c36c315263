"""CBOR (RFC 8949) as far as SUIT and COSE use it: bytes -> plain values, and where in the bytes each one lies.

cbor2 decodes; this makes its results the same for every version of it (tuples and frozen maps become lists and dicts),
refuses what Python would mix up (the map keys 1, 1.0 and true), leaves tags alone, and bounds depth and number of
values: those that are shared (tags 28 and 29, in older versions) could name one of them a million times.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cbor2

MAX_DEPTH = 32
"""Arrays, maps and tags within each other. SUIT and COSE need six."""
_MAP, _TAG = 5, 6
_BREAK = 0xFF
_INDEFINITE = 31
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}
Key = int | str | bytes


_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""What cbor2 would make something of: a date, a number of any length, a regular expression, a value that stands elsewhere."""


def _as_a_tag(number: int) -> Callable[[Any, bool], cbor2.CBORTag]:
    return lambda value, _: cbor2.CBORTag(number, value)


def _strict() -> dict[str, Any]:
    """cbor2 6 leaves tags alone and refuses a key that stands twice in a map; 5.4 can do neither, and takes the last one."""
    switches: dict[str, Any] = {
        "allow_duplicate_keys": False,
        "semantic_decoders": {number: _as_a_tag(number) for number in _TAGS},
    }
    try:
        cbor2.CBORDecoder(io.BytesIO(), **switches)
    except TypeError:
        return {}
    return switches


STRICT = _strict()
"""What makes cbor2's decoder strict; empty where it cannot be."""
_KEYS = frozenset({int, bytes, str})
_SCALARS = frozenset({int, bytes, str, bool, type(None)})


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
    stream = io.BytesIO(data)
    try:
        value = _item(stream, data, Budget(len(data)))
        _finish(stream, data)
    except Malformed as error:
        raise Malformed(f"in {what}, {error}") from None
    return value


def byte_string(content: bytes) -> bytes:
    """A byte string in CBOR's shortest form (RFC 8949, 4.2.1)."""
    return cbor2.dumps(content)


class Budget:
    """How many values may still come of some bytes: each one takes a byte at least, unless it is shared."""

    def __init__(self, left: int) -> None:
        self._left = left

    def plain(self, value: Any, depth: int = 0) -> Any:
        """The same of lists and dicts only, whatever version of cbor2 made it; Malformed where it is too much or too deep."""
        if type(value) in _SCALARS:
            return value
        if depth >= MAX_DEPTH:
            raise Malformed(f"arrays, maps and tags lie within each other more than {MAX_DEPTH} deep")
        if isinstance(value, (list, tuple)):
            self._spend(len(value))
            return [v if type(v) in _SCALARS else self.plain(v, depth + 1) for v in value]
        if isinstance(value, Mapping):
            self._spend(2 * len(value))
            return {_key(k): v if type(v) in _SCALARS else self.plain(v, depth + 1) for k, v in value.items()}
        if isinstance(value, cbor2.CBORTag):
            self._spend(1)
            return Tag(value.tag, self.plain(value.value, depth + 1))
        return value

    def _spend(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise Malformed("its values are shared so that there are more of them than bytes")


class Reader:
    """Reads items one after another; `position` is the offset of the next one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._stream = io.BytesIO(data)
        self._budget = Budget(len(data))

    @property
    def position(self) -> int:
        """Bytes that are read."""
        return self._stream.tell()

    def finish(self) -> None:
        """Malformed where bytes are left."""
        _finish(self._stream, self.data)

    def tag(self, number: int) -> bool:
        """Step over this tag if it comes next."""
        start = self.position
        if self._peek() >> 5 == _TAG and self._head()[1] == number:
            return True
        self._stream.seek(start)
        return False

    def map_keys(self) -> Iterator[Key]:
        """The keys of the map that comes next, each as soon as it is read; the caller reads the value that follows it."""
        if self._peek() >> 5 != _MAP:
            raise Malformed("there is no CBOR map")
        info, count = self._head()
        seen: set[Key] = set()
        while self._more(info, count, len(seen)):
            key = _key(self.item())
            if key in seen:
                raise Malformed(f"the key {key!r:.20} stands twice in a map")
            seen.add(key)
            yield key

    def item(self) -> Any:
        """The next item: int, bytes, str, list, dict, bool, None, float, Tag, or what cbor2 makes of a rarer one."""
        return _item(self._stream, self.data, self._budget)

    def _more(self, info: int, count: int, read: int) -> bool:
        """Whether a map goes on."""
        if info != _INDEFINITE:
            return read < count
        if self._peek() != _BREAK:
            return True
        self._stream.seek(1, io.SEEK_CUR)
        return False

    def _head(self) -> tuple[int, int]:
        """Additional information and argument (RFC 8949, 3)."""
        first = self._peek()
        start = self._stream.seek(1, io.SEEK_CUR)
        info = first & 31
        if info < 24 or info == _INDEFINITE:
            return info, info
        if info not in _LENGTHS:
            raise Malformed(f"the byte 0x{first:02x} at {start - 1} begins no CBOR item")
        argument = self._stream.read(_LENGTHS[info])
        if len(argument) < _LENGTHS[info]:
            raise Truncated(f"the bytes end at {len(self.data)}, and more belong to them")
        return info, int.from_bytes(argument)

    def _peek(self) -> int:
        position = self.position
        if position >= len(self.data):
            raise Truncated(f"the bytes end at {len(self.data)}, and more belong to them")
        return self.data[position]


def _item(stream: io.BytesIO, data: bytes, budget: Budget) -> Any:
    try:
        value = cbor2.CBORDecoder(stream, **STRICT).decode()
    except cbor2.CBORDecodeEOF:
        raise Truncated(f"the bytes end at {len(data)}, and more belong to them") from None
    except Exception as error:  # on hostile bytes it raises what it likes: ValueError, MemoryError, RecursionError
        raise Malformed(f"there is no CBOR from byte {stream.tell()} on ({str(error) or type(error).__name__})") from None
    return budget.plain(value)


def _finish(stream: io.BytesIO, data: bytes) -> None:
    if left := len(data) - stream.tell():
        raise Malformed(f"{left} bytes follow the end of the CBOR item at byte {stream.tell()}")


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
