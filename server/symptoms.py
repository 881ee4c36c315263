"""What can be wrong with a server that runs: each a check for `server.health`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from common.release import State
from server.coap.receive_queue import ReceiveQueue
from server.firmware.catalogue import LiveCatalogue
from server.firmware.watcher import Watcher
from server.fleet.record.history import History
from server.health import Status, Symptom

ANSWER = 2.0
"""Seconds in which CoAP has to answer; when all is well it takes a millisecond."""
LATE = 60.0
"""Seconds by which a look at the whole folder may be late, and by which the history may lag behind."""
ROOM = 1 << 20
"""Bytes; a disk with less is full."""
FILES = 16
"""Files that can still be made; a disk with fewer is full."""
DROPS, WHILE = 100, 300.0
"""Datagrams that the kernel may drop in so many seconds before it is said. Devices ask again for what was lost."""
_SHOWN = 10


def answering(ask: Callable[[float], str | None]) -> Iterator[Symptom]:
    """`ask` has the server ask itself for a file, within so many seconds; a sentence where that did not work."""
    trouble = ask(ANSWER)
    if trouble is not None:
        yield Symptom(Status.FAILING, trouble)


def looking(watcher: Watcher, rescan: float) -> Iterator[Symptom]:
    """`rescan`: seconds between two looks at the whole folder."""
    if watcher.trouble:
        yield Symptom(Status.FAILING, f"{watcher.trouble} What changes in it is not seen.")
    elif watcher.age > 2 * rescan + LATE:
        why = (
            f"The firmware folder was looked at as a whole {watcher.age:.0f} s ago, and every {rescan:g} s is expected:"
            " its disk may hang."
        )
        yield Symptom(Status.FAILING, why)


def recording(history: History) -> Iterator[Symptom]:
    """Whether what happens is written down."""
    if history.trouble:
        yield Symptom(Status.DEGRADED, history.trouble)
    elif history.lag > LATE:
        why = f"The history is {history.lag:.0f} s behind: the disk of the state folder is slow, or hangs."
        yield Symptom(Status.DEGRADED, why)


def content(live: LiveCatalogue) -> Iterator[Symptom]:
    """What people have to mend; no reason to restart anything."""
    current = live.current
    rejected = [r.publish_id for r in current.releases if r.state is State.REJECTED]
    if rejected:
        named = ", ".join(rejected[:_SHOWN]) + (f" and {len(rejected) - _SHOWN} more" if len(rejected) > _SHOWN else "")
        yield Symptom(Status.OK, f"Rejected, so that devices do not get it: {named}. The page says why.")
    for problem in current.problems[:_SHOWN]:
        yield Symptom(Status.OK, f"{problem.path or '.'}: {problem.message}")
    if len(current.problems) > _SHOWN:
        yield Symptom(Status.OK, f"There are {len(current.problems) - _SHOWN} more problems in the firmware folder.")


class Disk:
    """The file system of a folder. Threads: one at a time calls `check`."""

    def __init__(self, what: str, folder: Path) -> None:
        """`what` it is, in words. One that can only be read from the beginning on is meant to be so."""
        self._what = f"the {what} {str(folder)!r}"
        self._folder = folder
        self._read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)

    def check(self) -> Iterator[Symptom]:
        """Whether it is full, or has become read-only."""
        try:
            found = os.statvfs(self._folder)
        except OSError as error:
            yield Symptom(Status.DEGRADED, f"The disk of {self._what} cannot be looked at ({error.strerror}).")
            return
        if found.f_flag & os.ST_RDONLY:
            if not self._read_only:
                why = "could be written at the start, and now can only be read: likely it has a fault. See dmesg."
                yield Symptom(Status.DEGRADED, f"The disk of {self._what} {why}")
        elif found.f_bavail * found.f_frsize < ROOM:
            yield Symptom(Status.DEGRADED, f"The disk of {self._what} is full: make room on it.")
        elif found.f_files and found.f_favail < FILES:
            yield Symptom(Status.DEGRADED, f"The disk of {self._what} has no room for another file: remove some.")


class Dropping:
    """Whether the kernel drops what devices send. Threads: one at a time calls `check`."""

    def __init__(self, queue: ReceiveQueue, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._queue = queue
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._look()

    def check(self) -> Iterator[Symptom]:
        """Compared with the last time that somebody asked, some minutes ago or more."""
        self._look()
        if not self._seen:
            return
        (since, before), (now, drops) = self._seen[0], self._seen[-1]
        if drops - before >= DROPS:
            why = (
                f"{drops - before} datagrams were dropped in the last {now - since:.0f} s, because more came than the server"
                " could read: look who sends so much, or give the socket a larger buffer (sysctl net.core.rmem_max)."
            )
            yield Symptom(Status.DEGRADED, why)

    def _look(self) -> None:
        now, state = self._clock(), self._queue.look()
        if state is not None:
            self._seen.append((now, state.drops))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WHILE:
            self._seen.popleft()
