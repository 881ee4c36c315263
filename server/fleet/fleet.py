"""The devices' side as a whole: its parts put together, started in order and stopped in reverse."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from common.device import UpdateState
from common.release import Release
from common.transfer import TransferState
from server.coap.client import CoapClient, Timing
from server.coap.service import CoapService
from server.coap.urls import CoapUrls
from server.firmware.catalogue import LiveCatalogue
from server.firmware.retention import Limits
from server.fleet.chronicle import Chronicle
from server.fleet.crew import Crew
from server.fleet.devices import register
from server.fleet.devices.devices import Devices
from server.fleet.devices.known import Known
from server.fleet.devices.prober import Prober
from server.fleet.devices.register import Register
from server.fleet.devices.trace import Trace
from server.fleet.devices.verdicts import Patience
from server.fleet.forgetting import Forgetting
from server.fleet.notifying import batch_file
from server.fleet.notifying.batch_file import Batches
from server.fleet.notifying.notifier import Notifier
from server.fleet.notifying.teller import Teller
from server.fleet.pulse import Pulse
from server.fleet.record import history
from server.fleet.record.database import Database
from server.fleet.record.history import History
from server.fleet.retiring import Retiring
from server.fleet.rollouts import rollout_file
from server.fleet.rollouts.rollout_file import RolloutFile
from server.fleet.rollouts.rollouts import Rollouts
from server.fleet.transfers import Transfers
from server.fleet.uses import Needs
from server.steady import Steady

SCHEMA = (*history.SCHEMA, *register.SCHEMA, *batch_file.SCHEMA, *rollout_file.SCHEMA)
"""It only ever grows at its end."""
_EVERY = 1.0
"""Seconds between two looks at the devices."""
_ASKED_AT_ONCE = 16
_ASK = Timing(ack_timeout=1.0, max_retransmit=2)
"""A device that reboots is asked again later; no need to wait for long. No time-out is under a second (RFC 8085, 3.1.1)."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """What a person may set."""

    file: Path
    keep_history: int
    """Days."""
    patience: float
    """Seconds that a device has to show that it runs what it downloaded."""
    version_path: str | None
    max_transfers: int
    limits: Limits
    """What is removed from the firmware folder by itself."""


class Fleet:
    """Threads: one owner enters and leaves it; any thread uses its parts in between."""

    def __init__(
        self,
        settings: FleetSettings,
        service: CoapService,
        live: LiveCatalogue,
        urls: CoapUrls,
        died: Callable[[str], None],
        remove: Callable[[str], None],
        unregister: Callable[[str], None],
        steady: Steady,
    ) -> None:
        """`remove` takes a release out of the firmware folder; it raises OtaError or OSError. `unregister` ends the
        registrations of the device at an address."""

        def release(publish_id: str) -> Release | None:
            return live.current.by_id.get(publish_id)

        self._stack = contextlib.ExitStack()
        self._service = service
        self._live = live
        self._database = Database(settings.file, SCHEMA, died)
        self.history = History(self._database, steady, settings.keep_history)
        self.transfers = Transfers(service.pins, live, steady)
        own = service.port
        self._asker = CoapClient(_ASK, own_port=own, died=died)
        self._client = CoapClient(own_port=own, died=died)
        self._pool = Crew(_ASKED_AT_ONCE, "ask")
        self.devices = Devices(
            Prober(self._asker, settings.version_path),
            self._pool,
            release,
            Register(self._database, steady.unix),
            steady,
            Patience(settings.patience),
        )
        self.notifier = Notifier(
            Teller(self._client, urls, service.know, self.devices),
            self._client.stop,
            self.devices.goes_on,
            settings.max_transfers,
            Batches(self._database, time.time),
        )
        self.rollouts = Rollouts(self.notifier, self.devices, self.history, RolloutFile(self._database), release, steady)
        self.forgetting = Forgetting(self.devices, self.transfers, self.notifier, self.rollouts, unregister)
        self._chronicle = Chronicle(self.history)
        needs = Needs(service.pins, self.devices, self.notifier, self.rollouts)
        self.retiring = Retiring(settings.limits, live, needs.of, remove, self.history, time.monotonic)
        retire = [self.retiring.beat] if settings.limits.any else []
        self._pulse = Pulse("fleet", [steady.beat, self._beat, *retire, self.history.beat], _EVERY, died)

    @property
    def ends(self) -> Counter[TransferState]:
        """How many transfers ended in which way, since the start."""
        return self._chronicle.ends

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _start(self) -> None:
        stack = self._stack
        self._database.start()
        stack.callback(self._database.stop)
        self.history.start()
        self._chronicle.served(self._live.current)
        self.devices.start()
        self.devices.listen(self._changed)
        stack.enter_context(self._asker)
        self._pool.start()
        stack.callback(self._pool.stop)
        stack.callback(self._asker.stop)
        self._client.start()
        stack.callback(self.notifier.stop)
        stack.callback(self.rollouts.stop)
        stack.callback(self.devices.stop)
        self.rollouts.start()
        self.notifier.resume(self.devices.expect)
        self.retiring.knows = not self._database.faltered
        self._pulse.start()
        stack.callback(self._pulse.stop)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _beat(self) -> None:
        self._chronicle.served(self._live.current)
        changed = self.transfers.look()
        misses = self._service.blocks.misses
        self._chronicle.ended(changed, self.transfers.over)
        self.devices.beat(changed, [misses.popleft() for _ in range(len(misses))])
        self.notifier.pump()
        self.rollouts.beat()

    def _changed(self, known: Known, before: Trace | None) -> None:
        trace = known.trace
        if trace is None:
            return
        self._chronicle.judged(known, before)
        if trace.state is UpdateState.FAILED:
            self.rollouts.failed(trace.publish_id)  # before another device has its turn
        if before is not None and before.state is UpdateState.NOTIFIED and trace.state is not UpdateState.NOTIFIED:
            was_told = trace.state not in (UpdateState.SILENT, UpdateState.FAILED)
            if was_told and known.url is not None and not known.answered:
                self.devices.register(known.url)  # it does what it was told there, so it may be asked for a proof, too
            self.notifier.told_after_all(known.address, trace.publish_id, was_told)
        if trace.over or not trace.is_under_way:
            self.notifier.pump()
