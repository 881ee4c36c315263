"""The rehearsal's command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.device_url import DeviceUrl
from common.errors import ConfigError, InvalidDeviceUrl
from server.rehearsal.faults import Fault, assign
from server.rehearsal.profile import OFFSETS, Profile
from server.rehearsal.uris import Target

BLOCKS = (16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. The profile trusts any signature until the keys are loaded."""

    profile: Profile
    faults: tuple[Fault | None, ...]
    """One for each device."""
    address: str
    port: int
    block: int
    loss: float
    delay: float
    seed: int
    speed: float
    trust_keys: Path | None
    json: bool
    until_done: bool
    list_faults: bool


def read(arguments: list[str]) -> Options:
    """Read it; ConfigError, or SystemExit 2 with the usage, where it cannot be."""
    given = _parser().parse_args(arguments)
    profile = Profile(
        board=given.board,
        offsets=given.slot_offsets,
        version=given.running_version,
        nul_bug=given.nul_bug,
        slots=not given.no_slots,
        boot_time=given.boot_time,
        server=_server(given.server),
    )
    return Options(
        profile=profile,
        faults=tuple(assign(given.fault, given.count)),
        address=given.address,
        port=given.port,
        block=given.block,
        loss=given.loss,
        delay=given.delay,
        seed=given.seed,
        speed=given.speed,
        trust_keys=given.trust_keys,
        json=given.json,
        until_done=given.until_done,
        list_faults=given.list_faults,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server.rehearsal",
        description="Simulated RIOT devices, to try a release without hardware.",
        epilog="Status: 0 done, 1 a device without a fault did not update (--until-done), 78 it could not start as asked.",
    )
    add = parser.add_argument
    add("--count", type=_whole(1, 10_000), default=1, help="how many devices, each at an address of its own (1)")
    add("--address", default="127.1.0.1", help="the first one's; the next ones count up (127.1.0.1)")
    add("--port", type=_whole(0, 65535), default=5683, help="where they listen (5683)")
    add("--board", default="samr21-xpro", help="its class id is made of this name (samr21-xpro)")
    add("--slot-offsets", type=_offsets, default=OFFSETS, metavar="SLOT0,SLOT1", help="bytes into the flash (0x1000,0x20800)")
    add("--running-version", type=_whole(0, 0xFFFFFFFE), default=1, help="what they run at first (1)")
    add("--block", type=int, choices=BLOCKS, default=64, help="bytes of a block (64)")
    add("--loss", type=_number(0.0, 0.9), default=0.0, help="the share of datagrams lost in each direction, such as 0.15 (0)")
    add("--delay", type=_number(0.0, 60.0), default=0.0, help="seconds in each direction (0)")
    add("--seed", type=int, default=1, help="the same seed loses the same datagrams (1)")
    add("--speed", type=_number(0.01, 10_000.0), default=1.0, help="how many times faster than real devices' time (1)")
    add("--boot-time", type=_number(0.0, 3600.0), default=3.0, help="seconds without an answer at a reboot (3)")
    add("--trust-keys", type=Path, metavar="DIR", help="their public keys, *.pem; without it they take any signature")
    add("--server", metavar="HOST[:PORT]", help="ask this server, whatever host the URLs name; real devices ask the host named")
    add("--nul-bug", action="store_true", help="read past a URL that no NUL byte ends, as RIOT does since 2025.01")
    add("--no-slots", action="store_true", help="do not tell the active slot, as RIOT's Linux process")
    add("--fault", action="append", default=[], metavar="NAME[:N]", help="N devices (1) have it, from the first one on")
    add("--list-faults", action="store_true", help="show the faults and end")
    add("--json", action="store_true", help="one JSON object a line")
    add("--until-done", action="store_true", help="end when every device was notified and has come to its end")
    return parser


def _server(text: str | None) -> Target | None:
    if text is None:
        return None
    try:
        url = DeviceUrl.parse(text)
    except InvalidDeviceUrl:
        raise ConfigError(f"--server {text} is no server: write it as [fd00::1]:5683 or 127.0.0.1.") from None
    return Target(url.host + (f"%{url.zone}" if url.zone else ""), url.port)


def _offsets(text: str) -> tuple[int, int]:
    try:
        slot0, slot1 = (int(part, 0) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers, as in 0x1000,0x20800") from None
    if slot0 < 0 or slot1 < 0 or slot0 == slot1:
        raise argparse.ArgumentTypeError(f"{text!r}: the slots lie at two different places")
    return slot0, slot1


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} to {highest}")
        return value

    return read


def _number(lowest: float, highest: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = lowest - 1
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {lowest:g} to {highest:g}")
        return value

    return read
