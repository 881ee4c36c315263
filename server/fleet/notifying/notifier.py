"""Notifies many devices, so many at a time as the radio bears, and keeps what each of them answered."""

from __future__ import annotations

import itertools
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from common.device_url import DeviceUrl
from common.errors import NotFound
from common.notification import BatchState, DeviceResult, DeviceState, Notification, Nul
from server.fleet.crew import Crew
from server.fleet.notifying.batch import Batch
from server.fleet.notifying.batch_keeper import BatchFile, Nowhere
from server.fleet.notifying.errands import Errands
from server.fleet.notifying.teller import Notice, Teller

log = logging.getLogger(__name__)

_STOPPING = "The server is stopping."


class Notifier:
    """Starts notifications, and answers what became of them.

    Threads: any thread calls all but `stop`, which one owner calls. The devices are asked by the threads "notify-N",
    which all notifications share. A device that has not answered yet takes nobody's turn: it may be switched off.
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
        self._stop_client = stop_client
        self._goes_on = goes_on
        self._most = max_transfers
        self._file: BatchFile = file if file is not None else Nowhere()
        self._at_once = at_once
        self._keep = keep
        self._clock = clock
        self._pool = Crew(at_once, "notify")
        self._errands = Errands(teller, self._file, lambda: self._stopping)
        self._changed = threading.Condition()
        self._batches: dict[str, Batch] = {}
        """In the order in which they were started; a finished one moves to the end."""
        self._stopping = False
        self.results: Counter[DeviceState] = Counter()
        """How many devices it came to what with, since the start."""

    def resume(self, expect: Callable[[str, str], bool]) -> None:
        """Go on with what an earlier start of the server was at, some devices of which may have been told.

        `expect` hears of each address and publish id where that is not known, and says whether the device's requests show it.
        """
        self._pool.start()
        with self._changed:
            recalled = set(self._batches)
        loaded = [batch for batch in self._file.load() if batch.id not in recalled]
        expected = [one for batch in loaded for one in batch.expected()]  # once others see them, they change
        with self._changed:
            self._batches = {batch.id: batch for batch in loaded} | self._batches
        self._settle(expected, expect)
        self.pump()

    def recall(self, number: str, state: BatchState, expect: Callable[[str, str], bool]) -> Notification | None:
        """A batch of an earlier start by its id, also one that was over, in this state from here on; None: there never was one.

        `expect` is as for `resume`, before which it is called. Raises NotRecorded where that cannot be known now.
        """
        with self._changed:
            is_known = number in self._batches
        if is_known:
            return self.set_state(number, state)
        batch = self._file.find(number)
        if batch is None:
            return None
        if batch.changeable and batch.state is not state:
            self._file.keep(batch, batch.enter(state))
        expected = batch.expected()
        with self._changed:
            self._batches[number] = batch
        self._settle(expected, expect)
        return batch.shown(self._width)

    def start(
        self,
        publish_id: str,
        devices: Sequence[DeviceUrl],
        nul: Nul = Nul.AUTO,
        who: str = "somebody",
        number: str | None = None,
    ) -> Notification:
        """Begin to tell each of `devices` once; returns at once, with rows that wait.

        `number`: the id of a batch of which the caller has made sure that there is none yet.
        """
        batch = Batch.of(number or secrets.token_urlsafe(12), publish_id, list(dict.fromkeys(devices)), nul, who)
        self._file.add(batch)
        with self._changed:
            self._batches[batch.id] = batch
            if self._stopping:
                batch.abandon(_STOPPING)
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

    def addresses(self, notification_id: str) -> Mapping[str, str]:
        """The address and zone of each device that was told, by its device URL; empty when the notification is unknown."""
        with self._changed:
            batch = self._batches.get(notification_id)
            return {str(batch.devices[n]): address for n, address in batch.addresses.items()} if batch else {}

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
            if batch.changeable:
                rows = batch.enter(state)
                self.results[DeviceState.CANCELLED] += len(rows)
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
                if batch.publish_id == publish_id and (rows := batch.settle(address, was_told)):
                    self._file.keep(batch, rows)
        self.pump()

    def _settle(self, expected: Sequence[tuple[str, str]], expect: Callable[[str, str], bool]) -> None:
        for address, publish_id in expected:
            if expect(address, publish_id):
                self.told_after_all(address, publish_id, was_told=True)

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
        self._pool.stop()
        with self._changed:
            for batch in self._batches.values():
                batch.abandon(_STOPPING)
            self._changed.notify_all()

    @property
    def _width(self) -> int:
        return self._most if self._most is not None else self._at_once

    def _pump(self, batch: Batch, now: float) -> None:
        batch.end_turns(lambda address: self._goes_on(address, batch.publish_id), now)
        if self._stopping or batch.state is not BatchState.RUNNING:
            return
        while batch.ready and (self._most is None or len(batch.turns) < self._most):
            self._pool.submit(self._tell, batch, *batch.begin_turn(now))
        ahead = self._at_once if self._most is None else min(2 * self._most, self._at_once)
        while len(batch.asking) + len(batch.ready) < ahead and (found := batch.next()) is not None:
            batch.asking.add(found)
            self._pool.submit(self._prepare, batch, found)

    def _prepare(self, batch: Batch, row: int) -> None:
        answer = self._errands.ask(batch, row)
        with self._changed:
            batch.asking.discard(row)
            if self._stopping or batch.rows[row].state is not DeviceState.WAITING:
                return
            if isinstance(answer, Notice):
                batch.ready[row] = (answer, self._clock())
            else:
                self._ended(batch, row, answer)
            self._pump(batch, self._clock())
            self._changed.notify_all()

    def _tell(self, batch: Batch, row: int, notice: Notice | None) -> None:
        answer = notice if notice is not None else self._errands.ask(batch, row)
        result = self._errands.tell(batch, row, answer) if isinstance(answer, Notice) else answer
        with self._changed:
            self._ended(batch, row, result)
            batch.turns[row].answered = True
            if result.state is not DeviceState.ACCEPTED:
                batch.turns[row].address = None
            self._pump(batch, self._clock())
            self._changed.notify_all()

    def _ended(self, batch: Batch, row: int, result: DeviceResult) -> None:
        log.info("notified %s of %s: %s: %s", batch.devices[row], batch.publish_id, result.state, result.message)
        batch.rows[row] = result
        self.results[result.state] += 1
        if not self._stopping:
            self._file.keep(batch, [row])
        if not batch.waiting:
            self._finished(batch)

    def _finished(self, batch: Batch) -> None:
        self._batches[batch.id] = self._batches.pop(batch.id)
        done = [b.id for b in self._batches.values() if not b.waiting]
        for old in itertools.islice(done, max(0, len(done) - self._keep)):
            del self._batches[old]
