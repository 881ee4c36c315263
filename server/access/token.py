"""Token: a name, what it may do, and a salted hash of the text that proves it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from common.errors import InvalidRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SALT = 16
_BYTES = 32
"""Of randomness in a token's text."""
_LONGEST = 200
"""Characters; a longer text is no token, and is not hashed."""


class Right(StrEnum):
    """What a token may allow."""

    PUBLISH = "publish"
    """Publish, check, withdraw, restore; name and forget devices."""
    NOTIFY = "notify"
    """Notify; begin, pause, resume and end batches and rollouts."""
    REMOVE = "remove"


def in_order(rights: Iterable[Right]) -> tuple[Right, ...]:
    """Each once, always in the same order."""
    wanted = frozenset(rights)
    return tuple(right for right in Right if right in wanted)


def listed(rights: Iterable[Right]) -> str:
    """`publish, notify and remove`, for sentences."""
    words = [right.value for right in in_order(rights)]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "nothing"


@dataclass(frozen=True, slots=True)
class Token:
    """What the server keeps of a token. The text itself is shown once, and is kept nowhere.

    The text has 256 bits from the kernel's generator, so nobody finds it by trying however fast the hash is: one salted
    SHA-256 does, and a request costs microseconds. A slow hash is for secrets that people make up.
    """

    name: str
    rights: tuple[Right, ...]
    salt: bytes
    digest: bytes = field(repr=False)
    created: dt.datetime

    @classmethod
    def make(cls, name: str, rights: Iterable[Right], now: dt.datetime) -> tuple[Self, str]:
        """A new one, and its text. Raises InvalidRequest for a name that is none."""
        salt, text = secrets.token_bytes(_SALT), f"ota_{secrets.token_urlsafe(_BYTES)}"
        return cls(check_name(name), in_order(rights), salt, _digest(salt, text), now), text

    def fits(self, text: str) -> bool:
        """Whether this is its text, in a time that says nothing of how much of it is right."""
        return len(text) <= _LONGEST and hmac.compare_digest(self.digest, _digest(self.salt, text))

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {
            "name": self.name, "may": [right.value for right in self.rights], "salt": self.salt.hex(),
            "sha256": self.digest.hex(), "created": self.created.isoformat(timespec="seconds"),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError, TypeError or InvalidRequest for what is no token."""
        salt, digest = bytes.fromhex(data["salt"]), bytes.fromhex(data["sha256"])
        created = dt.datetime.fromisoformat(data["created"])
        if len(salt) < _SALT or len(digest) != hashlib.sha256().digest_size or created.tzinfo is None or not data["may"]:
            raise ValueError("a salt, a digest or a time is too short, or nothing is allowed")
        return cls(check_name(data["name"]), in_order(Right(word) for word in data["may"]), salt, digest, created)


def check_name(name: str) -> str:
    """The name itself. Raises InvalidRequest."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} is no name for a token: it has letters, digits, '.', '_' and '-', begins with a letter or a digit, and has"
            " 64 characters at most, such as laptop."
        )
    return name


def _digest(salt: bytes, text: str) -> bytes:
    return hashlib.sha256(salt + text.encode("utf-8", "surrogatepass")).digest()
