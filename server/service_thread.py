"""A thread that lives until its owner ends it: what else ends it is a fault, which is logged and told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class ServiceThread:
    """Threads: one owner calls `start` and `join`."""

    def __init__(self, name: str, what: str, run: Callable[[], None], died: Callable[[str], None]) -> None:
        """`what` it is, for the log: "the CoAP receive loop". `run` returns once it is told to, which is the owner's to do;
        `died` is told the name when `run` ends by a fault."""
        self._name = name
        self._what = what
        self._work = run
        self._died = died
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        """Begin. Raises RuntimeError where the system gives no thread."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end; nothing where it was not begun."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except Exception:
            _log.exception("%s died", self._what)
            self._died(self._name)
