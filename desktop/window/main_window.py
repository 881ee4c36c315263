"""The window: the server above, four pages below, and files dropped anywhere on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence
from PyQt5.QtWidgets import (
    QFileDialog,
    QFrame,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from common.device_url import parse_list
from common.errors import OtaError
from common.finding import Role
from common.preflight import SLOTS
from common.release import Release
from desktop.bundle import Bundle
from desktop.window.address_book.keeper import AddressBookKeeper
from desktop.window.address_book.page import DevicesPage
from desktop.window.check.findings_view import FindingsView
from desktop.window.files.dropped import dropped
from desktop.window.files.field_drops import FieldDrops
from desktop.window.files.flash_picture import FlashPicture
from desktop.window.files.panel import FilesPanel
from desktop.window.fleet.wiring import FleetWiring
from desktop.window.jobs import Jobs
from desktop.window.own_folder import own_folder
from desktop.window.publish.panel import PublishPanel
from desktop.window.publish.release_flow import Look, ReleaseFlow
from desktop.window.releases.page import ReleasesPage
from desktop.window.server.bar import ServerBar
from desktop.window.server.link import ServerLink
from desktop.window.server.local_server import LocalServer
from desktop.window.server.wiring import ServerWiring
from desktop.window.settings import Settings
from desktop.window.widgets.heading import heading
from desktop.window.widgets.menus import add_menus
from desktop.window.widgets.wrapped_label import WrappedLabel


class MainWindow(QMainWindow):
    """Puts the pieces together: what one says, another one hears."""

    def __init__(self, jobs: Jobs, flow: ReleaseFlow, link: ServerLink, local: LocalServer, settings: Settings) -> None:
        super().__init__()
        self._jobs, self._flow, self._link, self._local, self._settings = jobs, flow, link, local, settings
        self.setWindowTitle(self.tr("OTA Publisher"))
        self.setAcceptDrops(True)
        self._bar = ServerBar()
        self._server = ServerWiring(self._bar, link, local, settings, self)
        self._files = FilesPanel()
        self._picture = FlashPicture()
        self._findings = FindingsView()
        self._publish = PublishPanel()
        self._releases = ReleasesPage()
        self._devices = DevicesPage(lambda call, done, failed: jobs.start(lambda _p, _c: call(), done, failed))
        self._keeper = AddressBookKeeper(jobs, own_folder() / "devices.json", self)
        self._reachable = False
        self._line = WrappedLabel()
        self._tabs = QTabWidget()
        self._tabs.setAccessibleName(self.tr("Pages"))
        self._tabs.findChildren(QTabBar)[0].setAccessibleName(self.tr("Pages"))
        self._tabs.setDocumentMode(True)
        self._fleet = FleetWiring(jobs, link, self._devices, self._keeper, self._tabs, self)
        self._lay_out()
        add_menus(self, {
            self.tr("&File"): [
                (self.tr("&Choose files…"), QKeySequence.StandardKey.Open, self._choose),
                (self.tr("C&lear the files"), None, flow.clear),
                (self.tr("&Quit"), QKeySequence.StandardKey.Quit, self.close),
            ],
            self.tr("&Server"): [
                (self.tr("&Type its address"), "Ctrl+L", self._bar.focus_address),
                (self.tr("&Look again"), QKeySequence.StandardKey.Refresh, link.refresh),
                (self.tr("&Start one on this computer"), None, self._start_server),
                (self.tr("To&ken…"), None, self._bar.open_token),
                (self.tr("&Forget this server"), None, self._bar.forget_chosen),
            ],
            self.tr("V&iew"): [
                (text, f"Ctrl+{number + 1}", partial(self._tabs.setCurrentIndex, number))
                for number, text in enumerate(
                    (self.tr("&Publish"), self.tr("&Releases"), self.tr("&Devices"), self.tr("R&ollouts"))
                )
            ],
        })
        self._wire()
        self._restore()
        self._drops = FieldDrops(self)

    def _lay_out(self) -> None:
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.addWidget(heading(self.tr("1. Files")))
        column.addWidget(self._files, 3)
        column.addSpacing(6)
        column.addWidget(self._picture, 2)
        column = QVBoxLayout(right)
        column.addWidget(heading(self.tr("2. Check")))
        column.addWidget(self._findings)
        column.addSpacing(12)
        column.addWidget(heading(self.tr("3. Publish and notify")))
        column.addWidget(self._publish, 1)
        steps = QSplitter(Qt.Orientation.Horizontal)
        steps.addWidget(left)
        steps.addWidget(right)
        steps.setChildrenCollapsible(False)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(steps)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tabs.addTab(area, self.tr("&Publish"))
        self._tabs.addTab(self._releases, self.tr("&Releases"))
        self._tabs.addTab(self._fleet.devices, self.tr("&Devices"))
        self._tabs.addTab(self._fleet.rollouts, self.tr("R&ollouts"))
        middle = QWidget()
        whole = QVBoxLayout(middle)
        whole.addWidget(self._bar)
        whole.addWidget(self._line)
        whole.addWidget(self._tabs, 1)
        self.setCentralWidget(middle)

    def _wire(self) -> None:
        flow, link = self._flow, self._link
        self._files.paths_picked.connect(flow.pick)
        self._files.role_changed.connect(flow.set_role)
        self._files.removed.connect(flow.remove)
        self._files.forget_recent_asked.connect(self._forget_recent)
        flow.bundle_changed.connect(self._show_bundle)
        flow.looked.connect(self._show_look)
        flow.sent.connect(self._publish.show_sent)
        flow.published.connect(self._show_published)
        flow.notified.connect(self._publish.show_notified)
        flow.failed.connect(self._publish.show_failed)
        flow.busy_changed.connect(self._publish.show_busy)
        self._publish.publish_asked.connect(flow.publish)
        self._publish.cancel_asked.connect(flow.cancel)
        self._publish.retry_asked.connect(flow.retry)
        self._publish.id_edited.connect(flow.set_publish_id)
        self._bar.start_asked.connect(self._start_server)
        link.asking.connect(self._show_asking)
        link.answered.connect(self._show_releases)
        link.silent.connect(self._show_silence)
        link.barred.connect(self._show_no_answer)
        link.refused.connect(lambda error: self._say(str(error)))
        for refused in (link.refused, flow.failed):
            refused.connect(self._server.show_refused)
        self._releases.refresh_asked.connect(link.refresh)
        self._releases.withdraw_asked.connect(link.withdraw)
        self._releases.restore_asked.connect(link.restore)
        self._releases.remove_asked.connect(link.remove)
        self._releases.notify_asked.connect(self._notify_of)
        self._keeper.failed.connect(self._say)
        self._devices.notify_asked.connect(self._put_devices)
        self._fleet.notify_asked.connect(self._put_devices)
        self._server.said.connect(self._say)
        self._local.failed.connect(self._say)
        self._local.started.connect(lambda _url: self._say(""))

    def _restore(self) -> None:
        settings = self._settings
        if settings.geometry is not None:
            self.restoreGeometry(settings.geometry)
            screen = self.screen()
            if screen is not None:
                self.resize(self.size().boundedTo(screen.availableSize()))
        else:
            self.resize(1100, 760)
        self._files.show_recent(settings.recent)
        self._files.show_bundle(self._flow.bundle)
        self._findings.show_checked(None)
        self._publish.set_devices(settings.devices)
        self._devices.setEnabled(False)
        self._keeper.load()
        self._server.restore()
        self._files.choose_button.setFocus()

    def _start_server(self) -> None:
        place = own_folder()
        self._say(self.tr("Starting a server on this computer; its firmware folder is {}.").format(place / "firmware"))
        self._local.start(place / "firmware", place / "state")

    def _show_bundle(self, bundle: Bundle) -> None:
        self._files.show_bundle(bundle)
        self._findings.show_checked(None, self.tr("Checking…") if bundle.files else "")
        self._publish.show_checking(bool(bundle.files))
        if bundle.files:
            self._settings.add_recent([file.path for file in bundle.files.values()])
            self._files.show_recent(self._settings.recent)

    def _show_look(self, look: Look) -> None:
        checked = look.checked
        self._findings.show_checked(checked, look.note)
        files = self._flow.bundle.files
        self._picture.show_images(checked.manifest if checked is not None else None, self._flow.bundle)
        complete = Role.MANIFEST in files and any(role in files for role in SLOTS)
        self._publish.show_errors(tuple(checked.errors) if checked is not None else (), complete)
        if look.proposal:
            self._publish.propose(look.proposal)

    def _show_published(self, release: Release, created: bool) -> None:
        self._publish.show_published(release, created)
        self._link.refresh()

    def _show_releases(self, releases: tuple[Release, ...]) -> None:
        was, self._reachable = self._reachable, True
        self._bar.show_state(True, "")
        self._publish.show_server(True)
        self._publish.show_taken([release.publish_id for release in releases])
        self._releases.show_releases(releases)
        if not was:
            self._flow.check_again()

    def _show_asking(self) -> None:
        """Another server: what is shown of the one before is not true of it."""
        self._reachable = False
        self._bar.show_state(None, "")
        self._publish.show_server(False)
        self._releases.show_trouble("")

    def _show_silence(self, why: str) -> None:
        self._bar.show_state(False, why)
        self._show_no_answer(why)

    def _show_no_answer(self, why: str) -> None:
        self._reachable = False
        self._publish.show_server(False)
        self._releases.show_trouble(why)

    def _notify_of(self, publish_id: str) -> None:
        """The devices of the first page are told of a release that is there."""
        try:
            devices = list(parse_list(self._publish.devices.replace("\n", ",")))
        except OtaError as error:
            self._say(str(error))
            return
        self._tabs.setCurrentIndex(0)
        if devices:
            self._flow.notify(publish_id, devices)
        else:
            self._say(self.tr("Name the devices that are to be told of {} first.").format(publish_id))

    def _put_devices(self, urls: Sequence[str]) -> None:
        self._publish.set_devices("\n".join(urls))
        self._tabs.setCurrentIndex(0)

    def _choose(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose manifest and images"))
        if paths:
            self._flow.pick([Path(path) for path in paths])

    def _forget_recent(self) -> None:
        self._settings.forget_recent()
        self._files.show_recent(())

    def _say(self, sentence: str) -> None:
        self._line.say(sentence)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files and folders may be dropped anywhere."""
        if event is not None:
            event.acceptProposedAction()
            self._files.show_drop(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """They were taken elsewhere."""
        self._files.show_drop(False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """What is no local file is told to be none."""
        self._files.show_drop(False)
        local, trouble = dropped(event.mimeData() if event is not None else None)
        self._say(trouble)
        if local:
            self._tabs.setCurrentIndex(0)
            self._flow.pick(local)
        if event is not None:
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Everything that runs is ended."""
        self._settings.geometry = self.saveGeometry()
        self._settings.devices = self._publish.devices
        self.hide()
        self._jobs.stop()
        self._keeper.finish()
        self._local.stop()
        super().closeEvent(event)
