"""Every device that the server knows: what people call it, and what was last known of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from common.device import Device
from common.device_url import DeviceUrl
from common.errors import NotFound
from server.fleet.devices import traces
from server.fleet.devices.known import Keeper, Known, differs
from server.fleet.devices.trace import Trace
from server.steady import Steady

MOST = 10_000
"""Devices; those that people named or that are busy stay, of the others the longest silent go."""

Changed = Callable[[Known, Trace | None], None]
"""Hears of a device whose trace is another one now, and of the trace before; outside of all locks, in the thread that told."""


class Inventory:
    """Threads: any."""

    def __init__(self, keeper: Keeper, steady: Steady) -> None:
        """`keeper` remembers them from one start to the next; `steady` says when one was heard."""
        self._keeper = keeper
        self._steady = steady
        self._changed: list[Changed] = []
        self._lock = threading.RLock()
        self._known: dict[str, Known] = {}
        self._stopping = False
        self.number = 0
        """Rises with every change."""

    def start(self) -> None:
        """Take in what was kept; what devices did while nobody looked is no reason for a verdict."""
        now = self._steady()
        with self._lock:
            self._known = {known.address: traces.resumed(known, now) for known in self._keeper.load()}

    def stop(self) -> None:
        """Take in nothing more: that a device gives no answer to a server that stops is none of its traces."""
        with self._lock:
            self._stopping = True

    def listen(self, changed: Changed) -> None:
        """Have it called from now on."""
        self._changed.append(changed)

    def all(self) -> list[Device]:
        """In the order in which they became known."""
        return [one.shown(self._steady.unix) for one in self.known()]

    def known(self) -> list[Known]:
        """The same, as the fleet knows them."""
        with self._lock:
            return list(self._known.values())

    def get(self, address: str) -> Device:
        """Raises NotFound."""
        with self._lock:
            return self._there(address).shown(self._steady.unix)

    def of_group(self, group: str) -> tuple[DeviceUrl, ...]:
        """Where the devices of a group take notifications."""
        with self._lock:
            return tuple(k.url for k in self._known.values() if k.group == group and k.url is not None)

    def trace(self, address: str) -> Trace | None:
        """What is known of its update."""
        with self._lock:
            return self._of(address).trace

    def name(self, address: str, name: str | None, group: str | None) -> Device:
        """Give it a name, a group, or both; None leaves what there is. Raises NotFound."""
        with self._lock:
            known = self._there(address)
            known = replace(known, name=known.name if name is None else name, group=known.group if group is None else group)
            self._put(known)
        return known.shown(self._steady.unix)

    def _forget(self, address: str) -> Known:
        """As it was; `_lock` is held. Raises NotFound."""
        known = self._there(address)
        del self._known[address]
        self._keeper.forget(address)
        self.number += 1
        return known

    def _change(self, address: str, change: Callable[[Known], Known], unless: Callable[[], bool] = lambda: False) -> Known:
        """`unless` is asked under the lock: a device may have been forgotten meanwhile."""
        with self._lock:
            before = self._of(address)
            if self._stopping or unless():
                return before
            after = change(before)
            if after != before or address not in self._known:
                self._put(after)
        if after.trace is not before.trace and after.trace is not None:
            for changed in self._changed:
                changed(after, before.trace)
        return after

    def _there(self, address: str) -> Known:
        if (known := self._known.get(address)) is None:
            raise NotFound(f"No device is known at {address!r}.")
        return known

    def _of(self, address: str) -> Known:
        return self._known.get(address) or Known(address)

    def _put(self, known: Known) -> None:
        before = self._known.get(known.address)
        self._known[known.address] = known
        self.number += 1
        if before is None or differs(before, known):
            self._keeper.keep(known)
        if len(self._known) > MOST:
            idle = [k for k in self._known.values() if not k.name and not k.group and (k.trace is None or k.trace.over)]
            for known in sorted(idle, key=lambda k: k.seen or 0.0)[: len(self._known) - MOST]:
                del self._known[known.address]
                self._keeper.forget(known.address)
