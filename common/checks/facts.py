"""What a check is given: the release's files, and what only a server knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.finding import Role
from common.release import Kind

SLOTS: tuple[Role, ...] = (Role.SLOT0, Role.SLOT1)
_QUOTED = 100
"""Characters."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a check needs to know of an image."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex; "" where the file is there and was not read: it is too large."""
    head: bytes = b""
    """Its first 16 bytes (riotboot.HEADER_BYTES), fewer where the file is shorter; without them its header is not checked."""
    name: str = ""
    """The file's name, for people; "" where it is that of its role."""


@dataclass(frozen=True, slots=True)
class Files:
    """One release's files, before anybody decided anything about them."""

    manifest: bytes | None
    images: Mapping[Role, FileFacts]
    manifest_name: str = ""
    """The file's name, for people; "" where it is that of its role."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What only a server knows. What is None or empty is not checked."""

    max_image_size: int | None = None
    """Bytes."""
    hosts: frozenset[str] | None = None
    """The addresses at which devices reach the server, without brackets and zones."""
    port: int = 5683
    """The UDP port for devices."""
    host: str = ""
    """The one of `hosts` that a manifest had best name."""
    newest: Mapping[Kind, tuple[str, int]] = field(default_factory=dict)
    """Vendor and class -> publish id and sequence number of the newest ready release, but for the one that is checked."""
    holders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """CoAP path (no leading slash) -> who is served there (a publish id, or a file's path) and the SHA-256 of what is."""
    publish_id: str = ""
    """Of the release that is checked, where it is known."""


def label(role: Role, name: str) -> str:
    """How a message names a file: its role, and its name where that is another."""
    return f"{role} ({short(name)})" if name and name != role else str(role)


def short(text: str) -> str:
    """How a message quotes what may be long."""
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
