"""The way of one release from files to devices: picked, checked, published, told of; without widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.boards import Boards
from common.checked import Checked
from common.client import Client
from common.device_url import DeviceUrl
from common.errors import InvalidRelease, OtaError
from common.finding import Role
from common.notification import DeviceState, Notification
from common.preflight import check
from common.release import Release
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.proposal import propose
from desktop.window.jobs import Job, Jobs

_SETTLE = 250
"""Milliseconds without a change before the files are checked."""
_LOOK = 2000
"""Milliseconds between looks for files that were built anew."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of the picked files."""

    checked: Checked | None
    proposal: str
    note: str
    """By whom it was checked; "" where there is nothing to say."""


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
        self._looking = False
        self._told: Notification | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE)
        self._settle.timeout.connect(self._check)
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
        """Take files and folders, beside those that are there."""
        before = self._bundle
        self._jobs.start(lambda _progress, _cancelled: bundles.pick(paths, before), self._take, self.failed.emit)

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
        url = self._server()
        if url is None or self.busy:
            return
        before = self._bundle

        def call(progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
            bundle = bundles.refreshed(before)
            if bundle is not before:
                self.bundle_changed.emit(bundle)
            found = check(bundles.as_files(bundle))
            if found.errors and not force:
                text = "The files were built anew, and do not fit together now; nothing was published."
                raise InvalidRelease(text, found.findings)
            paths = {role: file.path for role, file in bundle.files.items()}
            with Client(url) as client:
                release, created = client.publish(publish_id, paths, force, progress, cancelled)
                self.published.emit(release, created)
                self._tell(client, publish_id, devices, cancelled)

        self._act(call)

    def notify(self, publish_id: str, devices: Sequence[DeviceUrl]) -> None:
        """Have devices told of a release that is on the server."""
        url = self._server()
        if url is None or self.busy or not devices:
            return

        def call(_progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
            with Client(url) as client:
                self._tell(client, publish_id, devices, cancelled)

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

    def _act(self, call: Callable[[Callable[[int, int], None], Callable[[], bool]], None]) -> None:
        self._acting = self._jobs.start(call, self._done, self._broke, self.sent.emit)
        self.busy_changed.emit(True)

    def _done(self, _result: object) -> None:
        self._acting = None
        self.busy_changed.emit(False)

    def _broke(self, error: OtaError) -> None:
        self._acting = None
        self.busy_changed.emit(False)
        self.failed.emit(error)

    def _tell(self, client: Client, publish_id: str, devices: Sequence[DeviceUrl], cancelled: Callable[[], bool]) -> None:
        """In the job's thread."""
        if not devices:
            return
        for notification in client.watch(client.notify(publish_id, devices)):
            self._told = notification
            self.notified.emit(notification)
            if cancelled():
                return

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
        self._jobs.start(lambda _progress, _cancelled: bundles.refreshed(before), self._take_if_new(before), self._ignore)

    def _take_if_new(self, before: Bundle) -> Callable[[object], None]:
        def take(bundle: object) -> None:
            self._looking = False
            if isinstance(bundle, Bundle) and bundle is not before and self._bundle is before:
                self._take(bundle)

        return take

    def _ignore(self, _error: OtaError) -> None:
        self._looking = False

    def _check(self) -> None:
        self._number += 1
        number, bundle, url, publish_id = self._number, self._bundle, self._server(), self._publish_id

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> Look:
            return look(bundle, url, publish_id, self._boards)

        def take(result: object) -> None:
            if number == self._number:
                self.looked.emit(result)

        self._jobs.start(call, take, lambda error: self.looked.emit(Look(None, "", str(error))))


def look(bundle: Bundle, url: str | None, publish_id: str, boards: Boards) -> Look:
    """What the server says of the files, or, where none answers, what they say of each other."""
    if not bundle.files:
        return Look(None, "", "")
    files = bundles.as_files(bundle)
    proposal = propose(files, bundle, boards)
    local = Checked.of(check(files), boards.name)
    if url is None:
        return Look(local, proposal, "Checked on this computer: there is no server that could say more.")
    paths = {role: file.path for role, file in bundle.files.items()}
    try:
        with Client(url, timeout=20, connect_timeout=3) as client:
            return Look(client.check(paths, publish_id or None), proposal, "")
    except OtaError as error:
        return Look(local, proposal, f"Checked on this computer. {error}")


def release_of(value: object) -> Release:
    """A signal's value, with its type."""
    assert isinstance(value, Release)
    return value
