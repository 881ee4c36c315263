"""The file of tokens: read whole, changed under a lock, and said to be damaged rather than taken for empty."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from common.errors import ConfigError, OtaError, StoreFull
from server.access import private_file
from server.access.token import Token

NAME = "tokens"
"""In the state folder."""
Stamp = tuple[int, int, int, int]
_OTHERS = 0o077
_log = logging.getLogger(__name__)


class TokenFile:
    """Threads: any; two changes do not meet, nor do those of two processes."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        """`patience`: seconds that a change waits for another one's end."""
        self.path = path
        self._lock = path.with_name(f".{path.name}.lock")
        self._patience = patience

    def stamp(self) -> Stamp | None:
        """Another one whenever the file is another one; None where there is none. Raises OSError."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def read(self) -> tuple[Token, ...]:
        """All of them; none where there is no file. Raises OSError, and ConfigError for what cannot be understood."""
        return self.find() or ()

    def find(self) -> tuple[Token, ...] | None:
        """As `read`, but None where there is no file: one that was there and says nothing has been emptied by `changing`."""
        try:
            data, mode = private_file.read(self.path)
        except FileNotFoundError:
            return None
        if mode & _OTHERS:
            _log.warning("others may open the file of tokens (mode %04o): chmod 600 %r", mode, str(self.path))
        try:
            content = json.loads(data)
            tokens = tuple(Token.from_json(item) for item in content["tokens"])
            if content["version"] != 1 or len({token.name for token in tokens}) != len(tokens):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OtaError):
            raise ConfigError(
                f"The file of tokens {str(self.path)!r} is damaged, so nobody may change anything. Bring back a good copy of it,"
                " or remove it and make the tokens again."
            ) from None
        return tokens

    @contextlib.contextmanager
    def changing(self) -> Iterator[list[Token]]:
        """The tokens as a list; what it is at the end is written, be it empty.

        Raises as `read` does, StoreFull when another change does not end, and Unsynced when it is made, but maybe not for good.
        """
        with contextlib.ExitStack() as change:
            try:
                change.enter_context(private_file.locked(self._lock, self._patience))
            except TimeoutError:
                raise StoreFull(
                    f"Nothing was changed: something else has been changing the tokens for {self._patience:g} seconds, and does"
                    f" not end. lslocks shows to root which process it is that holds {str(self._lock)!r}: end that one first."
                ) from None
            tokens = list(self.read())
            before = tuple(tokens)
            yield tokens
            if tuple(tokens) != before:
                content = {"version": 1, "tokens": [token.to_json() for token in tokens]}
                private_file.write(self.path, (json.dumps(content, indent=1) + "\n").encode())
