"""What somebody dropped on the window: local files and folders, or a sentence about what it is instead."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QCoreApplication, QMimeData


def dropped(mime: QMimeData | None) -> tuple[list[Path], str]:
    """The paths, and what there is to say, "" where that is nothing."""
    urls = mime.urls() if mime is not None else []
    local = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    if len(local) < len(urls):
        return local, _tr("Only files of this computer can be dropped: save them here first.")
    if not urls:
        return local, _tr("What was dropped is no file: drop the manifest and the slot images.")
    return local, ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("dropped", text)
