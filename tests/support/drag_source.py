"""A file manager's part of a drag, as a program: `python -m tests.support.drag_source file ...`.

A small window from which these files are dragged. What happens is told on standard output, a line each: "pressed",
"dragging", "action N" when what is below the pointer would do that with them, "dropped N" at the end, and "copied ..."
(JSON) when a program of the same display has put a text on the clipboard. N is Qt's DropAction: 0 none, 1 copy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QMimeData, QPoint, Qt, QUrl
from PyQt5.QtGui import QDrag, QMouseEvent
from PyQt5.QtWidgets import QApplication, QLabel

TITLE = "Files to drag"


class Source(QLabel):
    """The files' names; the left button, held and moved, drags them all."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__("\n".join(path.name for path in paths))
        self._paths = paths
        self._from = QPoint()
        self.setWindowTitle(TITLE)
        self.setMargin(20)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """It may become a drag."""
        if event is not None:
            self._from = event.pos()
            say("pressed")

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Far enough, it is one."""
        if event is None or (event.pos() - self._from).manhattanLength() < QApplication.startDragDistance():
            return
        drag = QDrag(self)
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in self._paths])
        drag.setMimeData(mime)
        drag.actionChanged.connect(lambda action: say(f"action {int(action)}"))
        say("dragging")
        say(f"dropped {int(drag.exec_(Qt.DropAction.CopyAction))}")


def say(line: str) -> None:
    """At once, because it is waited for."""
    print(line, flush=True)


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    app = QApplication(["drag-source"])
    window = Source([Path(argument).absolute() for argument in arguments])
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.dataChanged.connect(lambda: say(f"copied {json.dumps(clipboard.text())}"))
    window.move(1250, 100)
    window.show()
    return app.exec_()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
