"""What of the devices' doings is worth a line in the history."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from common.device import UpdateState
from common.transfer import Transfer, TransferState
from server.fleet.history import History
from server.fleet.known import Known
from server.fleet.verdicts import Trace

_ENDS = (TransferState.DONE, TransferState.ABANDONED, TransferState.RESTARTED)
_log = logging.getLogger(__name__)


class Chronicle:
    """Threads: any."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._told: dict[tuple[str, str, float], TransferState] = {}
        """Ends that were recorded, so that a block asked for again is no other end."""

    def ended(self, transfers: Iterable[Transfer]) -> None:
        """Each transfer's end."""
        for t in transfers:
            key = (t.device, t.path, t.started.timestamp())
            if t.state not in _ENDS or self._told.get(key) is t.state:
                continue
            self._told[key] = t.state
            while len(self._told) > 20_000:
                del self._told[next(iter(self._told))]
            what = f"{t.device} {_VERBS[t.state]} {t.path}: {t.bytes} of {t.size} bytes"
            self._history.record(
                f"transfer-{t.state}", what, "device", t.publish_id, t.device,
                path=t.path, role=t.role, bytes=t.bytes, size=t.size, asked_again=t.asked_again, gaps=t.gaps,
                seconds=round((t.last_seen - t.started).total_seconds(), 3),
            )  # fmt: skip

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
