"""The life of the process: it serves, over reloads, until a signal or the death of a part ends it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from types import FrameType

from common.errors import ConfigError
from server import parts
from server.reloading import changes, contents
from server.settings import command_line
from server.settings.command_line import CommandLine
from server.sockets import Sockets
from server.systemd import Manager
from server.web.door.serving import Serving

_SWITCH = 0.00005
"""Seconds for which a thread that computes keeps the others waiting, the one that answers devices among them."""
_STOP = 1.5
"""Seconds that HTTP requests under way get when the server stops."""
_RELOAD = 5.0
"""Seconds that they get when its parts are only started again."""
_log = logging.getLogger("server")


class Server:
    """One process' server. Threads: the main thread makes and runs it; a part's thread says that it died."""

    def __init__(self, arguments: list[str], asked: CommandLine, sockets: Sockets, manager: Manager) -> None:
        """`asked` is what `arguments` said when the process started; a reload reads them again.

        `sockets` are closed at the end.
        """
        self._arguments = arguments
        self._asked = asked
        self._sockets = sockets
        self._manager = manager
        self._process = parts.Surroundings(sockets, manager, self._died, self._patience, lambda: self._problem)
        self._starting = True
        self._stopping = False
        self._reloading = False
        self._page: Serving | None = None
        self._problem = ""
        self._dead: list[str] = []
        self._had_terminal = _has_terminal()

    def run(self) -> int:
        """Serve until SIGTERM, Ctrl-C or the death of a part; the exit status: 0, or 1 when a part died.

        SIGHUP reads the configuration again. Raises ConfigError when the server cannot start as configured.
        """
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, self._hang_up)
        sys.setswitchinterval(_SWITCH)
        with self._sockets, contextlib.suppress(SystemExit):
            self._serve_on(self._asked)
        _log.info("stopped")
        return 1 if self._dead else 0

    def _serve_on(self, first: CommandLine) -> None:
        good: CommandLine | None = None
        following: CommandLine | None = first
        while following is not None:
            try:
                asked, following = following, None
                following = self._serve(asked)
                good = asked
            except ConfigError as error:
                if good is None or asked is good:
                    raise
                self._keep(error)
                following = good

    def _serve(self, asked: CommandLine) -> CommandLine | None:
        """Serve with these settings; the next ones, or None when the server is to end. Raises ConfigError."""
        self._starting = True
        if self._stopping:
            raise SystemExit
        logging.getLogger().setLevel(logging.DEBUG if asked.config.debug else logging.INFO)
        self._sockets.compare(asked.config, asked.given)
        had = contents(asked.config)
        with parts.started(asked.config, self._process) as page:
            self._page, self._starting = page, False
            try:
                while not self._stopping:
                    if not self._reloading:
                        page.run()
                    elif (following := self._read_again(asked, had)) is not None:
                        return following
                self._manager.tell("STOPPING=1", f"STATUS={self._problem or 'stopping'}")
                return None
            finally:
                self._page = None

    def _read_again(self, asked: CommandLine, had: dict[str, str]) -> CommandLine | None:
        """The settings to go on with; None where the present ones stay."""
        self._reloading = False
        self._manager.tell_reloading()
        try:
            again = command_line.read(self._arguments)
            parts.check(again.config)
        except ConfigError as error:
            self._keep(error)
            self._manager.tell("READY=1", f"STATUS={self._problem}")
            return None
        self._problem = ""
        different = changes(asked.config, again.config, had, contents(again.config))
        if not different:
            _log.info("reloaded: nothing has changed")
            self._manager.tell("READY=1")
            return None
        _log.info("reloaded: %s", ", ".join(different))
        return again

    def _keep(self, error: ConfigError) -> None:
        self._problem = f"Not reloaded, the settings of before hold: {error} "
        _log.error("the configuration is not reloaded, and the one of before holds: %s", error)

    def _patience(self) -> float:
        return _STOP if self._stopping else _RELOAD

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """A signal's handler. What is started stops in its own time; what is only starting ends at once."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._stopping = True
        if self._page is not None:
            self._page.interrupt()
        elif self._starting:
            raise SystemExit

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """A signal's handler: to read the configuration again, unless it says that the terminal is gone."""
        if self._had_terminal and not _has_terminal():
            if not self._stopping:
                self._stop(number, frame)
            return
        self._reloading = True
        if self._page is not None:
            self._page.interrupt()

    def _died(self, part: str) -> None:
        """A part's thread calls this when it ends by a fault: no half-dead server."""
        self._dead.append(part)
        self._problem = f"The part {part!r} died: the server ends, and has to be started again. "
        os.kill(os.getpid(), signal.SIGTERM)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
