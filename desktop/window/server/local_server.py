"""A server on this computer, as a child of the window: the product can be tried from the desktop alone."""

from __future__ import annotations

import re
import shutil
import sys
from collections import deque
from pathlib import Path

from PyQt5.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

START_MS = 30_000
"""How long it may take until it serves."""
STOP_MS = 1200
"""How long it may take to end after SIGTERM; then it is killed."""
_KILL_MS = 300

_CHECKOUT = Path(__file__).resolve().parents[3]
_INSTALLED = "ota-server"
_READY = re.compile(r"people on (http://\S+)")
_INFO = re.compile(r" INFO +")
_OWN_WORDS = "ota-server: "


class LocalServer(QObject):
    """Starts and stops one `python -m server`, or the installed ota-server, on free ports. Threads: the UI thread only.

    `started` gives its address. `failed` says why it did not start, or that it ended by itself; `ended` comes at
    each end of one that had started.
    """

    started = pyqtSignal(str)
    failed = pyqtSignal(str)
    ended = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._url = ""
        self._stopping = False
        self._said: deque[str] = deque(maxlen=20)
        self._process = QProcess(self)
        self._process.setWorkingDirectory(str(_CHECKOUT))
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.setStandardInputFile(QProcess.nullDevice())
        self._process.setReadChannel(QProcess.ProcessChannel.StandardError)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardError.connect(self._read)
        self._process.errorOccurred.connect(self._not_run)
        self._process.finished.connect(self._finished)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._too_slow)
        application = QCoreApplication.instance()
        if application:
            application.aboutToQuit.connect(self.stop)

    @property
    def url(self) -> str:
        """Its address; empty while none serves."""
        return self._url

    @property
    def running(self) -> bool:
        """Whether there is one, serving or about to."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def log(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self._said)

    def start(self, firmware: Path, state: Path) -> None:
        """Serve the folder `firmware`, with `state` for what the server keeps for itself. One that runs goes on."""
        if self.running:
            return
        program = "server" if (_CHECKOUT / "server").is_dir() else shutil.which(_INSTALLED)
        if program is None:
            self.failed.emit(self.tr("No server could be started here: there is none. Install it: sudo apt install ota-server"))
            return
        self._stopping = False
        self._said.clear()
        folders = ["--firmware-dir", str(firmware.absolute()), "--state-dir", str(state.absolute())]
        self._patience.start(START_MS)
        self._process.start(sys.executable, ["-m", "desktop.bound", program, *folders, "--http-port", "0", "--coap-port", "0"])

    def stop(self) -> None:
        """End it, by SIGTERM; within 2 s it is gone."""
        self._stopping = True
        if not self.running:
            return
        self._process.terminate()
        if not self._process.waitForFinished(STOP_MS):
            self._process.kill()
            self._process.waitForFinished(_KILL_MS)

    def _read(self) -> None:
        while self._process.canReadLine():
            self._hear(bytes(self._process.readLine()).decode(errors="replace").rstrip())

    def _hear(self, line: str) -> None:
        if line:
            self._said.append(line)
        found = _READY.search(line)
        if found and not self._url:
            self._patience.stop()
            self._url = found[1]
            self.started.emit(self._url)

    def _not_run(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._patience.stop()
            self.failed.emit(
                self.tr("No server could be started here: {} does not run.").format(sys.executable or self.tr("Python"))
            )

    def _too_slow(self) -> None:
        self._said.append(self.tr("{}It said nothing for {} seconds.").format(_OWN_WORDS, START_MS // 1000))
        self._process.kill()

    def _finished(self) -> None:
        self._patience.stop()
        self._read()
        self._hear(bytes(self._process.readAllStandardError()).decode(errors="replace").rstrip())
        was, self._url = self._url, ""
        if not self._stopping:
            self.failed.emit(self._why(bool(was)))
        if was:
            self.ended.emit()

    def _why(self, had_started: bool) -> str:
        own = next((line.partition(_OWN_WORDS)[2] for line in reversed(self._said) if line.startswith(_OWN_WORDS)), "")
        if had_started:
            begin = self.tr("The server on this computer ended by itself.")
        else:
            begin = self.tr("No server could be started here.")
        killed = self._process.exitStatus() == QProcess.ExitStatus.CrashExit
        if own:
            reason = own
        elif killed:
            reason = self.tr("It was killed from outside.")
        elif self._said and not _INFO.search(self._said[-1]):
            reason = self._said[-1]
        else:
            reason = self.tr("It gave no reason.")
        return f"{begin} {reason}"


def _environment() -> QProcessEnvironment:
    """Its log comes to us, not to the journal of whoever started us."""
    environment = QProcessEnvironment.systemEnvironment()
    environment.remove("JOURNAL_STREAM")
    return environment
