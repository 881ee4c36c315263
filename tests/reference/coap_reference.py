"""A CoAP file server that is slow and plain, to hold a fast one against (RFC 7252, RFC 7959, DESIGN.md 7).

What the RFCs leave open and DESIGN.md does not settle is an `Answer` with several outcomes. A repeated datagram gets its
answer again (RFC 7252 4.5 lets idempotent requests be forgotten). `.well-known/core` is a path like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

Options = tuple[tuple[int, bytes], ...]

CON, NON, ACK, RST = 0, 1, 2, 3

EMPTY, GET, POST, PUT, DELETE = 0x00, 0x01, 0x02, 0x03, 0x04
CONTENT, VALID = 0x45, 0x43
BAD_REQUEST, BAD_OPTION, NOT_FOUND, METHOD_NOT_ALLOWED = 0x80, 0x82, 0x84, 0x85
NOT_ACCEPTABLE, PRECONDITION_FAILED, PROXYING_NOT_SUPPORTED = 0x86, 0x8C, 0xA5

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, URI_PATH = 1, 3, 4, 5, 6, 7, 11
CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT = 12, 14, 15, 17
BLOCK2, BLOCK1, SIZE2, PROXY_URI, PROXY_SCHEME, SIZE1 = 23, 27, 28, 35, 39, 60
OCTET_STREAM = 42

# The critical options that are known, with the shortest and the longest value (RFC 7252 5.10, RFC 7959 2.1).
KNOWN = {IF_MATCH: (0, 8), URI_HOST: (1, 255), IF_NONE_MATCH: (0, 0), URI_PORT: (0, 2), URI_PATH: (0, 255), URI_QUERY: (0, 255)}
KNOWN |= {ACCEPT: (0, 2), BLOCK2: (0, 3), BLOCK1: (0, 3), PROXY_URI: (1, 1034), PROXY_SCHEME: (1, 255)}
REPEATABLE = (IF_MATCH, URI_PATH, URI_QUERY)


class FormatError(ValueError):
    """These bytes break the message format (RFC 7252 3)."""


@dataclass(frozen=True)
class Message:
    """A CoAP message (RFC 7252 3)."""

    type: int
    code: int
    mid: int
    token: bytes = b""
    options: Options = ()
    payload: bytes = b""

    def values(self, number: int) -> list[bytes]:
        """The values of all options of this number, in order."""
        return [value for each, value in self.options if each == number]


@dataclass(frozen=True)
class Expected:
    """A message that may come back; None leaves a field to the server, and options that are None may be any elective ones."""

    type: int
    code: int
    mid: int | None
    token: bytes
    options: Options | None
    payload: bytes | None


@dataclass(frozen=True)
class Answer:
    """What may come back, the usual outcome first; None is silence."""

    allowed: tuple[Expected | None, ...]


def decode(data: bytes) -> Message:
    """The message in these bytes, or FormatError (RFC 7252 3 and 4.1)."""
    if len(data) < 4:
        raise FormatError("shorter than a header")
    version, kind, token_length = data[0] >> 6, data[0] >> 4 & 3, data[0] & 15
    code, mid, rest = data[1], int.from_bytes(data[2:4], "big"), data[4:]
    if version != 1:
        raise FormatError(f"version {version}")
    if token_length > 8:
        raise FormatError(f"reserved token length {token_length}")
    if code == EMPTY and (token_length or rest):
        raise FormatError("an Empty message with something behind its header")
    token, rest = _take(rest, token_length)

    options = []
    number = 0
    while rest and rest[0] != 0xFF:
        first, rest = rest[0], rest[1:]
        delta, rest = _extended(first >> 4, rest)
        length, rest = _extended(first & 15, rest)
        value, rest = _take(rest, length)
        number += delta
        options.append((number, value))
    if rest == b"\xff":
        raise FormatError("a payload marker without payload")
    return Message(kind, code, mid, token, tuple(options), rest[1:])


def _extended(nibble: int, rest: bytes) -> tuple[int, bytes]:
    """An option's delta or length, and what follows it (RFC 7252 3.1)."""
    if nibble == 15:
        raise FormatError("reserved nibble 15 in an option")
    if nibble < 13:
        return nibble, rest
    extension, rest = _take(rest, {13: 1, 14: 2}[nibble])
    return int.from_bytes(extension, "big") + {13: 13, 14: 269}[nibble], rest


def _take(rest: bytes, length: int) -> tuple[bytes, bytes]:
    """The next bytes, and what follows them."""
    if len(rest) < length:
        raise FormatError(f"{length} bytes announced, {len(rest)} there")
    return rest[:length], rest[length:]


