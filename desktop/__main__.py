"""The window's composition root: `python -m desktop [--insecure] [file or folder ...]`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QIcon
from PyQt5.QtWidgets import QApplication

from common import __version__
from common.boards import Boards
from common.errors import InvalidRequest
from desktop import usage
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings

_ICON = Path(__file__).parents[1] / "packaging" / "ota-publisher.svg"
_WRONG_USAGE = 64
"""sysexits.h, as the command line has it."""


def main(arguments: Sequence[str]) -> int:
    """The exit status; what is named is picked as if it had been dropped."""
    try:
        typed = usage.of_window().parse_args(arguments)
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return _WRONG_USAGE
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(["ota-publisher"])
    app.setApplicationName("ota-publisher")
    app.setApplicationDisplayName("OTA Publisher")
    app.setApplicationVersion(__version__)
    app.setOrganizationName("ota-server")
    app.setWindowIcon(QIcon(str(_ICON)))
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    alive = QTimer()  # Python sees a signal only while it runs
    alive.setInterval(200)
    alive.timeout.connect(lambda: None)
    alive.start()
    jobs = Jobs()
    link = ServerLink(jobs, insecure=typed.insecure)
    flow = ReleaseFlow(jobs, Boards.load(None), lambda: link.server)
    window = MainWindow(jobs, flow, link, LocalServer(), Settings())
    window.show()
    if typed.files:
        flow.pick(typed.files)
    return app.exec_()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
