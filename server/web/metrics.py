"""The server's counts as series for Prometheus, each with its name and meaning, read when they are asked for."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from common import __version__
from common.device import UpdateState
from common.notification import DeviceState
from common.release import State
from common.rollout import RolloutState
from common.transfer import TransferState
from server.coap.service import CoapService
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.watcher import Watcher
from server.fleet.fleet import Fleet
from server.fleet.retiring import Retiring
from server.health import Health, Status

_ERRORS = ("4.04",)
"""Codes that are shown before there is any, so that a rate can be taken of the first one."""
_REFUSALS = ("401", "403", "429")
_ENDS = (TransferState.DONE, TransferState.ABANDONED, TransferState.RESTARTED)
_RESULTS = (DeviceState.ACCEPTED, DeviceState.REFUSED, DeviceState.UNREACHABLE, DeviceState.CANCELLED)


class ServerSeries(Collector):
    """The server as a whole. Threads: the web workers call it, as all below."""

    def __init__(self, health: Health, started: float) -> None:
        """`started` is Unix time."""
        self._health = health
        self._started = started

    def collect(self) -> Iterator[Metric]:
        """The registry calls it."""
        build = {"version": __version__, "python": platform.python_version()}
        yield InfoMetricFamily("ota_build", "Which server this is.", build)
        yield _gauge("ota_start_time_seconds", "When the server was started, as Unix time.", self._started)
        now = self._health.look().status
        states = {status.name.lower(): int(status is now) for status in Status}
        yield _gauge("ota_health", "What /healthz says: 1 for the state that it is in.", states, "status")


class CoapSeries(Collector):
    """What devices ask for."""

    def __init__(self, devices: CoapService) -> None:
        self._devices = devices

    def collect(self) -> Iterator[Metric]:
        """The registry calls it."""
        devices = self._devices
        codes, queue = devices.tally.counts(), devices.queue.look()
        made = codes.get("2.05", 0)
        errors = dict.fromkeys(_ERRORS, 0) | {code: n for code, n in codes.items() if code[0] in "45"}
        yield _counter("ota_coap_blocks", "Blocks that were sent.", devices.endpoint.answered + made)
        yield _counter("ota_coap_errors", "Requests that were answered with an error, by CoAP code.", errors, "code")
        dropped = devices.endpoint.dropped
        yield _counter("ota_coap_dropped", "Datagrams for which there was no room to wait in, within the server.", dropped)
        if queue is not None:
            dropped = queue.drops
            yield _counter("ota_coap_receive_drops", "Datagrams that the kernel dropped: the socket's queue was full.", dropped)
            waiting = "Memory that datagrams take which the kernel has and the server has not read."
            yield _gauge("ota_coap_receive_queue_bytes", waiting, queue.waiting)
        yield _counter(
            "ota_coap_rate_refused",
            "Answers that were not sent because their address had had its bytes a second (--coap-rate).",
            devices.budget.refused if devices.budget is not None else 0,
        )
        yield _gauge("ota_coap_pins", "Transfers that hold their image.", len(devices.pins))
        yield _gauge("ota_coap_pinned_bytes", "Memory that the images take which transfers hold.", devices.pins.held)
        yield _gauge("ota_coap_observers", "Devices that wait for a manifest to change.", len(devices.observers))


class FolderSeries(Collector):
    """What there is to serve."""

    def __init__(self, live: LiveCatalogue, watcher: Watcher, rescan: float) -> None:
        """`rescan`: seconds between two looks at the whole folder."""
        self._live = live
        self._watcher = watcher
        self._rescan = rescan
        self._counted: tuple[int, Mapping[str, int], int] = (-1, {}, 0)

    def collect(self) -> Iterator[Metric]:
        """The registry calls it. The releases are looked through once for each catalogue."""
        current = self._live.current
        states, size = self._count(current)
        yield _gauge("ota_catalogue_releases", "Releases, by state.", states, "state")
        yield _gauge("ota_catalogue_bytes", "Bytes of all files of all releases.", size)
        yield _gauge("ota_catalogue_problems", "Problems in the firmware folder, which the page shows.", len(current.problems))
        yield _counter("ota_catalogue_changes", "How often the catalogue changed.", current.number)
        yield _gauge("ota_catalogue_age_seconds", "Since the whole folder was looked at.", self._watcher.age)
        yield _gauge("ota_catalogue_rescan_seconds", "After which it is looked at again (--rescan).", self._rescan)

    def _count(self, current: Catalogue) -> tuple[Mapping[str, int], int]:
        number, states, size = self._counted
        if number != current.number:
            found = Counter(release.state for release in current.releases)
            states, size = {state: found[state] for state in State}, sum(f.size for r in current.releases for f in r.files)
            self._counted = (current.number, states, size)
        return states, size


class FleetSeries(Collector):
    """What became of it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        """The registry calls it."""
        fleet, history = self._fleet, self._fleet.history
        yield _gauge("ota_transfers", "Transfers under way, by state.", fleet.transfers.under_way(), "state")
        ends = {state: fleet.ends[state] for state in _ENDS}
        yield _counter("ota_transfers_ended", "Transfers that came to an end, by how.", ends, "state")
        results = {state: fleet.notifier.results[state] for state in _RESULTS}
        yield _counter("ota_notifications", "Devices that were to be notified, by what came of it.", results, "result")
        found = Counter(known.trace.state if known.trace is not None else None for known in fleet.devices.known())
        states = {state: found[state] for state in UpdateState} | {"none": found[None]}
        yield _gauge("ota_devices", "Devices that are known, by the state of their last update.", states, "state")
        rollouts = Counter(rollout.state for rollout in fleet.rollouts.all())
        yield _gauge("ota_rollouts", "Rollouts that are remembered, by state.", {s: rollouts[s] for s in RolloutState}, "state")
        yield _gauge("ota_history_lag_seconds", "For which the oldest event that is not on the disk has waited.", history.lag)
        yield _gauge("ota_history_waiting", "Entries that wait to be written.", history.waiting)
        yield _counter("ota_history_lost", "Entries that were lost, because too many waited.", history.lost)


