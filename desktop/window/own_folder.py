"""Where the app keeps what is its own: the address book, and the folders of a server that it starts."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QStandardPaths


def own_folder() -> Path:
    """Below the person's own data; it may not be there yet."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation))
