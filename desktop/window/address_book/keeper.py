"""The address book's file, read and written in jobs; without widgets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from common.errors import OtaError
from desktop import address_book
from desktop.address_book import AddressBook
from desktop.window.jobs import Jobs

_log = logging.getLogger("desktop.address_book")


class AddressBookKeeper(QObject):
    """Each change is written as soon as the one before is; what changed meanwhile is written once.

    Threads: the UI thread calls it; its signals come there.
    """

    loaded = pyqtSignal(AddressBook)
    """What is in the file, once; an empty book where it cannot be read. Nothing is to be kept before."""
    failed = pyqtSignal(str)
    """A sentence: why it was not read or written."""

    def __init__(self, jobs: Jobs, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._path = jobs, path
        self._writing = False
        self._newest: AddressBook | None = None
        """What is to be written, and is not."""
        self._one_at_a_time = threading.Lock()

    def load(self) -> None:
        """Read the file; `loaded` brings what is in it."""

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> AddressBook:
            book = address_book.load(self._path)
            for device in book.devices:
                _ = device.key  # is remembered, and takes the UI thread a fifth of a second for a long book
            return book

        def miss(error: OtaError) -> None:
            self.failed.emit(str(error))
            self.loaded.emit(AddressBook())

        self._jobs.start(call, self.loaded.emit, miss)

    def keep(self, book: AddressBook) -> None:
        """Write it, in place of what waits to be written."""
        self._newest = book
        if not self._writing:
            self._write_next()

    def finish(self) -> None:
        """Write what is not written yet, and return when it is: nothing is lost when the window goes."""
        with self._one_at_a_time:  # a job that is still writing has an older book
            book, self._newest = self._newest, None
            if book is not None:
                try:
                    address_book.save(book, self._path)
                except OtaError as error:
                    _log.error("%s", error)

    def _write_next(self) -> None:
        book = self._newest
        if book is None:
            return

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> None:
            with self._one_at_a_time:
                if self._newest is not None:  # else it was written at the end
                    address_book.save(book, self._path)

        def done(_nothing: None) -> None:
            self._writing = False
            if self._newest is book:
                self._newest = None
            self._write_next()

        def miss(error: OtaError) -> None:
            self._writing = False
            self.failed.emit(str(error))
            if self._newest is not book:
                self._write_next()

        self._writing = True
        self._jobs.start(call, done, miss)
