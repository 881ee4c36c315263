"""The way of one release from files to devices: picked, checked, published, told of; without widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.boards import Boards
from common.client import POLL, Cancelled, Client
from common.device_url import DeviceUrl
from common.errors import InvalidRelease, OtaError
from common.finding import Role
from common.notification import DeviceState, Notification
from common.preflight import check
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.window.jobs import Job, Jobs
from desktop.window.look import Look, look

__all__ = ["Look", "ReleaseFlow"]

_SETTLE = 250
"""Milliseconds without a change before the files are checked."""
_LOOK = 2000
"""Milliseconds between looks for files that were built anew."""


class ReleaseFlow(QObject):
    """Holds the picked files and what is known of them; every call of it that takes time runs as a job.

    Threads: the UI thread calls it; its signals come there.
    """

    bundle_changed = pyqtSignal(object)
    looked = pyqtSignal(object)
    """A Look."""
    said = pyqtSignal(str)
    """A sentence about the files."""
    sent = pyqtSignal("qint64", "qint64")
    """Bytes of the upload: so many of so many."""
    published = pyqtSignal(object, bool)
    """The Release, and whether it is new."""
    notified = pyqtSignal(object)
    """A Notification, each time that a device answered."""
    failed = pyqtSignal(object)
    """The OtaError that ended publishing or notifying."""
    busy_changed = pyqtSignal(bool)

    _arrived = pyqtSignal(int, object, bool)
    _heard = pyqtSignal(int, object)
    _reread = pyqtSignal(object, object)

    def __init__(self, jobs: Jobs, boards: Boards, server: Callable[[], str | None], parent: QObject | None = None) -> None:
        """`server` gives the URL of the server that is to be asked; None: there is none."""
        super().__init__(parent)
        self._jobs = jobs
        self._boards = boards
        self._server = server
        self._bundle = Bundle()
        self._publish_id = ""
        self._number = 0
        """Of the latest check: the results of earlier ones are dropped."""
        self._acting: Job | None = None
        self._acts = 0
        """Of the latest job that publishes or tells devices: what an earlier, cancelled one still brings is dropped."""
        self._checking: Job | None = None
        self._picking = False
        self._waiting: list[Path] = []
        """Picked while others are read."""
        self._looking = False
        self._told: Notification | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE)
        self._settle.timeout.connect(self._check)
        self._arrived.connect(self._show_arrived)
        self._heard.connect(self._show_heard)
        self._reread.connect(self._take_if_new)
        self._watch = QTimer(self)
        self._watch.setInterval(_LOOK)
        self._watch.timeout.connect(self._look_again)

    @property
    def bundle(self) -> Bundle:
        """The picked files."""
        return self._bundle

    @property
    def busy(self) -> bool:
        """Whether something is being published or devices are being told."""
        return self._acting is not None

    def pick(self, paths: Sequence[Path]) -> None:
        """Take files and folders, beside those that are there; those that are picked meanwhile come after them."""
        if self._picking:
            self._waiting += paths
            return
        self._picking = True
        before = self._bundle

        def take(bundle: object) -> None:
            self._picking = False
            if self._bundle is before:
                self._take(bundle)
            else:  # a role was changed or a file was let go while these were read
                self._waiting = [*paths, *self._waiting]
            self._pick_waiting()

        def miss(error: OtaError) -> None:
            self._picking = False
            self.failed.emit(error)
            self._pick_waiting()

        self._jobs.start(lambda _progress, _cancelled: bundles.pick(paths, before), take, miss)

    def _pick_waiting(self) -> None:
        if self._waiting:
            paths, self._waiting = self._waiting, []
            self.pick(paths)

    def set_role(self, path: Path, role: Role | None) -> None:
        """What a picked file is, after all; None: nothing."""
        self._take(bundles.with_role(self._bundle, path, role))

    def remove(self, path: Path) -> None:
        """Let go of one file."""
        self._take(bundles.without(self._bundle, path))

    def clear(self) -> None:
        """Let go of all files."""
        self._take(Bundle())

    def set_publish_id(self, publish_id: str) -> None:
        """The name under which it would be published, as far as it is typed."""
        if publish_id != self._publish_id:
            self._publish_id = publish_id
            self._settle.start()

    def check_again(self) -> None:
        """The server is another one, or has changed."""
        self._settle.start()

    def publish(self, publish_id: str, devices: Sequence[DeviceUrl], force: bool) -> None:
        """Send the files as they are on the disk now, then have the devices told."""
        url = self._url()
        if url is None:
            return
        before = self._bundle

        number = self._acts + 1

        def call(progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
            bundle = bundles.refreshed(before)
            if bundle is not before:
                self._reread.emit(before, bundle)
            gone = [str(file.path) for file in bundle.files.values() if file.gone]
            if gone:
                text = f"{', '.join(map(repr, gone))} cannot be read now: was it moved, or is it being built?"
                raise InvalidRelease(f"{text} Nothing was published.", ())
            found = check(bundles.as_files(bundle))
            if found.errors and not force:
                text = "The files were built anew, and do not fit together now; nothing was published."
                raise InvalidRelease(text, found.findings)
            paths = {role: file.path for role, file in bundle.files.items()}
            with Client(url) as client:
                release, created = client.publish(publish_id, paths, force, progress, cancelled)
                self._arrived.emit(number, release, created)
                self._tell(number, client, publish_id, devices, cancelled)

        self._act(call)

    def notify(self, publish_id: str, devices: Sequence[DeviceUrl]) -> None:
        """Have devices told of a release that is on the server."""
        url = self._url() if devices else None
        if url is None:
            return

        number = self._acts + 1

        def call(_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
            with Client(url) as client:
                self._tell(number, client, publish_id, devices, cancelled)

        self._act(call)

    def retry(self) -> None:
        """Tell those devices again that did not accept."""
        if self._told is not None:
            again = [DeviceUrl.parse(r.device) for r in self._told.results if r.state is not DeviceState.ACCEPTED]
            self.notify(self._told.publish_id, again)

    def cancel(self) -> None:
        """End what is being published or told; what is on the server stays there."""
        if self._acting is not None:
            self._acting.cancel()

    def _url(self) -> str | None:
        """Whom to send it to; None: nobody now, and it was said why."""
        url = None if self.busy else self._server()
        if url is None and not self.busy:
            sentence = self.tr("The server does not answer now: nothing was sent. Try again when it is reachable.")
            self.failed.emit(OtaError(sentence))
        return url

    def _act(self, call: Callable[[Callable[[int, int], None], Callable[[], bool]], None]) -> None:
        self._acts += 1
        self._acting = self._jobs.start(call, self._done, self._broke, self.sent.emit)
        self.busy_changed.emit(True)

    def _done(self, _result: object) -> None:
        self._acting = None
        self.busy_changed.emit(False)

    def _broke(self, error: OtaError) -> None:
        self._acting = None
        self.busy_changed.emit(False)
        self.failed.emit(error)

    def _tell(
        self, number: int, client: Client, publish_id: str, devices: Sequence[DeviceUrl], cancelled: Callable[[], bool]
    ) -> None:
        """In the job's thread."""
        if not devices:
            return
        if cancelled():
            raise Cancelled(f"Cancelled: no device was told of {publish_id}, which stays on the server.")
        notification = client.notify(publish_id, devices)
        self._heard.emit(number, notification)
        while not notification.done:
            if cancelled():
                raise Cancelled("Cancelled: devices that have not answered yet may be told all the same.")
            time.sleep(POLL)
            before, notification = notification, client.notification(notification.id)
            if notification != before:
                self._heard.emit(number, notification)

    def _show_arrived(self, number: int, release: object, created: bool) -> None:
        if number == self._acts and self.busy:
            self.published.emit(release, created)

    def _show_heard(self, number: int, notification: object) -> None:
        if number == self._acts and self.busy and isinstance(notification, Notification):
            self._told = notification
            self.notified.emit(notification)

    def _take(self, bundle: object) -> None:
        assert isinstance(bundle, Bundle)
        self._looking = False
        changed = bundle != self._bundle
        self._bundle = bundle
        for sentence in bundle.said:
            self.said.emit(sentence)
        if changed:
            self.bundle_changed.emit(bundle)
            self._settle.start()
        self._watch.start() if bundle.files else self._watch.stop()

    def _look_again(self) -> None:
        """Files that were built anew are read again."""
        if self._looking or self.busy:
            return
        self._looking = True
        before = self._bundle
        self._jobs.start(
            lambda _progress, _cancelled: bundles.refreshed(before),
            lambda bundle: self._take_if_new(before, bundle),
            self._ignore,
        )

    def _take_if_new(self, before: object, bundle: object) -> None:
        self._looking = False
        if bundle is not before and self._bundle is before:
            self._take(bundle)

    def _ignore(self, _error: OtaError) -> None:
        self._looking = False

    def _check(self) -> None:
        self._number += 1
        number, bundle, url, publish_id = self._number, self._bundle, self._server(), self._publish_id

        def call(_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Look:
            return look(bundle, url, publish_id, self._boards, cancelled)

        def take(result: object) -> None:
            if number == self._number:
                self.looked.emit(result)

        if self._checking is not None:
            self._checking.silence()
        self._checking = self._jobs.start(call, take, lambda error: take(Look(None, "", str(error))))
