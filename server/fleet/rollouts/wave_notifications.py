"""The notifications of a rollout's waves: begun once each, also across an end of the server, and in the state of the rollout."""

from __future__ import annotations

from common.device_url import DeviceUrl
from common.errors import NotFound
from common.notification import BatchState
from common.rollout import Outcome, Rollout, RolloutState
from server.fleet.devices.devices import Devices
from server.fleet.notifying.notifier import Notifier
from server.fleet.record.database import NotRecorded

_STATES = {
    RolloutState.RUNNING: BatchState.RUNNING,
    RolloutState.PAUSED: BatchState.PAUSED,
    RolloutState.STOPPED: BatchState.CANCELLED,
    RolloutState.DONE: BatchState.RUNNING,
}


class WaveNotifications:
    """Threads: the one that uses it holds the rollouts' lock."""

    def __init__(self, notifier: Notifier, devices: Devices) -> None:
        self._notifier = notifier
        self._devices = devices
        self._unbegun: set[tuple[str, int]] = set()
        """Waves that were opened, and of whose notification it is not known whether it was begun."""

    def recall(self, rollout: Rollout) -> None:
        """Those of an earlier start, while the notifier is not resumed; what is to be told waits until the rollout goes on."""
        for number in _worth_recalling(rollout):
            self._unbegun.add((rollout.id, number))
            self._recall(rollout, number, BatchState.CANCELLED if rollout.over else BatchState.PAUSED)

    def go_on(self, rollout: Rollout) -> None:
        """The rollout runs: what an earlier start opened and did not begin is begun now."""
        for number in [number for rollout_id, number in self._unbegun if rollout_id == rollout.id]:
            self._recall(rollout, number, BatchState.RUNNING)

    def begin(self, rollout: Rollout, number: int) -> None:
        """Tell the devices of the wave `number`, from 1 on, those aside that run the release already."""
        rows = [row for row in rollout.of_wave(number) if row.outcome is not Outcome.CONFIRMED]
        urls = [DeviceUrl.parse(row.device) for row in rows]
        self._notifier.start(rollout.publish_id, urls, who=rollout.who, number=rollout.waves[number - 1].notification)

    def follow(self, rollout: Rollout) -> None:
        """They run, pause and end as the rollout does."""
        for number, wave in enumerate(rollout.waves, 1):
            if wave.notification is not None and (rollout.id, number) not in self._unbegun:
                try:
                    self._notifier.set_state(wave.notification, _STATES[rollout.state])
                except NotFound:
                    pass  # it was over long ago, and is forgotten

    def _recall(self, rollout: Rollout, number: int, state: BatchState) -> None:
        wave = rollout.waves[number - 1]
        if wave.notification is None:
            return
        try:
            found = self._notifier.recall(wave.notification, state, self._devices.expect)
        except NotRecorded:
            return
        begun = found is not None or any(row.told for row in rollout.of_wave(number))
        if not begun and state is not BatchState.RUNNING and not rollout.over:
            return  # it is begun when the rollout goes on
        self._unbegun.discard((rollout.id, number))
        if not begun and not rollout.over:
            self.begin(rollout, number)


def _worth_recalling(rollout: Rollout) -> list[int]:
    """Waves whose notification may still have something to do, or to say."""
    if rollout.state is RolloutState.DONE:
        return []
    waves = enumerate(rollout.waves, 1)
    opened = [number for number, wave in waves if wave.notification is not None]
    return [n for n in opened if not rollout.over or any(not row.outcome.settled for row in rollout.of_wave(n))]
