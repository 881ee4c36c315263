"""Reads what a device lists of itself: CoRE link-format (RFC 6690, 2), strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST = 1024
"""Links in one list."""
_TARGET = re.compile(r'<([^<>"\\\x00-\x20\x7f]*+)>')
_PARAMETER = re.compile(
    r";([A-Za-z0-9!#$&+\-.^_`|~]++\*?)"
    r"""(?:=(?:"((?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*+)"|([A-Za-z0-9!#$%&'()*+\-./:<=>?@\[\]^_`{|}~]++)))?"""
)
_ESCAPED = re.compile(r"\\(.)")


class InvalidLinks(ValueError):
    """The bytes are no link-format; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class WebLink:
    """One link: its target as written between < and >, and its attributes in their order."""

    target: str
    attributes: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """An attribute's value, the first one's where it is repeated (RFC 6690, 3); empty for one without a value."""
        return next((value for key, value in self.attributes if key == name), None)


def parse(data: bytes) -> tuple[WebLink, ...]:
    """All links of a list; an empty one has none. Raises InvalidLinks."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidLinks("The links are not UTF-8.") from None
    links: list[WebLink] = []
    at = 0
    while at < len(text):
        if links:
            if text[at] != ",":
                raise InvalidLinks(f"Behind a link, at {at}, stands neither a comma nor a semicolon with an attribute.")
            at += 1
        if len(links) == MOST:
            raise InvalidLinks(f"There are more than {MOST} links.")
        target = _TARGET.match(text, at)
        if target is None:
            raise InvalidLinks(f"At {at} a link is expected, as in </path>.")
        at = target.end()
        attributes = []
        while (parameter := _PARAMETER.match(text, at)) is not None:
            name, quoted, plain = parameter.groups()
            attributes.append((name, _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain or ""))
            at = parameter.end()
        links.append(WebLink(target[1], tuple(attributes)))
    return tuple(links)
