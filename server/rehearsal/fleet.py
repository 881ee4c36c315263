"""Many devices in one thread, each at an address of its own."""

from __future__ import annotations

import errno
import ipaddress
import random
import socket
from collections.abc import Iterator, Sequence

from common.errors import ConfigError
from server.rehearsal.console import Console
from server.rehearsal.device import Device
from server.rehearsal.faults import Fault
from server.rehearsal.fetch import Way
from server.rehearsal.loop import Loop
from server.rehearsal.profile import Profile
from server.rehearsal.radio import Radio


class Fleet:
    """The devices of one rehearsal. One thread makes and runs it."""

    def __init__(
        self, loop: Loop, console: Console, block: int = 64, loss: float = 0.0, delay: float = 0.0, seed: int = 1
    ) -> None:
        """`block`: bytes. `loss`, `delay`: see Radio."""
        self._loop = loop
        self._console = console
        self._block = block
        self._loss = loss
        self._delay = delay
        self._seed = seed
        self.devices: list[Device] = []

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, first: str, port: int, profile: Profile, faults: Sequence[Fault | None]) -> None:
        """One device for each fault, at addresses that count up from the first; ConfigError where one cannot be had."""
        for number, (address, fault) in enumerate(zip(_addresses(first, len(faults)), faults, strict=True)):
            chance = random.Random(f"{self._seed}/{number}")
            radio = Radio(self._loop, chance, self._loss, self._delay)
            way = Way(self._loop, radio, chance, address, self._block)
            device = Device(_open(address, port), profile.with_fault(fault), way, self._console)
            self.devices.append(device)
            device.start()

    def stop(self) -> None:
        """Close all sockets."""
        for device in self.devices:
            device.stop()
        self.devices.clear()

    @property
    def done(self) -> bool:
        """Whether every device was triggered, and has come to its end."""
        return all(device.outcome is not None for device in self.devices)

    @property
    def as_expected(self) -> bool:
        """Whether every device that nothing was wrong with has the new version."""
        return all(device.as_expected for device in self.devices)


def _addresses(first: str, count: int) -> Iterator[str]:
    try:
        start = ipaddress.ip_address(first)
        last = start + (count - 1)
    except ValueError as error:
        raise ConfigError(f"--address {first}: {error}. It takes an address, such as 127.1.0.1 or fd00::100.") from None
    return (str(start + n) for n in range(int(last) - int(start) + 1))


def _open(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"No device can be at {address}, port {port}: {_reason(error)}") from None
    return sock


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is taken there. Stop what has it (another rehearsal?), or name another with --port or --address."
        case errno.EADDRNOTAVAIL:
            return "this machine does not have the address. Name one that it has, such as 127.1.0.1, with --address."
        case errno.EACCES:
            return "the port is below 1024, and only root may have it. Name another with --port."
    return f"{error.strerror}."
