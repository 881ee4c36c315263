"""A request's head, so that waitress' patterns read it in time that grows with its length and no faster."""

from __future__ import annotations

import re

from waitress.parser import ParsingError

_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Z]+ [^\x00-\x20\x7f]+ HTTP/[0-9]\.[0-9]")
"""RFC 9112, 3. waitress' own pattern takes such a line at its first try; at any other it tries every way to split the address."""


def readable(head: bytes) -> bytes:
    """The same request line and header fields, without blanks around the values. Raises ParsingError.

    For a value behind blanks waitress' pattern tries every division of the blanks between what precedes an empty value and
    what follows it, before it comes to the value itself.
    """
    first, *lines = head.split(b"\r\n")
    first = first.rstrip()
    if not _REQUEST_LINE.fullmatch(first):
        raise ParsingError(
            "The first line is no request: a method in capitals, an address without blanks and the version are needed,"
            " with one blank between them, such as GET / HTTP/1.1."
        )
    if any(line.startswith((b" ", b"\t")) for line in lines):  # RFC 9112, 5.2: refused, or else joined
        raise ParsingError("A line of the header begins with a blank. Each header field stands on one line: join the lines.")
    return b"\r\n".join((first, *map(_field, lines)))


def _field(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    return name + colon + value.strip(b" \t")
