"""What stands around the devices' side of the fleet: devices that are asked, who asks them, and where they are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any

from common.device_url import DeviceUrl
from common.release import Release
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known


class Later(Executor):
    """A pool whose work is done when the test says so."""

    def __init__(self) -> None:
        self.works: deque[Callable[[], object]] = deque()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.works.append(lambda: fn(*args, **kwargs))
        return Future()

    def work(self) -> int:
        """Do what waits; how much it was."""
        count = len(self.works)
        for _ in range(count):
            self.works.popleft()()
        return count


class Prober:
    """Every device shows `shown`, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.shown = [Shown(True, 0)]
        self.asked: list[str] = []

    def is_of_use(self, listing: bytes) -> bool:
        return b"</suit/slot/active>" in listing

    def show(self, device: DeviceUrl, release: Release | None) -> Shown:  # noqa: ARG002
        self.asked.append(device.host)
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]

    def board(self, device: DeviceUrl) -> str | None:  # noqa: ARG002
        return "sample-board"


class Keeper:
    """A dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, Known] = {}
        self.writes = 0

    def load(self) -> Iterable[Known]:
        return list(self.kept.values())

    def keep(self, device: Known) -> None:
        self.kept[device.address] = device
        self.writes += 1

    def forget(self, address: str) -> None:
        del self.kept[address]