def encode(message: Message) -> bytes:
    """The bytes of a message, whose options must be in ascending order (RFC 7252 3)."""
    encoded = bytes([1 << 6 | message.type << 4 | len(message.token), message.code])
    encoded += message.mid.to_bytes(2, "big") + message.token
    previous = 0
    for number, value in message.options:
        delta, delta_extension = _nibble(number - previous)
        length, length_extension = _nibble(len(value))
        encoded += bytes([delta << 4 | length]) + delta_extension + length_extension + value
        previous = number
    return encoded + (b"\xff" + message.payload if message.payload else b"")


def _nibble(value: int) -> tuple[int, bytes]:
    """The only way to write a delta or length: its nibble and its extension (RFC 7252 3.1)."""
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, (value - 269).to_bytes(2, "big")


def uint(value: int) -> bytes:
    """An option value of format uint in as few bytes as possible, so zero is empty (RFC 7252 3.2)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def etag_of(body: bytes) -> bytes:
    """A file's entity tag (DESIGN.md 4)."""
    return hashlib.sha256(body).digest()[:8]


class Reference:
    """Says what a server of these files, path to bytes, must answer; default_size is its block size in bytes, 16 to 1024."""

    def __init__(self, files: Mapping[str, bytes], default_size: int = 1024) -> None:
        self._default_exponent = [16, 32, 64, 128, 256, 512, 1024].index(default_size)
        # Compared as raw segments: one that has a "/" in it or is no UTF-8 is then equal to none.
        self._files = {tuple(s.encode() for s in path.split("/")): (body, etag_of(body)) for path, body in files.items()}

    def answer(self, data: bytes) -> Answer:
        """What may come back for this datagram (RFC 7252 3, 4.1 to 4.3)."""
        if len(data) < 4 or data[0] >> 6 != 1:
            return Answer((None,))
        kind, mid = data[0] >> 4 & 3, int.from_bytes(data[2:4], "big")
        if kind in (ACK, RST):
            return Answer((None,))
        # 4.3 lets a server answer a NON it rejects with an RST too; here it is to be silent.
        rejection = Expected(RST, EMPTY, mid, b"", (), b"") if kind == CON else None
        try:
            request = decode(data)
        except FormatError:
            return Answer((rejection,))
        # Beyond class 0 there are the reserved classes 1, 6 and 7, and responses, which nobody asked for.
        if request.code == EMPTY or request.code >> 5 != 0:
            return Answer((rejection,))
        outcomes = self._outcomes(request)
        if any(number > 0xFFFF for number, _ in request.options):
            # Option numbers have 16 bits (12.2), yet no section says what a sum of deltas beyond them is.
            outcomes = [rejection, *outcomes]
        return Answer(tuple(outcomes))

    def _outcomes(self, request: Message) -> list[Expected | None]:
        """What may come back for a well-formed request: options, then proxying, method known, path, method, and GET's own."""
        # 5.4.1: 4.02 for a CON; a NON is rejected.
        refusal = _reply(request, BAD_OPTION) if request.type == CON else None
        if not _understood(request):
            return [refusal]
        path = tuple(request.values(URI_PATH))
        if request.values(PROXY_URI) or request.values(PROXY_SCHEME):
            # For a method that is not known, 5.10.2 and 5.8 both say MUST.
            codes = [PROXYING_NOT_SUPPORTED, METHOD_NOT_ALLOWED] if request.code > DELETE else [PROXYING_NOT_SUPPORTED]
        elif request.code > DELETE:
            codes = [METHOD_NOT_ALLOWED]
        elif path not in self._files:
            # RFC 7959 2.2: a reserved size MUST lead to a 4.00, whatever else is wrong.
            reserved = any(int.from_bytes(value, "big") & 7 == 7 for value in request.values(BLOCK2))
            codes = [BAD_REQUEST if reserved else NOT_FOUND]
        elif request.code == GET:
            return self._get(request, *self._files[path])
        else:
            codes = [METHOD_NOT_ALLOWED]
            # RFC 7959 2.2 and RFC 7252 5.10.8 say MUST as 5.8 does, and none says which goes first.
            if any(int.from_bytes(value, "big") & 7 == 7 for value in request.values(BLOCK1) + request.values(BLOCK2)):
                codes.append(BAD_REQUEST)
            if not _condition_holds(request, self._files[path][1]):
                codes.append(PRECONDITION_FAILED)
        # RFC 7959 lets a server implement Block1 or not: without it, it is an unknown critical option.
        return [*(_reply(request, code) for code in codes), *([refusal] if request.values(BLOCK1) else [])]

    def _get(self, request: Message, body: bytes, etag: bytes) -> list[Expected | None]:
        """GET of a file: the block first, then conditions, Accept, validation, content (RFC 7252 5.8.1, RFC 7959 2.2 to 2.4)."""
        asked = request.values(BLOCK2)
        block = int.from_bytes(asked[0], "big") if asked else self._default_exponent
        # RFC 7959 2.2: number, more (without a meaning here), exponent.
        number, exponent = block >> 4, block & 7
        size = 2 ** (exponent + 4)
        start, end = number * size, (number + 1) * size
        # Block 0 always exists, an empty one where the file is empty.
        if exponent == 7 or (number > 0 and start >= len(body)):
            return [_reply(request, BAD_REQUEST)]
        if not _condition_holds(request, etag):
            return [_reply(request, PRECONDITION_FAILED)]
        if any(int.from_bytes(value, "big") != OCTET_STREAM for value in request.values(ACCEPT)):
            return [_reply(request, NOT_ACCEPTABLE)]
        if etag in request.values(ETAG):
            return [_reply(request, VALID, ((ETAG, etag),), b"")]

        more = end < len(body)
        options: Options = ((ETAG, etag), (CONTENT_FORMAT, uint(OCTET_STREAM)))
        if asked or more:
            options += ((BLOCK2, uint(number << 4 | more << 3 | exponent)),)
        sized = (*options, (SIZE2, uint(len(body))))
        return [_reply(request, CONTENT, sized if with_size else options, body[start:end]) for with_size in _with_size(request)]


