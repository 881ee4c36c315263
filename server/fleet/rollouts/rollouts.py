"""Releases that go to many devices in waves: each wave is one notification, and what becomes of it opens the next one."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from common.device_url import DeviceUrl
from common.errors import InvalidRelease, InvalidRequest, NotFound, ReleaseNotFound, StoreFull
from common.release import Release, State
from common.rollout import Accept, Outcome, Rollout, RolloutDevice, RolloutState, Wave
from common.waves import Waves
from server.fleet.devices.devices import Devices
from server.fleet.notifying.notifier import Notifier
from server.fleet.record.database import NotRecorded
from server.fleet.record.history import History
from server.fleet.rollouts.rollout import Act, Decision, carried_out, decide, stopped
from server.fleet.rollouts.rollout_file import RolloutFile
from server.fleet.rollouts.watching import Watching
from server.fleet.rollouts.wave_notifications import WaveNotifications
from server.steady import Steady

KEPT = 30
"""Rollouts that are over; of those the latest are remembered."""
_log = logging.getLogger(__name__)


class Rollouts:
    """Threads: one owner calls `start` and `stop`, the fleet thread `beat`, any thread `failed`, web workers the rest."""

    def __init__(
        self,
        notifier: Notifier,
        devices: Devices,
        history: History,
        file: RolloutFile,
        release: Callable[[str], Release | None],
        steady: Steady,
    ) -> None:
        """`release` gives a release by its publish id."""
        self._history = history
        self._file = file
        self._release = release
        self._steady = steady
        self._watching = Watching(notifier, devices)
        self._notifications = WaveNotifications(notifier, devices)
        self._acting = threading.Lock()
        """Held for each change, also while a notification is begun; who only reads does without."""
        self._rollouts: dict[str, Rollout] = {}
        """In the order in which they were begun. Replaced as a whole."""
        self._kept: dict[str, Rollout] = {}
        """As they are in the file."""
        self._stopping = False

    def start(self) -> None:
        """Go on where an earlier start was; the devices were taken in, and the notifier is not resumed yet.

        What is to be told waits until it was looked whether the rollout still goes on.
        """
        with self._acting:
            loaded = {rollout.id: rollout for rollout in self._file.load()}
            self._rollouts, self._kept = loaded, dict(loaded)
            for rollout in loaded.values():
                self._watching.begin(rollout, min(rollout.started.timestamp(), self._steady()))
                self._notifications.recall(rollout)
                self._put(self._watching.look(rollout))
                self._advance(rollout.id)
                if self._rollouts[rollout.id].state is RolloutState.RUNNING:
                    self._notifications.follow(self._rollouts[rollout.id])

    def stop(self) -> None:
        """Decide nothing more."""
        with self._acting:
            self._stopping = True

    def create(
        self,
        publish_id: str,
        devices: Sequence[DeviceUrl],
        waves: Waves,
        share: float = 1.0,
        stop_after: int = 1,
        accept: Accept = Accept.CONFIRMED,
        who: str = "somebody",
    ) -> Rollout:
        """Begin one; its first wave opens at once. `share` is above 0 and at most 1, `stop_after` at least 1.

        Raises InvalidRequest, ReleaseNotFound, InvalidRelease, and StoreFull where it cannot be recorded.
        """
        urls = [str(device) for device in dict.fromkeys(devices)]
        if not urls:
            raise InvalidRequest("No device is named: a rollout needs at least one.")
        sizes = waves.sizes(len(urls))
        of_wave = [n for n, size in enumerate(sizes, 1) for _ in range(size)]
        rows = tuple(RolloutDevice(url, n) for url, n in zip(urls, of_wave, strict=True))
        started = dt.datetime.fromtimestamp(int(self._steady.wall() * 1000) / 1000, dt.UTC)
        rollout = Rollout(
            secrets.token_hex(6), publish_id, RolloutState.RUNNING, "It begins.", accept, share, stop_after, started, who,
            (Wave(),) * len(sizes), rows,
        )  # fmt: skip
        what = f"Rollout of {publish_id} to {len(urls)} device{'s' if len(urls) > 1 else ''} in waves of"
        what = f"{what} {', '.join(map(str, sizes))}: the next one opens at {share * 100:g} %, {stop_after} failed stop it."
        with self._acting:
            self._check_release(publish_id)
            self._check_free(urls)
            try:
                self._file.commit(rollout, None)
            except NotRecorded as error:
                raise StoreFull(f"The rollout was not begun: {error}") from None
            self._kept[rollout.id] = rollout
            self._watching.begin(rollout, self._steady())
            self._rollouts = self._rollouts | {rollout.id: rollout}
            self._record(rollout, f"{what} {rollout.caution}".rstrip(), who, accept=accept.value, devices=urls[:100])
            self._advance(rollout.id)
            self._forget_old()
            return self._rollouts[rollout.id]

    def get(self, rollout_id: str) -> Rollout:
        """Raises NotFound."""
        found = self._rollouts.get(rollout_id)
        if found is None:
            raise NotFound(f"There is no rollout {rollout_id!r}; the server keeps only the latest ones.")
        return found

    def all(self) -> list[Rollout]:
        """Those that are remembered, the latest first."""
        return list(reversed(self._rollouts.values()))

    def pause(self, rollout_id: str, who: str) -> Rollout:
        """Tell no other device for now. Raises NotFound, and InvalidRequest when it is over."""
        with self._changing(rollout_id) as rollout:
            if rollout.state is RolloutState.RUNNING:
                self._decided(replace(rollout, state=RolloutState.PAUSED, reason=f"Paused by {who}."), who)
        return self.get(rollout_id)

    def resume(self, rollout_id: str, who: str) -> Rollout:
        """Go on, also where too few devices of a wave were accepted. Raises NotFound, and InvalidRequest when it is over."""
        with self._changing(rollout_id) as rollout:
            if rollout.state is RolloutState.PAUSED:
                why = f"Resumed by {who}. It was: {rollout.reason}"
                self._decided(replace(rollout, state=RolloutState.RUNNING, reason=why), who)
        return self.get(rollout_id)

    def end(self, rollout_id: str, who: str) -> Rollout:
        """Stop it for good; those that were told go on. Raises NotFound, and InvalidRequest when it is done."""
        with self._changing(rollout_id) as rollout:
            self._decided(stopped(rollout, f"Stopped by {who}."), who)
        return self.get(rollout_id)

    def beat(self) -> None:
        """Look at all that go on, and take the steps that are due."""
        with self._acting:
            for rollout_id in list(self._rollouts):
                self._advance(rollout_id)

    def failed(self, publish_id: str) -> None:
        """A device has just failed with this release: look at once, before another one is told."""
        with self._acting:
            for rollout in list(self._rollouts.values()):
                if rollout.publish_id == publish_id and not rollout.over:
                    self._advance(rollout.id)

    @contextmanager
    def _changing(self, rollout_id: str) -> Iterator[Rollout]:
        """What a person decides; on the disk, if that can be, at the end."""
        with self._acting:
            self._advance(rollout_id)
            rollout = self.get(rollout_id)
            if rollout.over:
                raise InvalidRequest(f"The rollout is {rollout.state} for good. To go on, begin another one.")
            yield rollout
            self._advance(rollout_id)
        self._file.flush()

    def _advance(self, rollout_id: str) -> None:
        before = self.get(rollout_id)
        if self._stopping or not self._watching.is_of_use(before):
            return
        self._put(self._watching.look(before))
        while (decision := decide(self.get(rollout_id))) is not None:
            if not self._take(self.get(rollout_id), decision):
                break
        if (now := self.get(rollout_id)).state is RolloutState.RUNNING:
            self._notifications.go_on(now)

    def _take(self, rollout: Rollout, decision: Decision) -> bool:
        """Whether the step was taken."""
        if decision.act is not Act.OPEN:
            self._decided(carried_out(rollout, decision))
            return True
        try:
            self._check_release(rollout.publish_id)
        except (ReleaseNotFound, InvalidRelease) as error:
            why = f"Paused before wave {decision.wave} of {len(rollout.waves)}: {error}"
            self._decided(replace(rollout, state=RolloutState.PAUSED, reason=why))
            return True
        to_tell = any(row.outcome is not Outcome.CONFIRMED for row in rollout.of_wave(decision.wave))
        opened = carried_out(rollout, decision, secrets.token_urlsafe(12) if to_tell else None)
        try:
            self._file.commit(opened, self._kept[rollout.id])
        except NotRecorded:
            return False  # nobody is told without a record; the next beat tries again
        self._kept[rollout.id] = opened
        self._put(opened)
        self._record(opened, decision.reason, wave=decision.wave)
        if to_tell:
            self._notifications.begin(opened, decision.wave)
        return True

    def _decided(self, rollout: Rollout, who: str = "server") -> None:
        """The file first: should the server end now, the notifications follow at its next start."""
        self._put(rollout)
        self._record(rollout, rollout.reason, who, wave=rollout.opened)
        self._notifications.follow(rollout)

    def _put(self, rollout: Rollout) -> None:
        before = self._kept[rollout.id]
        if rollout != before:
            self._file.keep(rollout, before)
            self._kept[rollout.id] = rollout
        self._rollouts = self._rollouts | {rollout.id: rollout}

    def _record(self, rollout: Rollout, what: str, who: str = "server", **details: Any) -> None:
        details = {"rollout": rollout.id, "state": rollout.state.value, "touched": rollout.touched, **details}
        self._history.record("rollout", what, who, rollout.publish_id, **details)
        _log.info("%s: rollout %s of %s: %s", who, rollout.id, rollout.publish_id, what)

    def _check_release(self, publish_id: str) -> None:
        release = self._release(publish_id)
        if release is None:
            raise ReleaseNotFound(f"There is no release {publish_id!r}.")
        if release.state is not State.READY:
            raise InvalidRelease(f"{publish_id!r} is {release.state}, so devices could not fetch it.", release.findings)

    def _check_free(self, urls: Sequence[str]) -> None:
        asked = set(urls)
        for other in self._rollouts.values():
            both = [row.device for row in other.devices if row.device in asked] if not other.over else []
            if both:
                raise InvalidRequest(
                    f"{both[0]} is in the rollout {other.id} of {other.publish_id}, which is {other.state}: stop that one first."
                )

    def _forget_old(self) -> None:
        old = [rollout.id for rollout in self._rollouts.values() if rollout.over][:-KEPT]
        self._rollouts = {key: rollout for key, rollout in self._rollouts.items() if key not in old}
        for key in old:
            self._watching.forget(self._kept.pop(key))
        self._file.forget(old)
