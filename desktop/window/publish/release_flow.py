"""The way of one release from files to devices: picked, checked, published, told of; without widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from common.boards import Boards
from common.device_url import DeviceUrl
from common.finding import Role
from desktop.bundle import Bundle
from desktop.server import Server
from desktop.window.check.check_flow import CheckFlow
from desktop.window.files.picking import Picking
from desktop.window.jobs import Jobs
from desktop.window.publish.publish_flow import PublishFlow


class ReleaseFlow(QObject):
    """Joins the three parts of the way; every call of it that takes time runs as a job.

    Threads: the UI thread calls it; its signals come there.
    """

    bundle_changed = pyqtSignal(object)
    looked = pyqtSignal(object)
    """A Look: at once by this computer where the server takes its time, then the one that counts."""
    said = pyqtSignal(str)
    """A sentence about the files."""
    sent = pyqtSignal("qint64", "qint64")
    """Bytes of the upload: so many of so many."""
    published = pyqtSignal(object, bool)
    """The Release, and whether it is new."""
    notified = pyqtSignal(object)
    """A Following: at the start, each time that a device answered or fetched more, and at the end."""
    failed = pyqtSignal(object)
    """The OtaError that ended publishing or notifying."""
    busy_changed = pyqtSignal(bool)

    def __init__(
        self,
        jobs: Jobs,
        boards: Boards,
        server: Callable[[], Server | None],
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`server` gives the one that is to be asked, None: there is none. `clock` gives seconds."""
        super().__init__(parent)
        self._picking = Picking(jobs, self)
        self._checking = CheckFlow(jobs, boards, server, lambda: self._picking.bundle, self)
        self._publishing = PublishFlow(jobs, server, self, clock)
        self._picking.changed.connect(self.bundle_changed)
        self._picking.changed.connect(lambda _bundle: self._checking.again())
        self._picking.said.connect(self.said)
        self._picking.failed.connect(self.failed)
        self._checking.looked.connect(self.looked)
        for name in ("sent", "published", "notified", "failed", "busy_changed"):
            getattr(self._publishing, name).connect(getattr(self, name))
        self._publishing.busy_changed.connect(self._picking.pause)
        self._publishing.notified.connect(lambda now: self._picking.pause(self.busy and not now.told))
        self._publishing.reread.connect(self._picking.take_if_new)

    @property
    def bundle(self) -> Bundle:
        """The picked files."""
        return self._picking.bundle

    @property
    def busy(self) -> bool:
        """Whether something is being published, or devices are being told or watched."""
        return self._publishing.busy

    def pick(self, paths: Sequence[Path]) -> None:
        """Take files and folders, beside those that are there; those that are picked meanwhile come after them."""
        self._picking.pick(paths)

    def set_role(self, path: Path, role: Role | None) -> None:
        """What a picked file is, after all; None: nothing."""
        self._picking.set_role(path, role)

    def remove(self, path: Path) -> None:
        """Let go of one file."""
        self._picking.remove(path)

    def clear(self) -> None:
        """Let go of all files."""
        self._picking.clear()

    def set_publish_id(self, publish_id: str) -> None:
        """The name under which it would be published, as far as it is typed."""
        self._checking.set_publish_id(publish_id)

    def check_again(self) -> None:
        """The server is another one, or has changed."""
        self._checking.again()

    def publish(self, publish_id: str, devices: Sequence[DeviceUrl], force: bool) -> None:
        """Send the files as they are on the disk now, then have the devices told."""
        self._publishing.publish(self._picking.bundle, publish_id, devices, force)

    def notify(self, publish_id: str, devices: Sequence[DeviceUrl]) -> None:
        """Have devices told of a release that is on the server."""
        self._publishing.notify(publish_id, devices)

    def retry(self) -> None:
        """Tell those devices again that failed."""
        self._publishing.retry()

    def cancel(self) -> None:
        """End what is being published or told, and watch no longer; what is on the server stays there."""
        self._publishing.cancel()
