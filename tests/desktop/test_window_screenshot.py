"""The picture of the window in the README, and of every test run: light and dark, over a real server."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from PyQt5.QtGui import QFont
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from common.boards import Boards
from desktop.server import Server as ChosenServer
from desktop.window.jobs import Jobs
from desktop.window.main_window import MainWindow
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings
from tests.desktop.conftest import dark_palette
from tests.support.releases import SAMPLE
from tests.support.server import ROOT, running

WAIT = 120_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_window_is_pictured(qtbot: QtBot, qapp: QApplication, tmp_path: Path, scheme: str) -> None:
    pictures = ROOT / "tests" / "output"
    pictures.mkdir(parents=True, exist_ok=True)
    before = (qapp.palette(), qapp.font(), qapp.style().objectName())
    qapp.setStyle("Fusion")
    qapp.setFont(QFont("DejaVu Sans", 10))
    if scheme == "dark":
        qapp.setPalette(dark_palette())
    shutil.copytree(SAMPLE, tmp_path / "firmware" / "fw" / "sample" / "samr21-xpro", copy_function=shutil.copyfile)
    flags = ("--coap-host", "fd00:dead:beef::1", "--coap-bind", "127.13.0.1", "--coap-port", str(port()))
    try:
        with running(tmp_path / "firmware", tmp_path / "state", *flags) as server:
            jobs = Jobs()
            link = ServerLink(jobs)
            flow = ReleaseFlow(jobs, Boards.load(None), lambda: ChosenServer(link.url) if link.url else None)
            window = MainWindow(jobs, flow, link, LocalServer(), Settings())
            qtbot.addWidget(window)
            window.resize(1180, 800)
            window.show()
            with qtbot.waitSignal(link.answered, timeout=WAIT):
                window._server.choose(server.url)
            flow.pick([SAMPLE / f"{name}.bin" for name in ("riot.suit.1700000200", "slot0.1700000100", "slot1.1700000200")])
            window._page.panel.set_devices("[fd00::2]/suit/trigger")
            qtbot.waitUntil(lambda: "digest-mismatch" in window._page.findings.text(), timeout=WAIT)
            assert window.grab().save(str(pictures / f"publisher-{scheme}.png"))
            window.close()
    finally:
        qapp.setPalette(before[0])
        qapp.setFont(before[1])
        qapp.setStyle(before[2])


def port() -> int:
    """The sample's own, or any where that is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.13.0.1", 5683))
        except OSError:
            return 0
    return 5683
