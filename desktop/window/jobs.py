"""Calls that take time, each in a thread of its own; what comes of them is told in the UI thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from PyQt5 import sip
from PyQt5.QtCore import QObject, QThread, QTimer, pyqtSignal

from common.errors import OtaError

T = TypeVar("T")

Call = Callable[[Callable[[int, int], None], Callable[[], bool]], T]
"""What a job runs: it is given `progress(done, total)` to call and `cancelled()` to ask."""

GRACE_MS = 500
"""How long a cancelled call has to end by itself before the job says that it was cancelled."""
PROGRESS_EVERY = 0.05
"""Seconds between two reports of progress; a fast upload would flood the UI thread with them."""
STOP_MS = 500
"""How long `Jobs.stop` waits for all calls together."""

_log = logging.getLogger("desktop.jobs")


class Job(QThread):
    """Runs one call, and tells once what came of it.

    Threads: all is called in the UI thread, and all signals are sent there; only the call runs in the job's own.
    """

    progress = pyqtSignal("qint64", "qint64")
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    _moved = pyqtSignal("qint64", "qint64")
    _ended = pyqtSignal(object, object)

    def __init__(self, call: Call[object], clock: Callable[[], float] = time.monotonic) -> None:
        """`call` is run once the job is started; an OtaError that it raises is what `failed` carries."""
        super().__init__()
        self._call = call
        self._clock = clock
        self._cancel = threading.Event()
        self._told = False
        self._over = False
        self._next_report = 0.0
        self._moved.connect(self._tell_progress)
        self._ended.connect(self._end)

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancel.is_set()

    @property
    def over(self) -> bool:
        """Whether the call has ended, and what came of it was told if it was still to be."""
        return self._over and self.isFinished()

    def cancel(self) -> None:
        """Have the call end. Where it does not within GRACE_MS, `failed` says so for it, and what it brings later is dropped."""
        if not self._cancel.is_set() and not self._told:
            self._cancel.set()
            QTimer.singleShot(GRACE_MS, self._give_up)

    def silence(self) -> None:
        """Have the call end, and tell nothing any more."""
        self._told = True
        self._cancel.set()

    def run(self) -> None:
        """The job's own thread."""
        try:
            result, error = self._call(self._report, self._cancel.is_set), None
        except OtaError as met:
            result, error = None, met
        except BaseException as fault:
            _log.exception("a job ended by a fault of its own")
            result, error = None, self._fault(fault)
        self._ended.emit(result, error)

    def _report(self, done: int, total: int) -> None:
        """Called by the call, in the job's own thread."""
        now = self._clock()
        if now >= self._next_report or done >= total:
            self._next_report = now + PROGRESS_EVERY
            self._moved.emit(done, total)

    def _fault(self, fault: BaseException) -> OtaError:
        sentence = self.tr("This did not work, by a fault in OTA Publisher itself ({}); its log says where. Try again.")
        return OtaError(sentence.format(type(fault).__name__))

    def _tell_progress(self, done: int, total: int) -> None:
        if not self._told and not self._cancel.is_set():
            self.progress.emit(done, total)

    def _end(self, result: object, error: OtaError | None) -> None:
        self._over = True
        self._tell(result, error)

    def _tell(self, result: object, error: OtaError | None) -> None:
        if self._told:
            return
        self._told = True
        if error is None:
            self.succeeded.emit(result)
        else:
            self.failed.emit(error)

    def _give_up(self) -> None:
        from common.client import Cancelled  # takes 0.1 s to load, and the window's start does not need it

        self._tell(
            None,
            Cancelled(self.tr("Cancelled. The server had not answered yet: look whether it did what it was asked.")),
        )


class Jobs(QObject):
    """Keeps the jobs that run, until they end or the window goes. Threads: the UI thread only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[Job] = []
        self._stopped = False

    @property
    def running(self) -> int:
        """How many calls have not ended."""
        return len(self._running)

    def start(
        self,
        call: Call[T],
        succeeded: Callable[[T], None],
        failed: Callable[[OtaError], None],
        progress: Callable[[int, int], None] | None = None,
    ) -> Job:
        """Run the call; one of `succeeded` and `failed` is called once in the UI thread, unless `stop` comes first."""
        job = Job(call)
        job.succeeded.connect(succeeded)
        job.failed.connect(failed)
        if progress:
            job.progress.connect(progress)
        if self._stopped:
            job.silence()
            return job
        self._running.append(job)
        job.finished.connect(self._sweep)
        job.start()
        return job

    def stop(self) -> None:
        """Cancel all, wait for at most STOP_MS together, and start none any more. None tells anything from here on."""
        self._stopped = True
        for job in self._running:
            job.silence()
        end = time.monotonic() + STOP_MS / 1000
        for job in self._running:
            if not job.wait(max(0, int((end - time.monotonic()) * 1000))):
                _log.info("a call did not end in time and is left to end with the program")
                # A QThread that is deleted while it runs ends the program by an abort.
                sip.transferto(job, None)  # type: ignore[arg-type]
        self._running.clear()

    def _sweep(self) -> None:
        ended = [job for job in self._running if job.over]
        for job in ended:
            job.wait()
        self._running = [job for job in self._running if job not in ended]
