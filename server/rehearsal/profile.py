"""What kind of device it is: how it was built, and what goes wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from common.manifest import Signature
from server.rehearsal.faults import Fault
from server.rehearsal.uris import Target

OFFSETS = (0x1000, 0x20800)
"""Those of RIOT's samr21-xpro: bytes from the start of the flash."""
_HIGHEST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Profile:
    """One device's build."""

    board: str = "samr21-xpro"
    offsets: tuple[int, int] = OFFSETS
    """Of slot 0 and slot 1."""
    version: int = 1
    """What runs at first."""
    nul_bug: bool = False
    """It runs strlen() over a payload that nothing ends, as RIOT does since 2025.01."""
    slots: bool = True
    """Whether it tells which slot is active; RIOT as a Linux process does not."""
    boot_time: float = 3.0
    """Seconds for which it answers nothing when it reboots."""
    trusts: Callable[[Signature], bool] | None = None
    """Whether its key made a signature; None takes any."""
    fault: Fault | None = None
    server: Target | None = None
    """Asked in place of the host that a URI names; its path is of no account."""

    def with_fault(self, fault: Fault | None) -> Profile:
        """The same device with something wrong from the factory, where the fault is of that sort."""
        changed = replace(self, fault=fault)
        if fault is Fault.BAD_SIGNATURE:
            return replace(changed, trusts=_trusts_none)
        if fault is Fault.OLD_SEQUENCE:
            return replace(changed, version=_HIGHEST)
        if fault is Fault.WRONG_CLASS:
            return replace(changed, board="another-board" if self.board != "another-board" else "yet-another-board")
        return replace(changed, slots=False) if fault is Fault.NO_PROOF else changed


def _trusts_none(signature: Signature) -> bool:  # noqa: ARG001
    return False
