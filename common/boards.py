"""The name of a board by the class id in a manifest, where the board is known."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import ConfigError

RIOT = "riot-os.org"
"""The vendor domain of RIOT's own builds (its SUIT_VENDOR)."""
MAX_BYTES = 1024 * 1024
_OWN = Path(__file__).with_name("boards.txt")


@dataclass(frozen=True, slots=True)
class Boards:
    """The boards that are known."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Class id, a UUID in its usual text form -> board."""

    @classmethod
    def load(cls, extra: Path | None) -> Boards:
        """RIOT's boards, and those in a user's file; ConfigError names the line that is none.

        One board a line, with its vendor's domain after white space where that is not RIOT's; `#` begins a comment.
        """
        files = (_OWN, extra) if extra else (_OWN,)
        return cls({class_id(board, vendor): board for file in files for board, vendor in _lines(file)})

    def name(self, class_id: str | None) -> str | None:
        """The board of this class id; None where none is known."""
        return self.names.get(class_id) if class_id else None


def class_id(board: str, vendor: str = RIOT) -> str:
    """The class id that RIOT's build system gives a board (RFC 9562, version 5, twice)."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, vendor), board))


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Each board and its vendor domain."""
    name = repr(str(file))
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The list of boards {name} cannot be read ({error.strerror}): name another file.") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"The list of boards {name} is over {MAX_BYTES} bytes: it takes one board a line, and nothing else.")
    for number, line in enumerate(data.splitlines(), 1):
        try:
            text = line.decode("utf-8-sig").partition("#")[0]
        except UnicodeDecodeError:
            raise ConfigError(f"Line {number} of the list of boards {name} is no UTF-8: write it anew as plain text.") from None
        words = text.split()
        if len(words) > 2 or not all(word.isprintable() for word in words):
            raise ConfigError(
                f"Line {number} of the list of boards {name} is no board: it takes a board's name, and its vendor's domain"
                f" after white space where that is not {RIOT}."
            )
        if words:
            yield words[0], words[1] if len(words) == 2 else RIOT
