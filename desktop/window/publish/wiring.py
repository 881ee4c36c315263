"""What is picked, typed and published on the first page, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from common.device_url import parse_list
from common.errors import OtaError
from common.release import Release
from desktop.bundle import Bundle
from desktop.window.check.look import Look
from desktop.window.publish.page import PublishPage
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.server.link import ServerLink
from desktop.window.settings import Settings


class PublishWiring(QObject):
    """Joins the page, the way of a release and the server, so that what is shown is of the server that is used."""

    said = pyqtSignal(str)
    page_asked = pyqtSignal()
    """The page is to be seen."""

    def __init__(self, page: PublishPage, flow: ReleaseFlow, link: ServerLink, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._page, self._flow, self._link, self._settings = page, flow, link, settings
        self._reachable = False
        files, panel = page.files, page.panel
        files.paths_picked.connect(flow.pick)
        files.role_changed.connect(flow.set_role)
        files.removed.connect(flow.remove)
        files.forget_recent_asked.connect(self._forget_recent)
        flow.bundle_changed.connect(self._show_bundle)
        flow.looked.connect(self._show_look)
        flow.sent.connect(panel.show_sent)
        flow.published.connect(self._show_published)
        flow.notified.connect(panel.show_notified)
        flow.failed.connect(panel.show_failed)
        flow.busy_changed.connect(panel.show_busy)
        panel.publish_asked.connect(flow.publish)
        panel.cancel_asked.connect(flow.cancel)
        panel.retry_asked.connect(flow.retry)
        panel.id_edited.connect(flow.set_publish_id)
        link.asking.connect(self._show_no_server)
        link.answered.connect(self._show_server)
        link.silent.connect(self._show_no_server)
        link.barred.connect(self._show_no_server)

    def restore(self) -> None:
        """What was there when the window was closed."""
        page = self._page
        page.files.show_recent(self._settings.recent)
        page.files.show_bundle(self._flow.bundle)
        page.findings.show_checked(None)
        page.panel.set_devices(self._settings.devices)
        page.files.choose_button.setFocus()

    def keep(self) -> None:
        """What is to be there when the window is opened again."""
        self._settings.devices = self._page.panel.devices

    def pick(self, paths: Sequence[Path]) -> None:
        """Take these files, and show them."""
        self.page_asked.emit()
        self._flow.pick(paths)

    def put_devices(self, urls: Sequence[str]) -> None:
        """These are to be told."""
        self._page.panel.set_devices("\n".join(urls))
        self.page_asked.emit()

    def notify_of(self, publish_id: str) -> None:
        """The devices of the page are told of a release that is on the server."""
        try:
            devices = list(parse_list(self._page.panel.devices.replace("\n", ",")))
        except OtaError as error:
            self.said.emit(str(error))
            return
        self.page_asked.emit()
        if devices:
            self._flow.notify(publish_id, devices)
        else:
            self.said.emit(self.tr("Name the devices that are to be told of {} first.").format(publish_id))

    def _show_bundle(self, bundle: Bundle) -> None:
        self._page.show_bundle(bundle)
        if bundle.files:
            self._settings.add_recent([file.path for file in bundle.files.values()])
            self._page.files.show_recent(self._settings.recent)

    def _show_look(self, look: Look) -> None:
        self._page.show_look(look, self._flow.bundle)

    def _show_published(self, release: Release, created: bool) -> None:
        self._page.panel.show_published(release, created)
        self._link.refresh()

    def _show_server(self, releases: Sequence[Release]) -> None:
        """It answers; one that had not done so before may say more of the files."""
        was, self._reachable = self._reachable, True
        self._page.panel.show_server(True)
        self._page.panel.show_taken([release.publish_id for release in releases])
        if not was:
            self._flow.check_again()

    def _show_no_server(self) -> None:
        self._reachable = False
        self._page.panel.show_server(False)

    def _forget_recent(self) -> None:
        self._settings.forget_recent()
        self._page.files.show_recent(())
