"""What the window remembers from one start to the next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from PyQt5.QtCore import QByteArray, QSettings

RECENT_SETS = 10
SERVERS = 20


class Settings:
    """Typed properties over one file of settings; what is missing or damaged in it is as if it had never been set.

    Threads: the UI thread only.
    """

    def __init__(self) -> None:
        self._store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "ota-server", "ota-publisher")

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._store.fileName())

    def save(self) -> bool:
        """Write now what Qt would write by and by; whether it could be."""
        self._store.sync()
        return self._store.status() == QSettings.Status.NoError

    @property
    def servers(self) -> tuple[str, ...]:
        """Addresses of servers, the one that was used last first."""
        return tuple(url for url in self._list("servers") if isinstance(url, str) and url)

    @servers.setter
    def servers(self, urls: Iterable[str]) -> None:
        self._keep("servers", list(dict.fromkeys(filter(None, map(_without_password, urls))))[:SERVERS])

    @property
    def server(self) -> str:
        """The address of the server that was used last; empty when there was none."""
        return next(iter(self.servers), "")

    def use_server(self, url: str) -> None:
        """Put an address first in `servers`."""
        self.servers = (url, *self.servers)

    def forget_server(self, url: str) -> None:
        """Take an address from `servers`."""
        self.servers = tuple(known for known in self.servers if known != _without_password(url))

    @property
    def recent(self) -> tuple[tuple[Path, ...], ...]:
        """The files that were picked together, the last ones first; at most RECENT_SETS."""
        sets = (entry for entry in self._list("recent-sets") if isinstance(entry, list))
        read = (tuple(Path(path) for path in entry if isinstance(path, str) and path) for entry in sets)
        return tuple(paths for paths in read if paths)[:RECENT_SETS]

    def add_recent(self, paths: Sequence[Path]) -> None:
        """Put these files first in `recent`; the same ones, in whatever order, are there once."""
        new = tuple(path.absolute() for path in paths)
        if new:
            others = (known for known in self.recent if set(known) != set(new))
            self._keep("recent-sets", [[str(path) for path in one] for one in (new, *others)][:RECENT_SETS])

    def forget_recent(self) -> None:
        """Empty `recent`."""
        self._store.remove("recent-sets")

    @property
    def geometry(self) -> QByteArray | None:
        """Where the window was and how large, as QWidget.saveGeometry gave it; None at first."""
        return self._bytes("window/geometry")

    @geometry.setter
    def geometry(self, saved: QByteArray | None) -> None:
        self._store.setValue("window/geometry", saved)

    @property
    def state(self) -> QByteArray | None:
        """How the window's parts were arranged, as QMainWindow.saveState gave it; None at first."""
        return self._bytes("window/state")

    @state.setter
    def state(self, saved: QByteArray | None) -> None:
        self._store.setValue("window/state", saved)

    @property
    def devices(self) -> str:
        """The devices that were notified last, as they were typed."""
        text = self._load("devices")
        return text if isinstance(text, str) else ""

    @devices.setter
    def devices(self, text: str) -> None:
        self._keep("devices", text)

    def _bytes(self, key: str) -> QByteArray | None:
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else None

    def _list(self, key: str) -> list[object]:
        value = self._load(key)
        return value if isinstance(value, list) else []

    def _load(self, key: str) -> object:
        """As JSON: Qt's own lists come back from the file as something else when they have no or one entry."""
        try:
            return json.loads(self._store.value(key, "", type=str))
        except (ValueError, TypeError, RecursionError):
            return None

    def _keep(self, key: str, value: object) -> None:
        self._store.setValue(key, json.dumps(value))


def _without_password(url: str) -> str:
    """A password that stands in an address is not for a file that anything may read."""
    typed = url.strip()
    try:
        authority = urlsplit(typed if "://" in typed else f"http://{typed}").netloc
    except ValueError:
        return typed
    return typed.replace(authority, authority.rpartition("@")[2], 1) if "@" in authority else typed
