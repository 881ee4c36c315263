"""What of the devices' doings is worth a line in the history."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from common.device import UpdateState
from common.release import State
from common.transfer import Transfer, TransferState
from server.firmware.catalogue import Catalogue
from server.fleet.devices.known import Known
from server.fleet.devices.trace import Trace
from server.fleet.record.history import History

_ENDS = (TransferState.DONE, TransferState.ABANDONED, TransferState.RESTARTED)
_log = logging.getLogger(__name__)


class Chronicle:
    """Threads: one calls `served` and `ended`, any calls `judged`."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._told: dict[tuple[str, str, float], TransferState] = {}
        """Ends that were recorded, so that a block asked for again is no other end; of transfers that may still go on."""
        self.ends: Counter[TransferState] = Counter()
        """How many transfers ended in which way, since the start."""
        self._seen: int | None = None
        """The catalogue that was looked at last, by its number."""
        self._ready: set[str] = set()

    def served(self, current: Catalogue) -> None:
        """Each release that devices get now, or no more, whoever put it into the folder; none at the first call."""
        if self._seen is not None and current.number == self._seen:
            return
        ready = {name for name, release in current.by_id.items() if release.state is State.READY}
        if self._seen is not None:
            for name in sorted(ready - self._ready):
                self._history.record("served", f"{name} is served.", "folder", name)
            for name in sorted(self._ready - ready):
                self._history.record("unserved", f"{name} is served no more.", "folder", name)
        self._seen, self._ready = current.number, ready

    def ended(self, transfers: Iterable[Transfer], over: Iterable[Transfer] = ()) -> None:
        """Each transfer's end; `over` are those of which nothing more will be told."""
        for t in transfers:
            key = _key(t)
            if t.state not in _ENDS or self._told.get(key) is t.state:
                continue
            self._told[key] = t.state
            self.ends[t.state] += 1
            what = f"{t.device} {_VERBS[t.state]} {t.path}: {t.bytes} of {t.size} bytes"
            self._history.record(
                f"transfer-{t.state}", what, "device", t.publish_id, t.device,
                path=t.path, role=t.role, bytes=t.bytes, size=t.size, asked_again=t.asked_again, gaps=t.gaps,
                seconds=round((t.last_seen - t.started).total_seconds(), 3),
            )  # fmt: skip
        for t in over:
            self._told.pop(_key(t), None)

    def judged(self, known: Known, before: Trace | None) -> None:
        """Each step of an update, and each verdict; those also in the log."""
        trace = known.trace
        if trace is None or (before is not None and (before.state, before.over) == (trace.state, trace.over)):
            return
        what = f"{known.name or known.address} {_STEPS[trace.state]} {trace.publish_id}."
        if trace.reason:
            what = f"{what} {trace.reason}"
        kind = "verdict" if trace.over else "update"
        self._history.record(kind, what, "server", trace.publish_id, known.address, state=trace.state, reason=trace.reason)
        if trace.over:
            _log.info("%s", what)
        elif trace.state is UpdateState.DOWNLOADED:
            _log.info("%s has downloaded %s", known.address, trace.publish_id)


def _key(transfer: Transfer) -> tuple[str, str, float]:
    return transfer.device, transfer.path, transfer.started.timestamp()


_STEPS = {
    UpdateState.NOTIFIED: "is notified of",
    UpdateState.FETCHING_MANIFEST: "fetches the manifest of",
    UpdateState.FETCHING_SLOT0: "fetches slot0 of",
    UpdateState.FETCHING_SLOT1: "fetches slot1 of",
    UpdateState.DOWNLOADED: "has downloaded",
    UpdateState.REBOOTED: "has rebooted with",
    UpdateState.CONFIRMED: "runs",
    UpdateState.FAILED: "failed with",
    UpdateState.SILENT: "is silent about",
}
_VERBS = {
    TransferState.DONE: "fetched",
    TransferState.ABANDONED: "gave up",
    TransferState.RESTARTED: "began anew with",
}
