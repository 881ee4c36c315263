"""What is chosen, typed and forgotten in the server's bar, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from common.errors import OtaError, TokenWanted
from desktop.tokens import plain_address
from desktop.window.server.bar import ServerBar
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.settings import Settings


class ServerWiring(QObject):
    """Joins the bar, the link and the settings, so that all three mean the same server."""

    said = pyqtSignal(str)

    def __init__(
        self, bar: ServerBar, link: ServerLink, local: LocalServer, settings: Settings, place: Path, parent: QObject
    ) -> None:
        """`place`: a folder for what a server on this computer serves and keeps."""
        super().__init__(parent)
        self._bar, self._link, self._local, self._settings, self._place = bar, link, local, settings, place
        bar.start_asked.connect(self.start_own)
        bar.chosen.connect(self.choose)
        bar.forget_asked.connect(self.forget)
        bar.token_typed.connect(link.set_token)
        bar.token_forget_asked.connect(link.forget_token)
        link.token_changed.connect(bar.show_token)
        link.barred.connect(bar.show_barred)
        link.asking.connect(self._show_asking)
        link.answered.connect(self._show_there)
        link.silent.connect(self._show_silence)
        link.refused.connect(self._show_refusal)
        local.failed.connect(self.said)
        local.started.connect(self.use_own)
        local.ended.connect(link.refresh)

    def restore(self) -> None:
        """Ask the server that was used last."""
        self._bar.show_servers(self._settings.servers)
        self._link.choose(self._settings.server)

    def choose(self, url: str) -> None:
        """Use this one, and remember it."""
        self._settings.use_server(url)
        self._bar.show_servers(self._settings.servers)
        self._link.choose(url)

    def start_own(self) -> None:
        """Start one on this computer; `use_own` comes when it answers."""
        firmware = self._place / "firmware"
        self.said.emit(self.tr("Starting a server on this computer; its firmware folder is {}.").format(firmware))
        self._local.start(firmware, self._place / "state")

    def use_own(self, url: str) -> None:
        """Its address is another one each time, so it is not remembered."""
        self.said.emit("")
        self._bar.show_servers((url, *self._settings.servers), url)
        self._link.choose(url)

    def show_refused(self, error: OtaError) -> None:
        """Where a token is what an act lacks, there is the place to type one; the sentence stands where the act was asked for."""
        if isinstance(error, TokenWanted):
            self._bar.open_token()

    def forget(self, url: str) -> None:
        """Remember neither this one nor its token, and use the one before it."""
        self._link.forget_token()
        self._settings.forget_server(url)
        self.restore()
        self.said.emit(self.tr("The server at {} is forgotten, and its token with it.").format(plain_address(url)))

    def _show_asking(self) -> None:
        self._bar.show_state(None, "")

    def _show_there(self) -> None:
        self._bar.show_state(True, "")

    def _show_silence(self, why: str) -> None:
        self._bar.show_state(False, why)

    def _show_refusal(self, error: OtaError) -> None:
        self.said.emit(str(error))
        self.show_refused(error)
