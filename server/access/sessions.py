"""Sessions of people who logged in: kept as hashes, over restarts, until they are too old or their token is revoked."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from server.access import private_file
from server.access.token import Token
from server.access.tokens import Known
from server.steady import Steady

NAME = "sessions"
"""In the state folder."""
IDLE = 7 * 86400.0
"""Seconds after the last use."""
LONGEST = 30 * 86400.0
"""Seconds after the log in."""
_NOTED = 3600.0
"""Seconds by which a use that is on the disk may be out of date."""
_RETRY = 60.0
"""Seconds after a write that failed, before a use makes another one."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """Who logged in, with which token. Times are seconds as `Steady` counts them; Unix times in the file."""

    token: str
    salt: str
    """Of that very token: one that is made again under the same name has another one."""
    began: float
    used: float

    def alive(self, now: float) -> bool:
        """Whether it is young enough. A clock that was set back does not end it."""
        return now - self.began < LONGEST and now - self.used < IDLE


class Sessions:
    """Threads: any. What the browser has is random; the file has its SHA-256, so that reading the file lets nobody in."""

    def __init__(self, path: Path, steady: Steady, most: int = 200) -> None:
        """Of more than `most`, the one that was used longest ago goes first."""
        self._most = most
        self._path = path
        self._steady = steady
        self._lock = threading.Lock()
        self._failed: float | None = None
        """When the last write did, if it did."""
        self.server, self._sessions = self._load()
        """Eight hex digits: cookies know no ports, so two servers on one host tell theirs apart by this."""

    def begin(self, token: Token) -> str:
        """A new one; the text that the browser keeps."""
        text, now = secrets.token_urlsafe(32), self._steady()
        with self._lock:
            alive = {key: session for key, session in self._sessions.items() if session.alive(now)}
            latest = sorted(alive, key=lambda key: alive[key].used)[-(self._most - 1) :]
            self._sessions = {key: alive[key] for key in latest} | {_key(text): Session(token.name, token.salt.hex(), now, now)}
            self._save()
        return text

    def token(self, text: str, known: Known) -> Token | None:
        """With which token this one was begun; None where it is over, or the token is."""
        session = self._sessions.get(_key(text))
        if session is None or not session.alive(self._steady()):
            return None
        return next((t for t in known.tokens if (t.name, t.salt.hex()) == (session.token, session.salt)), None)

    def use(self, text: str) -> None:
        """It was used now: that makes it last longer."""
        key, now = _key(text), self._steady()
        with self._lock:
            session = self._sessions.get(key)
            written = self._failed is None or abs(now - self._failed) < _RETRY
            if session is None or (written and abs(now - session.used) < _NOTED):
                return
            self._sessions = self._sessions | {key: replace(session, used=now)}
            self._save()

    def end(self, text: str) -> None:
        """It is over."""
        with self._lock:
            if _key(text) in self._sessions:
                self._sessions = {key: session for key, session in self._sessions.items() if key != _key(text)}
                self._save()
                if self._failed is not None:  # rather all log in again after a restart than that this one is back
                    with contextlib.suppress(OSError):
                        self._path.unlink()

    def _save(self) -> None:
        step = self._steady.unix(0.0)
        sessions = {key: asdict(_moved(session, step)) for key, session in self._sessions.items()}
        content = {"server": self.server, "sessions": sessions}
        try:
            private_file.write(self._path, json.dumps(content).encode())
            self._failed = None
        except OSError as error:
            if self._failed is None:
                _log.info("who is logged in is not kept over a restart: %r: %s", str(self._path), error.strerror)
            self._failed = self._steady()

    def _load(self) -> tuple[str, dict[str, Session]]:
        step = self._steady.unix(0.0)
        try:
            content = json.loads(private_file.read(self._path)[0])
            return _hex(content["server"]), {str(key): _moved(_session(item), -step) for key, item in content["sessions"].items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            _log.warning("who was logged in cannot be read from %r: people log in again", str(self._path))
        return secrets.token_hex(4), {}


def _moved(session: Session, seconds: float) -> Session:
    """The same so much later."""
    return replace(session, began=session.began + seconds, used=session.used + seconds)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _hex(text: str) -> str:
    if len(bytes.fromhex(text)) != 4:
        raise ValueError
    return text


def _session(item: dict[str, Any]) -> Session:
    return Session(str(item["token"]), str(item["salt"]), float(item["began"]), float(item["used"]))
