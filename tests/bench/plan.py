"""How long, how often and how large everything is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run of the bench. Seconds are those of a single measurement."""

    rounds: int
    seconds: float
    sizes: tuple[int, ...]
    """Block sizes as exponents: 16 << n bytes (RFC 7959, 2.2)."""
    many: int
    """The devices of the parts that are about many."""
    blocks_each: int
    """64-byte blocks that each of them gets in the part about memory."""
    releases: int
    devices: int
    """Those that are known, in the part about the most memory."""
    transfers: int
    """Files with which each of them began."""
    events: int


FULL = Plan(
    rounds=3, seconds=4.0, sizes=(6, 2), many=1000, blocks_each=5000, releases=10_000, devices=10_000, transfers=2, events=100_000
)
QUICK = Plan(
    rounds=1, seconds=1.0, sizes=(6, 2), many=100, blocks_each=500, releases=300, devices=300, transfers=2, events=3000
)
