"""What the pages of devices and rollouts ask for, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QTabWidget

from common import rollout_client
from common.client import Client
from common.fleet_client import FleetClient
from common.release import Release, State
from common.rollout import Rollout, RolloutPlan
from desktop.address_book import AddressBook, Device
from desktop.fleet import joined
from desktop.fleet_news import FleetNews
from desktop.window.address_book.keeper import AddressBookKeeper
from desktop.window.address_book.page import DevicesPage
from desktop.window.fleet.devices_tab import DevicesTab
from desktop.window.fleet.link import FleetLink
from desktop.window.fleet.view import FleetView
from desktop.window.jobs import Jobs
from desktop.window.rollouts.page import RolloutsPage
from desktop.window.server.link import ServerLink


class FleetWiring(QObject):
    """Joins the address book, the server's devices and its rollouts, so that all pages mean the same devices."""

    notify_asked = pyqtSignal(list)
    """Device URLs."""

    def __init__(
        self, jobs: Jobs, server: ServerLink, book: DevicesPage, keeper: AddressBookKeeper, tabs: QTabWidget, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._book, self._keeper, self._tabs = book, keeper, tabs
        self._ready: list[str] = []
        self.link = FleetLink(jobs, lambda: server.server, self)
        self.view = FleetView()
        self.devices = DevicesTab(book, self.view)
        self.rollouts = RolloutsPage()
        server.asking.connect(self.link.clear)
        server.answered.connect(self._answered)
        server.silent.connect(self._silent)
        server.barred.connect(self._silent)
        self.link.heard.connect(self._heard)
        tabs.currentChanged.connect(self._turned)
        book.changed.connect(keeper.keep)
        book.changed.connect(self._show_devices)
        keeper.loaded.connect(self._show_book)
        view, page, form = self.view, self.rollouts, self.rollouts.form
        view.chosen.connect(self.link.follow)
        view.keep_asked.connect(self._keep)
        view.notify_asked.connect(self.notify_asked)
        view.asking.agreed.connect(self._forget)
        self.link.forgotten.connect(view.asking.show_refused)
        view.rollout_asked.connect(self._roll_out)
        form.selected_asked.connect(self._take_selected)
        form.begin_asked.connect(self._begin)
        self.link.begun.connect(page.show_begun)
        self.link.not_begun.connect(form.show_trouble)
        self.link.refused.connect(page.show_refused)
        page.new.clicked.connect(self._fill_form)
        details = page.details
        details.pause_asked.connect(lambda number: self._change(rollout_client.pause, number))
        details.resume_asked.connect(lambda number: self._change(rollout_client.resume, number))
        details.stop_asked.connect(lambda number: self._change(rollout_client.stop, number))

    def _answered(self, releases: Sequence[Release]) -> None:
        self._ready = [release.publish_id for release in releases if release.state is State.READY]
        self._silent("")
        if self.link.news == FleetNews():
            self.link.refresh()

    def _silent(self, why: str) -> None:
        """Why it does not answer; "" when it does again."""
        self.view.show_stale(why)
        self.rollouts.show_stale(why)

    def _turned(self, _number: int) -> None:
        page = self._tabs.currentWidget()
        self.link.watch(page is self.devices, page is self.rollouts)

    def _heard(self, news: FleetNews, before: FleetNews) -> None:
        if (news.devices, news.transfers) != (before.devices, before.transfers):
            self._show_devices()
        if (news.address, news.events) != (before.address, before.events):
            self.view.show_events(news.address, news.events)
        self.rollouts.show_rollouts(news.rollouts.items)

    def _show_book(self, book: AddressBook) -> None:
        self._book.show_book(book)
        self._book.setEnabled(True)
        self._show_devices()

    def _show_devices(self, _book: AddressBook | None = None) -> None:
        news = self.link.news
        known = news.devices.items
        self.devices.show_known(known is not None)
        self.view.show_rows(joined(self._book.model.items, known or (), news.transfers.items or ()) if known is not None else ())

    def _keep(self, new: Sequence[Device]) -> None:
        book = AddressBook(self._book.model.items)
        for device in new:
            book = book.add(device)
        self._book.show_book(book)
        self._keeper.keep(book)
        chosen = {row.as_entry().url for row in self.view.selected()}
        self._show_devices()
        self.view.select(chosen)

    def _roll_out(self, urls: Sequence[str]) -> None:
        self._tabs.setCurrentWidget(self.rollouts)
        self._fill_form()
        self.rollouts.open_form()
        self.rollouts.form.put_devices(urls)

    def _take_selected(self) -> None:
        rows = self.view.selected() if self.devices.live else self._book.selected()
        urls = [url for row in rows if (url := self._book.model.readable(row.url))]
        if urls:
            self.rollouts.form.put_devices(urls)
        else:
            self.rollouts.form.show_trouble(self.tr("No device is selected on the page Devices."))

    def _fill_form(self) -> None:
        groups = {device.group for device in self.link.news.devices.items or () if device.group and device.url}
        self.rollouts.form.show_groups(sorted(groups))
        self.rollouts.form.show_releases(self._ready)

    def _change(self, act: Callable[[Client, str], Rollout], number: str) -> None:
        self.rollouts.show_refused("")
        self.link.change(lambda client: act(client, number))

    def _forget(self, addresses: Sequence[str]) -> None:
        self.link.forget(lambda client: FleetClient(client).forget_devices(addresses))

    def _begin(self, plan: RolloutPlan) -> None:
        self.link.begin(lambda client: rollout_client.begin(client, plan))
