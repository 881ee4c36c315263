"""The devices that the server knows, and what became of the release that each was told of or fetches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from common.device import Device, UpdateState
from common.device_url import DeviceUrl
from common.notification import DeviceState
from common.release import Release
from common.transfer import Transfer, TransferState
from server.coap.blocks import Miss
from server.coap.source import device_of
from server.fleet.crew import Hands
from server.fleet.devices import traces
from server.fleet.devices.asking import Asking, Seen
from server.fleet.devices.bygone import Bygone
from server.fleet.devices.facts import Fact, Fetch, Missed, Shown, Told
from server.fleet.devices.inventory import Inventory
from server.fleet.devices.known import Keeper, Known, address_of
from server.fleet.devices.last_questions import LastQuestions
from server.fleet.devices.prober import Prober
from server.fleet.devices.verdicts import Patience, begin, judge, next_look
from server.steady import Steady


class Devices(Inventory):
    """Threads: `beat` is for the fleet thread, `intend` and `told` for the notifier's workers, the rest for all."""

    def __init__(
        self,
        prober: Prober,
        pool: Hands,
        release: Callable[[str], Release | None],
        keeper: Keeper,
        steady: Steady,
        patience: Patience,
    ) -> None:
        """`release` gives a release by its publish id; `pool` runs what waits for devices; all is judged by `steady`."""
        super().__init__(keeper, steady)
        self._asking = Asking(prober, pool, release, steady)
        self._release = release
        self._patience = patience
        self._last = LastQuestions()
        self._bygone = Bygone()

    def forget(self, address: str, transfers: Iterable[Transfer] = ()) -> Device:
        """Know it no more: as it was. Heard again, it is a new one. Raises NotFound.

        `transfers` are all that the server tells of: what the device had asked for until now does not bring it back.
        """
        with self._lock:
            known = self._forget(address)
            self._bygone.take(address, transfers)
            self._last.drop(address)
        return known.shown(self._steady.unix)

    def register(self, url: DeviceUrl, name: str = "", board: str | None = None) -> None:
        """A device made itself known, and answered."""
        with self._lock:
            known = self._of(address_of(url))
            known = replace(known, url=url, answered=True, seen=self._steady())
            known = replace(known, name=known.name or name, board=board or known.board)
            self._put(known)
        if known.board is None:
            self._asking.ask(known)

    def before(self, device: DeviceUrl, publish_id: str, listing: bytes) -> Shown | None:
        """It answered with this .well-known/core: what it shows of itself before it is told; None where that proves nothing.

        It is asked again where it gives no answer: what is not known now may never be known.
        """
        return self._asking.before(device, publish_id, listing)

    def intend(self, device: DeviceUrl, publish_id: str, before: Shown | None = None) -> None:
        """The device at this numeric address is told of the release from here on; `before` is what it showed of itself."""
        now = self._steady()

        def anew(known: Known) -> Known:
            trace = known.trace
            goes_on = trace is not None and trace.publish_id == publish_id and not trace.over
            if trace is None or not goes_on:
                trace = begin(publish_id, now)
            if before is not None:
                trace = judge(trace, before, now, self._patience)
            return replace(known, url=device, trace=trace)

        self._change(address_of(device), anew)

    def told(self, device: DeviceUrl, publish_id: str, state: DeviceState, message: str) -> None:
        """What came of it."""
        answered = state in (DeviceState.ACCEPTED, DeviceState.REFUSED)
        address, now = address_of(device), self._steady()

        def with_answer(known: Known) -> Known:
            known = replace(known, answered=True, seen=now) if answered else known
            if known.trace is None or known.trace.publish_id != publish_id:
                return known
            return replace(known, trace=judge(known.trace, Told(state, message), now, self._patience))

        known = self._change(address, with_answer)
        if state is DeviceState.ACCEPTED and known.trace is not None and known.trace.before is None:
            self._asking.ask(known)

    def expect(self, address: str, publish_id: str) -> bool:
        """The device may have been told of the release, just before the server ended; whether its requests show it already."""
        now = self._steady()

        def expected(known: Known) -> Known:
            trace = known.trace
            if trace is None or trace.publish_id != publish_id or (trace.over and not trace.has_manifest):
                trace = begin(publish_id, now)
            return replace(known, trace=replace(trace, accepted=now if trace.accepted is None else trace.accepted))

        trace = self._change(address, expected).trace
        return trace is not None and trace.state is not UpdateState.NOTIFIED

    def goes_on(self, address: str, publish_id: str) -> bool:
        """Whether it still uses the radio for this release, or is about to."""
        trace = self.trace(address)
        return trace is not None and trace.publish_id == publish_id and trace.is_under_way and not trace.over

    def beat(self, transfers: Iterable[Transfer], misses: Iterable[Miss]) -> None:
        """Take in what devices asked for; then look who has to be asked, and whose time is over."""
        for transfer in transfers:
            self._take_transfer(transfer)
        for miss in misses:
            self._take_miss(miss)
        self._take_answers()
        now = self._steady()
        with self._lock:
            busy = [k for k in self._known.values() if k.trace is not None and not k.trace.over]
        for known in busy:
            trace = known.trace
            assert trace is not None
            late = next_look(trace, self._patience) <= now
            doubtful = late and self._last.are_open(known.address, trace, now)
            if doubtful or (trace.ask is not None and trace.ask <= now and not (late and trace.asked)):
                self._asking.ask(known)
            if late and known.address in self._asking:
                continue  # the answer may be all that is missing
            if late:
                self._judge(known.address, None)
            self._last.drop(known.address)
        self._take_answers()

    def _take_transfer(self, transfer: Transfer) -> None:
        seen = transfer.last_seen.timestamp()

        def with_it(known: Known) -> Known:
            known = replace(known, seen=max(seen, known.seen or 0.0))
            found = traces.of_transfer(known.trace, transfer, self._release)
            if found is None:
                return known
            publish_id, role = found
            trace = known.trace
            if trace is None or trace.publish_id != publish_id or traces.begins_again(trace, role, transfer):
                trace = begin(publish_id, transfer.started.timestamp())
            percent = 100 * transfer.bytes // transfer.size if transfer.size else 100
            trace = judge(trace, Fetch(role, transfer.state, percent, seen), self._steady(), self._patience)
            done = transfer.state is TransferState.DONE and trace.downloaded is not None
            return replace(known, trace=trace, completed=publish_id if done else known.completed)

        known = self._change(transfer.device, with_it, lambda: self._bygone.has(transfer))
        if known.trace is not None and known.trace.before is None and known.trace.downloaded is None and not known.trace.over:
            self._asking.ask(known)

    def _take_answers(self) -> None:
        """Behind what the devices had asked for until they answered: who has the image may already run it."""
        for seen in self._asking.take():
            self._last.take(seen)
            self._take_answer(seen)

    def _take_answer(self, seen: Seen) -> None:
        def with_answer(known: Known) -> Known:
            known = replace(known, board=seen.board or known.board)
            if known.trace is None:
                return known
            if traces.is_early(known.trace, seen.asked):
                return replace(known, trace=traces.with_early(known.trace, seen.shown, seen.answered))
            trace = replace(traces.unseen(known.trace, seen), ask=None)
            if trace.downloaded is not None or trace.before is None:
                trace = judge(trace, seen.shown, self._steady(), self._patience)
            completed = trace.publish_id if trace.state is UpdateState.CONFIRMED else known.completed
            return replace(known, trace=trace, completed=completed)

        self._change(seen.address, with_answer, lambda: seen.address not in self._known)

    def _take_miss(self, miss: Miss) -> None:
        address = device_of(miss.source)
        trace = self.trace(address)
        if trace is not None:
            manifest = traces.manifest_path(trace.publish_id, self._release(trace.publish_id))
            self._judge(address, Missed(miss.path, manifest))

    def _judge(self, address: str, fact: Fact) -> None:
        def judged(known: Known) -> Known:
            if known.trace is None:
                return known
            return replace(known, trace=judge(known.trace, fact, self._steady(), self._patience))

        self._change(address, judged, lambda: address not in self._known)
