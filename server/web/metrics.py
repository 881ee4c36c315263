"""What monitors ask for: counts in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

import bottle
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.coap.service import CoapService


class Metrics(Collector):
    """The counts of the CoAP side, read when they are asked for.

    Threads: the web workers call `page`; it only reads.
    """

    def __init__(self, devices: CoapService) -> None:
        self._devices = devices
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> bytes:
        """The answer to GET /metrics; its type goes into the current response."""
        bottle.response.content_type = CONTENT_TYPE_LATEST
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Each count with its name and meaning; the registry calls it."""
        endpoint, budget = self._devices.endpoint, self._devices.budget
        yield CounterMetricFamily("ota_coap_blocks", "Blocks that were answered from memory.", endpoint.answered)
        yield CounterMetricFamily("ota_coap_dropped", "Datagrams for which there was no room to wait in.", endpoint.dropped)
        yield CounterMetricFamily(
            "ota_coap_rate_refused",
            "Answers that were not sent because their address had had its bytes a second (--coap-rate).",
            budget.refused if budget is not None else 0,
        )
        yield GaugeMetricFamily("ota_coap_pins", "Transfers that hold their image.", len(self._devices.pins))
        yield GaugeMetricFamily("ota_coap_observers", "Devices that wait for a manifest to change.", len(self._devices.observers))
