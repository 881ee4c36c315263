"""CoAP's message format (RFC 7252, 3), read and written; nothing of its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CON, NON, ACK, RST = range(4)
EMPTY, GET = 0x00, 0x01
VALID, CONTENT = 0x43, 0x45
BAD_REQUEST, BAD_OPTION, NOT_FOUND, METHOD_NOT_ALLOWED, NOT_ACCEPTABLE, PRECONDITION_FAILED = 0x80, 0x82, 0x84, 0x85, 0x86, 0x8C
INTERNAL_SERVER_ERROR, PROXYING_NOT_SUPPORTED = 0xA0, 0xA5

IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE, URI_PORT, URI_PATH, CONTENT_FORMAT = 1, 3, 4, 5, 6, 7, 11, 12
URI_QUERY, ACCEPT, BLOCK2, BLOCK1, SIZE2, PROXY_URI, PROXY_SCHEME = 15, 17, 23, 27, 28, 35, 39
OCTET_STREAM, LINK_FORMAT = 42, 40


@dataclass(frozen=True, slots=True)
class Block:
    """A block option's value (RFC 7959, 2.2)."""

    number: int
    more: bool
    szx: int
    """0 to 6; 7 is reserved."""

    @property
    def is_reserved(self) -> bool:
        """The size that no block may have (RFC 7959, 2.2)."""
        return self.szx == 7

    @property
    def size(self) -> int:
        """Bytes."""
        return 16 << self.szx


@dataclass(frozen=True, slots=True)
class Datagram:
    """One message. `code` is class x 32 + detail; options stand in the order of their numbers."""

    type: int
    code: int
    mid: int
    token: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""

    @property
    def is_request(self) -> bool:
        """A method code: class 0, and not the empty message."""
        return 0 < self.code < 0x20

    @property
    def is_response(self) -> bool:
        """A code of class 2, 4 or 5."""
        return self.code >= 0x40

    @property
    def dotted_code(self) -> str:
        """The code as people write it: "2.05"."""
        return dotted(self.code)

    @property
    def block2(self) -> Block | None:
        """The Block2 option, where there is one."""
        values = self.values(BLOCK2)
        if not values:
            return None
        value = int.from_bytes(values[0], "big")
        return Block(value >> 4, bool(value & 8), value & 7)

    @property
    def wants_size2(self) -> bool:
        """Whether it asks for the body's size (RFC 7959, 4); one of a wrong length is as good as none (RFC 7252, 5.4.3)."""
        return any(len(value) <= 4 for value in self.values(SIZE2))

    @property
    def unknown_critical(self) -> int | None:
        """A response's first critical option that nothing here understands (RFC 7252, 5.4.1)."""
        return next((n for n, _ in self.options if n & 1 and n not in (BLOCK2, BLOCK1)), None)

    @property
    def path(self) -> str | None:
        """The Uri-Path segments, parted by slashes; None where they can name nothing of ours."""
        segments = self.values(URI_PATH)
        if any(b"/" in segment for segment in segments):
            return None
        try:
            return b"/".join(segments).decode()
        except UnicodeDecodeError:
            return None

    def values(self, number: int) -> list[bytes]:
        """The values of an option, in their order."""
        return [value for n, value in self.options if n == number]


def parse(data: bytes) -> Datagram | None:
    """Read a message; None for what RFC 7252, 3 and 4.2 call a message format error, or another version."""
    if len(data) < 4 or data[0] >> 6 != 1:
        return None
    kind, length = data[0] >> 4 & 3, data[0] & 15
    code, mid = data[1], data[2] << 8 | data[3]
    if length > 8 or 4 + length > len(data) or code >> 5 in (1, 6, 7):
        return None
    if code == EMPTY:
        if len(data) != 4:
            return None
        return Datagram(kind, code, mid)
    token = data[4 : 4 + length]
    at, number, end = 4 + length, 0, len(data)
    options: list[tuple[int, bytes]] = []
    while at < end:
        byte = data[at]
        at += 1
        if byte == 0xFF:
            if at == end:
                return None  # a payload marker without a payload
            return Datagram(kind, code, mid, token, tuple(options), data[at:])
        delta, size = byte >> 4, byte & 15
        if delta == 15 or size == 15:
            return None
        if delta >= 13:
            extra = delta - 12
            if at + extra > end:
                return None
            delta = int.from_bytes(data[at : at + extra], "big") + (13 if extra == 1 else 269)
            at += extra
        if size >= 13:
            extra = size - 12
            if at + extra > end:
                return None
            size = int.from_bytes(data[at : at + extra], "big") + (13 if extra == 1 else 269)
            at += extra
        number += delta
        if at + size > end or number > 0xFFFF:
            return None
        options.append((number, data[at : at + size]))
        at += size
    return Datagram(kind, code, mid, token, tuple(options))


def rejection(data: bytes) -> bytes | None:
    """What is sent for bytes that are no message: a reset where they claim to be confirmable, else nothing.

    Another version is silently ignored (RFC 7252, 3), and so is what has no whole header (RFC 7252, 4.2, 4.3).
    """
    if len(data) < 4 or data[0] >> 4 != 4 | CON:
        return None
    return empty(RST, data[2] << 8 | data[3])


def dotted(code: int) -> str:
    """A code as people write it: "4.04"."""
    return f"{code >> 5}.{code & 31:02}"


def empty(kind: int, mid: int) -> bytes:
    """An empty message: an ACK or a reset of the message `mid`."""
    return encode(Datagram(kind, EMPTY, mid))


def encode(message: Datagram) -> bytes:
    """Write a message; its options must stand in the order of their numbers."""
    out = bytearray((0x40 | message.type << 4 | len(message.token), message.code))
    out += message.mid.to_bytes(2, "big") + message.token
    last = 0
    for number, value in message.options:
        delta, delta_more = _nibble(number - last)
        size, size_more = _nibble(len(value))
        out.append(delta << 4 | size)
        out += delta_more + size_more + value
        last = number
    if message.payload:
        out.append(0xFF)
        out += message.payload
    return bytes(out)


def _nibble(value: int) -> tuple[int, bytes]:
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes((value - 13,))
    return 14, (value - 269).to_bytes(2, "big")


def uint(value: int) -> bytes:
    """An option's unsigned integer: as few bytes as will do (RFC 7252, 3.2)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def answer_to(request: Datagram, mid: int, code: int, options: Iterable[tuple[int, bytes]] = (), payload: bytes = b"") -> bytes:
    """The response: piggybacked on the ACK for CON, a NON with our message id `mid` for NON."""
    kind, number = (ACK, request.mid) if request.type == CON else (NON, mid)
    return encode(Datagram(kind, code, number, request.token, tuple(options), payload))
