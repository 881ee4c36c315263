"""Notifies many devices, so many at a time as the radio bears, and keeps what each of them answered."""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable, NotFound
from common.notification import BatchState, DeviceResult, DeviceState, Notification, Nul
from server.fleet.batch import OPEN, Batch, Turn
from server.fleet.known import address_of
from server.fleet.teller import Teller, failed

log = logging.getLogger(__name__)

_STOPPING = "The server is stopping."
_BUG = "An internal error of the server; its log has the details."


class BatchFile(Protocol):
    """Where batches are kept from one start to the next."""

    def load(self) -> Iterable[Batch]:
        """Those that were not over; what was being told then is `unknown`."""

    def add(self, batch: Batch) -> None:
        """A new one; it is on the disk, if that can be, when this returns."""

    def intend(self, batch: Batch, row: int) -> None:
        """The device of this row is about to be told; on the disk, if that can be, when this returns."""

    def keep(self, batch: Batch, rows: Iterable[int]) -> None:
        """These rows, and the batch's state, are others now; returns at once."""


class Nowhere:
    """A BatchFile that keeps nothing."""

    def load(self) -> Iterable[Batch]:
        """None."""
        return ()

    def add(self, batch: Batch) -> None:
        """Nothing."""

    def intend(self, batch: Batch, row: int) -> None:
        """Nothing."""

    def keep(self, batch: Batch, rows: Iterable[int]) -> None:
        """Nothing."""