class RetentionSeries(Collector):
    """What is removed by itself; nothing is shown where no limit is set."""

    def __init__(self, retiring: Retiring) -> None:
        self._retiring = retiring

    def collect(self) -> Iterator[Metric]:
        """The registry calls it."""
        limits, removed = self._retiring.limits, self._retiring.removed
        if limits.any:
            counts = {limit: removed[limit] for limit in ("keep", "quota")}
            yield _counter("ota_releases_retired", "Releases that were removed by themselves, by limit.", counts, "limit")
        if limits.quota is not None:
            said = "Bytes of the files in the firmware folder, hidden and temporary ones aside."
            yield _gauge("ota_folder_bytes", said, self._retiring.size)
            yield _gauge("ota_folder_quota_bytes", "Bytes that it may have (--quota).", limits.quota)


class HttpSeries(Collector):
    """What people and programs are answered."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """`counts` gives how many answers had which status code."""
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """The registry calls it."""
        counts = dict.fromkeys(_REFUSALS, 0) | dict(self._counts())
        yield _counter("ota_http_responses", "Answers to HTTP requests, by status code.", counts, "code")


_Value = float | Mapping[Any, int]
"""One number, or one for each value of a label."""


def _counter(name: str, meaning: str, value: _Value, label: str = "") -> Metric:
    return _family(CounterMetricFamily, name, meaning, value, label)


def _gauge(name: str, meaning: str, value: _Value, label: str = "") -> Metric:
    return _family(GaugeMetricFamily, name, meaning, value, label)


def _family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily], name: str, meaning: str, value: _Value, label: str
) -> Metric:
    if not isinstance(value, Mapping):
        return kind(name, meaning, value)
    family = kind(name, meaning, labels=[label])
    for key, count in value.items():
        family.add_metric([str(key)], count)
    return family