def _understood(request: Message) -> bool:
    """Whether each critical option is known, of a right length and not repeated in vain (RFC 7252 5.4.1, 5.4.3, 5.4.5)."""
    critical = [(number, value) for number, value in request.options if number % 2]
    return all(
        number in KNOWN
        and KNOWN[number][0] <= len(value) <= KNOWN[number][1]
        and (number in REPEATABLE or len(request.values(number)) == 1)
        and not (number == BLOCK1 and request.code == GET)
        for number, value in critical
    )


def _condition_holds(request: Message, etag: bytes) -> bool:
    """Whether If-Match and If-None-Match let a request for an existing file pass (RFC 7252 5.10.8)."""
    wanted = request.values(IF_MATCH)
    return not request.values(IF_NONE_MATCH) and (not wanted or b"" in wanted or etag in wanted)


def _with_size(request: Message) -> list[bool]:
    """Whether a Size2 may be in the answer, the usual first (RFC 7959 4)."""
    values = request.values(SIZE2)
    if all(len(value) > 4 for value in values):
        return [False]
    if len(values[0]) <= 4 and not any(values[0]):
        return [True]
    # 4: a request's value MUST be 0. RFC 7252 5.4.5: whether the second is one too many when the first is of a wrong length.
    return [True, False]


def _reply(request: Message, code: int, options: Options | None = None, payload: bytes | None = None) -> Expected:
    """A piggybacked response to a CON, a NON to a NON (RFC 7252 5.2); an error with any diagnostic payload (5.5.2)."""
    kind, mid = (ACK, request.mid) if request.type == CON else (NON, None)
    return Expected(kind, code, mid, request.token, options, payload)


def same(answer: Answer, got: bytes | None) -> str | None:
    """How what came back differs from each outcome that is allowed, or None where it is one of them."""
    differences = [_difference(expected, got) for expected in answer.allowed]
    return None if None in differences else "; or: ".join(str(difference) for difference in differences)


def _difference(expected: Expected | None, got: bytes | None) -> str | None:
    """How what came back differs from this one outcome."""
    if expected is None:
        return None if got is None else f"wanted silence, got {got[:64].hex()}"
    wanted = f"wanted {_name(expected)}, "
    if got is None:
        return wanted + "got silence"
    try:
        message = decode(got)
    except FormatError as error:
        return wanted + f"got a malformed message ({error}): {got[:64].hex()}"
    parts = [f"got {_name(message)}"] if _name(message) != _name(expected) else []
    for field in ("mid", "token", "options"):
        want, have = getattr(expected, field), getattr(message, field)
        if want is not None and have != want:
            parts.append(f"{field} {want!r}, got {have!r}")
    if expected.options is None and any(number % 2 for number, _ in message.options):
        parts.append(f"no critical option in an error, got {message.options!r}")
    if expected.payload is not None and message.payload != expected.payload:
        want, have = expected.payload, message.payload
        parts.append(f"{len(want)} bytes of payload ({want[:8].hex()}...), got {len(have)} ({have[:8].hex()}...)")
    return wanted + ", ".join(parts) if parts else None


def _name(message: Message | Expected) -> str:
    """Type and code as people write them."""
    return f"{('CON', 'NON', 'ACK', 'RST')[message.type]} {message.code >> 5}.{message.code & 31:02}"