class Notifier:
    """Starts notifications, and answers what became of them.

    Threads: any thread calls all but `stop`, which one owner calls. The devices are asked by the threads "notify-N",
    which all notifications share.
    """

    def __init__(
        self,
        teller: Teller,
        stop_client: Callable[[], None],
        goes_on: Callable[[str, str], bool] = lambda _address, _publish_id: False,
        max_transfers: int | None = None,
        file: BatchFile | None = None,
        at_once: int = 32,
        keep: int = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`goes_on` says whether a device still uses the radio for a release: of one batch, `max_transfers` devices do at a
        time (None: any number), and `at_once` devices are told at a time, of all batches together. Of the finished
        notifications the last `keep` are remembered.
        """
        self._teller = teller
        self._stop_client = stop_client
        self._goes_on = goes_on
        self._most = max_transfers
        self._file: BatchFile = file if file is not None else Nowhere()
        self._at_once = at_once
        self._keep = keep
        self._clock = clock
        self._pool = ThreadPoolExecutor(at_once, "notify")
        self._changed = threading.Condition()
        self._batches: dict[str, Batch] = {}
        """In the order in which they were started; a finished one moves to the end."""
        self._stopping = False

    def resume(self, expect: Callable[[str, str], None]) -> None:
        """Go on with what an earlier start of the server was at.

        `expect` hears of each address and publish id of which it is not known whether the device was told.
        """
        loaded = list(self._file.load())
        with self._changed:
            self._batches = {batch.id: batch for batch in loaded} | self._batches
        for batch in loaded:
            for turn in batch.turns.values():
                if not turn.answered and turn.address is not None:
                    expect(turn.address, batch.publish_id)
        self.pump()

    def start(self, publish_id: str, devices: Sequence[DeviceUrl], nul: Nul = Nul.AUTO, who: str = "somebody") -> Notification:
        """Begin to tell each of `devices` once; returns at once, with rows that wait."""
        batch = Batch.of(secrets.token_urlsafe(12), publish_id, list(dict.fromkeys(devices)), nul, who)
        self._file.add(batch)
        with self._changed:
            self._batches[batch.id] = batch
            if self._stopping:
                self._abandon(batch)
            if not batch.waiting:
                self._finished(batch)
            started = batch.shown(self._width)
        self.pump()
        return started

    def get(self, notification_id: str) -> Notification | None:
        """How far it is; None when it is unknown or forgotten."""
        with self._changed:
            batch = self._batches.get(notification_id)
            return batch.shown(self._width) if batch else None

    def all(self) -> list[Notification]:
        """Those that are remembered, the latest first."""
        with self._changed:
            return [batch.shown(self._width) for batch in reversed(self._batches.values())]

    def wait(self, notification_id: str, timeout: float) -> Notification:
        """Wait until it is done, `timeout` seconds are over, or the server stops. Raises KeyError for an unknown id."""
        with self._changed:
            batch = self._batches[notification_id]
            self._changed.wait_for(lambda: not batch.waiting or self._stopping, timeout)
            return batch.shown(self._width)

    def set_state(self, notification_id: str, state: BatchState) -> Notification:
        """Pause it, let it run again, or cancel it for good. Raises NotFound."""
        with self._changed:
            batch = self._batches.get(notification_id)
            if batch is None:
                raise NotFound("There is no such notification any more; the server keeps only the latest ones.")
            if batch.state is not BatchState.CANCELLED and batch.waiting:
                rows = batch.cancel() if state is BatchState.CANCELLED else []
                batch.state = state
                self._file.keep(batch, rows)
                if not batch.waiting:
                    self._finished(batch)
                self._changed.notify_all()
        self.pump()
        return self.get(notification_id) or batch.shown(self._width)

    def told_after_all(self, address: str, publish_id: str, was_told: bool) -> None:
        """Whether a device of which it was not known had been told: it asked for the manifest, or its time is over."""
        with self._changed:
            for batch in self._batches.values():
                for n, row in enumerate(batch.rows):
                    turn = batch.turns.get(n)
                    if row.state is DeviceState.UNKNOWN and batch.publish_id == publish_id and turn and turn.address == address:
                        text = "It asked for the manifest." if was_told else "Waiting."
                        state = DeviceState.ACCEPTED if was_told else DeviceState.WAITING
                        batch.rows[n] = replace(row, state=state, message=text)
                        turn.answered = was_told
                        if not was_told:
                            del batch.turns[n]
                        self._file.keep(batch, [n])
        self.pump()

    def pump(self) -> None:
        """Give devices their turn whose turn it is; called whenever one may have come to its end."""
        with self._changed:
            now = self._clock()
            for batch in list(self._batches.values()):
                self._pump(batch, now)

    def stop(self) -> None:
        """End all work; the client is stopped too, because the workers wait in it. A second call does nothing."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._stop_client()
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._changed:
            for batch in self._batches.values():
                self._abandon(batch)
            self._changed.notify_all()

    @property
    def _width(self) -> int:
        return self._most if self._most is not None else self._at_once

    def _pump(self, batch: Batch, now: float) -> None:
        batch.end_turns(lambda address: self._goes_on(address, batch.publish_id), now)
        while not self._stopping and batch.state is BatchState.RUNNING and (self._most is None or len(batch.turns) < self._most):
            row = batch.next()
            if row is None:
                return
            batch.turns[row] = Turn(now)
            self._pool.submit(self._work, batch, row)

    def _abandon(self, batch: Batch) -> None:
        """In memory only: what was not told is told after the next start."""
        for number, row in enumerate(batch.rows):
            if row.state in OPEN:
                batch.rows[number] = replace(row, state=DeviceState.UNREACHABLE, message=_STOPPING)

    def _work(self, batch: Batch, row: int) -> None:
        device = batch.devices[row]
        try:
            target = self._teller.locate(device)
            batch.turns[row].address = address_of(target)
            self._file.intend(batch, row)
            result = self._teller.tell(batch.publish_id, device, target, batch.nul)
        except (DeviceUnreachable, DeviceRefused) as error:
            result = failed(device, error)
        except Exception:
            log.exception("telling %s of %s failed", device, batch.publish_id)
            result = DeviceResult(str(device), DeviceState.UNREACHABLE, None, _BUG)
        log.info("notified %s of %s: %s: %s", device, batch.publish_id, result.state, result.message)
        with self._changed:
            batch.rows[row] = result
            if not self._stopping:
                self._file.keep(batch, [row])
            batch.turns[row].answered = True
            if result.state is not DeviceState.ACCEPTED:
                batch.turns[row].address = None
            if not batch.waiting:
                self._finished(batch)
            self._pump(batch, self._clock())
            self._changed.notify_all()

    def _finished(self, batch: Batch) -> None:
        self._batches[batch.id] = self._batches.pop(batch.id)
        done = [b.id for b in self._batches.values() if not b.waiting]
        for old in itertools.islice(done, max(0, len(done) - self._keep)):
            del self._batches[old]
