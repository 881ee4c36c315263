"""The window: the server above, four pages below, and files dropped anywhere on it."""

from __future__ import annotations

from functools import partial

from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence
from PyQt5.QtWidgets import QMainWindow, QTabBar, QTabWidget, QVBoxLayout, QWidget

from desktop.window.address_book.keeper import AddressBookKeeper
from desktop.window.address_book.page import DevicesPage
from desktop.window.files.dropped import dropped
from desktop.window.files.field_drops import FieldDrops
from desktop.window.fleet.wiring import FleetWiring
from desktop.window.jobs import Jobs
from desktop.window.own_folder import own_folder
from desktop.window.publish.page import PublishPage
from desktop.window.publish.release_flow import ReleaseFlow
from desktop.window.publish.wiring import PublishWiring
from desktop.window.releases import wiring as releases
from desktop.window.releases.page import ReleasesPage
from desktop.window.server.bar import ServerBar
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.server.wiring import ServerWiring
from desktop.window.settings import Settings
from desktop.window.widgets.menus import add_menus
from desktop.window.widgets.wrapped_label import WrappedLabel


class MainWindow(QMainWindow):
    """Puts the rooms together: each has a page, and a wiring that joins it with the server."""

    def __init__(self, jobs: Jobs, flow: ReleaseFlow, link: ServerLink, local: LocalServer, settings: Settings) -> None:
        super().__init__()
        self._jobs, self._flow, self._link, self._local, self._settings = jobs, flow, link, local, settings
        self.setWindowTitle(self.tr("OTA Publisher"))
        self.setAcceptDrops(True)
        place = own_folder()
        self._line = WrappedLabel()
        self._tabs = QTabWidget()
        self._bar = ServerBar()
        self._page = PublishPage()
        self._releases = ReleasesPage()
        self._devices = DevicesPage(lambda call, done, failed: jobs.start(lambda _p, _c: call(), done, failed))
        self._keeper = AddressBookKeeper(jobs, place / "devices.json", self)
        self._server = ServerWiring(self._bar, link, local, settings, place, self)
        self._fleet = FleetWiring(jobs, link, self._devices, self._keeper, self._tabs, self)
        self._publishing = PublishWiring(self._page, flow, link, settings, self)
        releases.join(self._releases, link)
        self._lay_out()
        self._add_menus()
        self._wire()
        self._restore()
        self._drops = FieldDrops(self)

    def _lay_out(self) -> None:
        self._tabs.setAccessibleName(self.tr("Pages"))
        self._tabs.findChildren(QTabBar)[0].setAccessibleName(self.tr("Pages"))
        self._tabs.setDocumentMode(True)
        self._tabs.addTab(self._page, self.tr("&Publish"))
        self._tabs.addTab(self._releases, self.tr("&Releases"))
        self._tabs.addTab(self._fleet.devices, self.tr("&Devices"))
        self._tabs.addTab(self._fleet.rollouts, self.tr("R&ollouts"))
        middle = QWidget()
        whole = QVBoxLayout(middle)
        whole.addWidget(self._bar)
        whole.addWidget(self._line)
        whole.addWidget(self._tabs, 1)
        self.setCentralWidget(middle)

    def _add_menus(self) -> None:
        add_menus(self, {
            self.tr("&File"): [
                (self.tr("&Choose files…"), QKeySequence.StandardKey.Open, self._page.files.choose_files),
                (self.tr("C&lear the files"), None, self._flow.clear),
                (self.tr("&Quit"), QKeySequence.StandardKey.Quit, self.close),
            ],
            self.tr("&Server"): [
                (self.tr("&Type its address"), "Ctrl+L", self._bar.focus_address),
                (self.tr("&Look again"), QKeySequence.StandardKey.Refresh, self._link.refresh),
                (self.tr("&Start one on this computer"), None, self._server.start_own),
                (self.tr("To&ken…"), None, self._bar.open_token),
                (self.tr("&Forget this server"), None, self._bar.forget_chosen),
            ],
            self.tr("V&iew"): [
                (self._tabs.tabText(number), f"Ctrl+{number + 1}", partial(self._tabs.setCurrentIndex, number))
                for number in range(self._tabs.count())
            ],
        })

    def _wire(self) -> None:
        self._flow.failed.connect(self._server.show_refused)
        self._releases.notify_asked.connect(self._publishing.notify_of)
        self._devices.notify_asked.connect(self._publishing.put_devices)
        self._fleet.notify_asked.connect(self._publishing.put_devices)
        self._publishing.page_asked.connect(partial(self._tabs.setCurrentWidget, self._page))
        for said in (self._server.said, self._publishing.said, self._keeper.failed):
            said.connect(self._say)

    def _restore(self) -> None:
        settings = self._settings
        if settings.geometry is not None:
            self.restoreGeometry(settings.geometry)
            screen = self.screen()
            if screen is not None:
                self.resize(self.size().boundedTo(screen.availableSize()))
        else:
            self.resize(1100, 760)
        self._devices.setEnabled(False)
        self._keeper.load()
        self._server.restore()
        self._publishing.restore()

    def _say(self, sentence: str) -> None:
        self._line.say(sentence)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files and folders may be dropped anywhere."""
        if event is not None:
            event.acceptProposedAction()
            self._page.files.show_drop(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """They were taken elsewhere."""
        self._page.files.show_drop(False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """What is no local file is told to be none."""
        self._page.files.show_drop(False)
        local, trouble = dropped(event.mimeData() if event is not None else None)
        self._say(trouble)
        if local:
            self._publishing.pick(local)
        if event is not None:
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Everything that runs is ended."""
        self._settings.geometry = self.saveGeometry()
        self._publishing.keep()
        self.hide()
        self._jobs.stop()
        self._keeper.finish()
        self._local.stop()
        super().closeEvent(event)
