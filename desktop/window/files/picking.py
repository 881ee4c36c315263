"""The picked files: taken, given roles, let go of, and read again when they are built anew; without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.errors import OtaError
from common.finding import Role
from desktop import bundle as bundles
from desktop.bundle import Bundle
from desktop.window.jobs import Jobs

_LOOK = 2000
"""Milliseconds between looks for files that were built anew."""


class Picking(QObject):
    """Holds the bundle; whatever reads files is a job. Threads: the UI thread only."""

    changed = pyqtSignal(object)
    """The Bundle."""
    said = pyqtSignal(str)
    """A sentence about the files."""
    failed = pyqtSignal(object)
    """The OtaError for which files could not be taken."""

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._bundle = Bundle()
        self._picking = False
        self._waiting: list[Path] = []
        """Picked while others are read."""
        self._looking = False
        self._paused = False
        self._watch = QTimer(self)
        self._watch.setInterval(_LOOK)
        self._watch.timeout.connect(self._look_again)

    @property
    def bundle(self) -> Bundle:
        """The picked files."""
        return self._bundle

    def pause(self, paused: bool) -> None:
        """Whether files that are built anew are left alone for now."""
        self._paused = paused

    def pick(self, paths: Sequence[Path]) -> None:
        """Take files and folders, beside those that are there; those that are picked meanwhile come after them."""
        if self._picking:
            self._waiting += paths
            return
        self._picking = True
        before = self._bundle

        def take(bundle: Bundle) -> None:
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

    def take_if_new(self, before: Bundle, bundle: Bundle) -> None:
        """What `before` became when its files were read again, unless the bundle is another one by now."""
        self._looking = False
        if bundle is not before and self._bundle is before:
            self._take(bundle)

    def _take(self, bundle: Bundle) -> None:
        self._looking = False
        changed = bundle != self._bundle
        self._bundle = bundle
        for sentence in bundle.said:
            self.said.emit(sentence)
        if changed:
            self.changed.emit(bundle)
        self._watch.start() if bundle.files else self._watch.stop()

    def _look_again(self) -> None:
        if self._looking or self._paused:
            return
        self._looking = True
        before = self._bundle
        self._jobs.start(
            lambda _progress, _cancelled: bundles.refreshed(before),
            lambda bundle: self.take_if_new(before, bundle),
            self._ignore,
        )

    def _ignore(self, _error: OtaError) -> None:
        self._looking = False
