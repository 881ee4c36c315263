"""The tokens as they are now: the file is read again whenever it is another one, and who looks is told what to say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigError
from server.access.token import Token, listed
from server.access.token_file import Stamp, TokenFile

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """All tokens of one moment."""

    tokens: tuple[Token, ...] = ()
    trouble: str = ""
    """Why they are not known, as a sentence: then nobody may change anything."""

    def of(self, text: str) -> Token | None:
        """Whose text this is. Every token is compared, so that the time tells nothing of which one it is."""
        fitting = [token for token in self.tokens if token.fits(text)]
        return fitting[0] if fitting else None


class Tokens:
    """Threads: any may call `known`. Neither a restart nor a reload is needed after the file was changed."""

    def __init__(self, file: TokenFile, told: Callable[[str], None], seen: set[Path]) -> None:
        """`told` hears, as a sentence, of each token that was made or revoked while this runs.

        `seen` has the files that were there since the process began, over reloads: one of them that is missing, as with a disk
        that was taken away, does not mean that there are no tokens.
        """
        self._file = file
        self._told = told
        self._seen = seen
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._known = self._look()
        self._told_of = self._known.tokens
        if self._known.trouble:
            _log.error("%s", self._known.trouble)

    @property
    def known(self) -> Known:
        """As the file is now."""
        with self._lock:
            try:
                if self._stamp is not None and self._file.stamp() == self._stamp:
                    return self._known
            except OSError:
                pass  # reading says why
            before, self._known = self._known, self._look()
            self._tell(before, self._known)
            return self._known

    def _look(self) -> Known:
        self._stamp, path = None, self._file.path
        try:
            stamp = self._file.stamp()
            tokens = self._file.find() if stamp is not None else None
        except ConfigError as error:
            known = Known(trouble=str(error))
        except OSError as error:
            self._seen.add(path)
            owned = "It belongs to the user that the server runs as, with mode 0600."
            return Known(
                trouble=f"The file of tokens {str(path)!r} cannot be read ({error.strerror}), so nobody may change anything."
                f" {owned if isinstance(error, PermissionError) else 'It is read again at the next try: look after its disk.'}"
            )
        else:
            if tokens is None and path in self._seen:
                return Known(
                    trouble=f"The file of tokens {str(path)!r} is gone, so nobody may change anything. Bring it back (a"
                    " disk may have to be mounted), or make the tokens again."
                )
            if tokens is None:
                return Known()
            known = Known(tokens)
        self._seen.add(path)
        self._stamp = stamp
        return known

    def _tell(self, before: Known, now: Known) -> None:
        if now.trouble:
            if now.trouble != before.trouble:
                _log.error("%s", now.trouble)
            return
        if before.trouble:
            _log.info("the file of tokens can be read again")
        had, self._told_of = self._told_of, now.tokens
        for token in now.tokens:
            if token not in had:
                self._say(f"The token {token.name!r} is known: it may {listed(token.rights)}.")
        for token in had:
            if token not in now.tokens:
                self._say(f"The token {token.name!r} is revoked.")
        if (had or before.trouble) and not now.tokens:
            self._say(
                "There is no token any more: whoever is on this machine may change something, if nobody else reaches the server."
            )

    def _say(self, what: str) -> None:
        _log.info("%s", what)
        self._told(what)
