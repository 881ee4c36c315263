"""The tokens of servers: in this computer's keyring where there is one, else until the program ends."""

from __future__ import annotations

import logging
import threading
from enum import Enum, auto
from urllib.parse import urlsplit

_SERVICE = "ota-publisher"
_PORTS = {"http": 80, "https": 443}

_log = logging.getLogger("desktop.tokens")


class Keeping(Enum):
    """Whether there is a token, and where it is kept."""

    NONE = auto()
    LOOKING = auto()
    """The keyring is asked for one, and none is used yet."""
    KEEPING = auto()
    """One is used, and the keyring is asked to keep it."""
    SESSION = auto()
    """It is kept until the program ends."""
    KEYRING = auto()

    @property
    def is_set(self) -> bool:
        """Whether a token goes with each request."""
        return self in (Keeping.KEEPING, Keeping.SESSION, Keeping.KEYRING)


class Tokens:
    """One token a server. None of them is logged.

    Threads: any. `load`, `save` and `forget` block for as long as nobody answers what a keyring asks.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}
        self._one_at_a_time = threading.Lock()

    def load(self, url: str) -> str | None:
        """The server's token; None where none is kept, or the keyring cannot say."""
        name = plain_address(url)
        if name in self._session:
            return self._session[name]
        try:
            import keyring  # takes 0.1 s to load, and the window's start does not need it

            with self._one_at_a_time:
                return keyring.get_password(_SERVICE, name) or None
        except Exception as error:  # a backend is somebody else's program, and raises what it likes
            _log.info("the keyring gives no token: %s", type(error).__name__)
            return None

    def save(self, url: str, token: str) -> bool:
        """Keep it; whether it is kept for longer than this program runs."""
        name = plain_address(url)
        self._session[name] = token
        try:
            import keyring

            with self._one_at_a_time:
                if self._session.get(name) != token:
                    return False
                keyring.set_password(_SERVICE, name, token)
                # There are backends that take everything and keep nothing.
                kept = keyring.get_password(_SERVICE, name) == token
        except Exception as error:
            _log.info("the keyring keeps no token: %s", type(error).__name__)
            return False
        if kept and self._session.get(name) == token:
            del self._session[name]
        return kept

    def forget(self, url: str) -> None:
        """Keep none for this server any more; nothing happens where there was none."""
        name = plain_address(url)
        self._session.pop(name, None)
        try:
            import keyring

            with self._one_at_a_time:
                if keyring.get_password(_SERVICE, name) is not None:
                    keyring.delete_password(_SERVICE, name)
        except Exception as error:
            _log.info("the keyring forgets no token: %s", type(error).__name__)

    def ends_with_program(self, url: str) -> bool:
        """Whether the server's token is in memory only. Does not block."""
        return plain_address(url) in self._session


def is_token(text: str) -> bool:
    """Whether it can stand in a header: ASCII that is seen, and no space."""
    return bool(text) and all("!" <= letter <= "~" for letter in text)


def plain_address(url: str) -> str:
    """The same one for each way to write an address; without a user and a password."""
    typed = url.strip()
    try:
        parts = urlsplit(typed if "://" in typed else f"http://{typed}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return typed.rpartition("@")[2]
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
