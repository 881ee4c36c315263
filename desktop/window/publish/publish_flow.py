"""Publishes the files, has devices told, and watches what they fetch; without widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PyQt5.QtCore import QObject, pyqtSignal

from common.client import Cancelled, Client
from common.device_url import DeviceUrl
from common.errors import InvalidRelease, OtaError
from common.preflight import check
from common.release import Release
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.following import Follower, Following
from desktop.server import Server
from desktop.telling import tell
from desktop.window.jobs import Job, Jobs

_Cancelled = Callable[[], bool]
_Progress = Callable[[int, int], None]


class PublishFlow(QObject):
    """One act at a time. Threads: the UI thread calls it, and its signals come there."""

    sent = pyqtSignal("qint64", "qint64")
    """Bytes of the upload: so many of so many."""
    published = pyqtSignal(object, bool)
    """The Release, and whether it is new."""
    notified = pyqtSignal(object)
    """A Following: at the start, each time that a device answered or fetched more, and at the end."""
    failed = pyqtSignal(object)
    """The OtaError that ended it."""
    busy_changed = pyqtSignal(bool)
    reread = pyqtSignal(object, object)
    """The Bundle that was to be published, and what it became when its files were read again."""

    _arrived = pyqtSignal(int, object, bool)
    _heard = pyqtSignal(int, object)

    def __init__(
        self,
        jobs: Jobs,
        server: Callable[[], Server | None],
        parent: QObject,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds, by which a device that does nothing is given up."""
        super().__init__(parent)
        self._jobs, self._server, self._clock = jobs, server, clock
        self._job: Job | None = None
        self._number = 0
        """Of the latest act: what an earlier one still brings is dropped."""
        self._now = Following("")
        self._arrived.connect(self._show_arrived)
        self._heard.connect(self._show_heard)

    @property
    def busy(self) -> bool:
        """Whether something is published, or devices are told or watched."""
        return self._job is not None

    def publish(self, bundle: Bundle, publish_id: str, devices: Sequence[DeviceUrl], force: bool) -> None:
        """Send the files as they are on the disk now, then have the devices told."""

        def before_telling(number: int, client: Client, progress: _Progress, cancelled: _Cancelled) -> None:
            again = bundles.refreshed(bundle)
            if again is not bundle:
                self.reread.emit(bundle, again)
            _examine(again, force)
            release, created = client.publish(publish_id, again.paths, force, progress, cancelled)
            self._arrived.emit(number, release, created)

        self._act(Following(publish_id), devices, before_telling)

    def notify(self, publish_id: str, devices: Sequence[DeviceUrl]) -> None:
        """Have devices told of a release that is on the server."""
        if devices:
            self._act(Following(publish_id), devices)

    def retry(self) -> None:
        """Tell those devices again that failed; the others stay as they are, and are watched as before."""
        if self.busy and self._now.told:
            self._drop()
        if not self.busy and self._now.failed:
            self._act(self._now, self._now.failed)

    def cancel(self) -> None:
        """End what is being published or told, and watch no longer; what is on the server stays there."""
        if self._job is not None:
            self._job.cancel()

    def _drop(self) -> None:
        assert self._job is not None
        self._job.silence()
        self._job = None

    def _act(
        self,
        before: Following,
        devices: Sequence[DeviceUrl],
        first: Callable[[int, Client, _Progress, _Cancelled], None] | None = None,
    ) -> None:
        if self.busy:
            return
        server = self._server()
        if server is None:
            sentence = self.tr("The server does not answer now: nothing was sent. Try again when it is reachable.")
            self.failed.emit(OtaError(sentence))
            return
        self._number += 1
        number, clock = self._number, self._clock

        def call(progress: _Progress, cancelled: _Cancelled) -> None:
            with server.client() as client:
                begun = Following(before.publish_id, client.shown_url, before.rows)
                self._heard.emit(number, begun)
                if first is not None:
                    first(number, client, progress, cancelled)
                if devices:
                    follower = Follower(begun, devices, clock)
                    tell(client, follower, devices, cancelled, lambda now: self._heard.emit(number, now))

        self._now = before
        self._job = self._jobs.start(call, lambda _result: self._end(), self._break, self.sent.emit)
        self.busy_changed.emit(True)

    def _break(self, error: OtaError) -> None:
        stopped = isinstance(error, Cancelled) and self._now.told
        self._end(stopped)
        if not stopped:
            self.failed.emit(error)

    def _end(self, stopped: bool = False) -> None:
        self._job = None
        self.busy_changed.emit(False)
        self._now = self._now.ended(stopped)
        self.notified.emit(self._now)

    def _show_arrived(self, number: int, release: Release, created: bool) -> None:
        if number == self._number and self.busy:
            self.published.emit(release, created)

    def _show_heard(self, number: int, now: Following) -> None:
        if number == self._number and self.busy:
            self._now = now
            self.notified.emit(now)


def _examine(bundle: Bundle, force: bool) -> None:
    """Raises InvalidRelease for files that cannot be sent, or are not to be."""
    gone = [str(file.path) for file in bundle.files.values() if file.gone]
    if gone:
        text = f"{', '.join(map(repr, gone))} cannot be read now: was it moved, or is it being built?"
        raise InvalidRelease(f"{text} Nothing was published.", ())
    found = check(bundles.as_files(bundle))
    if found.errors and not force:
        text = "The files were built anew, and do not fit together now; nothing was published."
        raise InvalidRelease(text, found.findings)
